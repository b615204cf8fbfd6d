import { allocatePoints, type Points, takeRows } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';

/** 0, 1, …, count − 1 in random order. */
export function shuffledOrder(count: number, random: RandomSource): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** The rows of a set in random order: beside another set, pairs of the independent coupling even where both were drawn mode by mode. */
export function shuffledRows(x: Points, random: RandomSource): Points {
  return takeRows(x, shuffledOrder(x.count, random));
}

/** Rows of X_t = (1 − t)x₀ + t·x₁ + σ√(t(1 − t)) z: the bridge of Brownian motion over [0, 1] between paired rows, at one time. */
export function brownianBetween(x0: Points, x1: Points, t: number, sigma: number, z: (index: number) => number): Points {
  const out = allocatePoints(x0.count, x0.dimension);
  const width = sigma * Math.sqrt(t * (1 - t));
  for (let i = 0; i < out.data.length; i++) out.data[i] = (1 - t) * x0.data[i]! + t * x1.data[i]! + width * z(i);
  return out;
}

/**
 * |v|² at every row of x, in the plane: v(x) = E[½((X₁ − x)/(1 − t) − (X₀ − x)/t) | X_t = x] is the current velocity of the bridges
 * between the pairs, each weighted by the density N(x; (1 − t)x₀ + t·x₁, σ²t(1 − t)) with which it passes.
 */
export function pairVelocities(x: Points, t: number, pairs: { readonly x: Points; readonly y: Points }, sigma: number): Float64Array {
  const starts = pairs.x.data;
  const ends = pairs.y.data;
  const precision = 1 / (2 * sigma * sigma * t * (1 - t));
  const middles = Float64Array.from(starts, (value, i) => (1 - t) * value + t * ends[i]!);
  const squares = new Float64Array(pairs.x.count);
  return Float64Array.from({ length: x.count }, (_, i) => {
    const [a, b] = [x.data[2 * i]!, x.data[2 * i + 1]!];
    let least = Number.POSITIVE_INFINITY;
    for (let j = 0; j < squares.length; j++) {
      const square = (middles[2 * j]! - a) ** 2 + (middles[2 * j + 1]! - b) ** 2;
      squares[j] = square;
      if (square < least) least = square;
    }
    const v = [0, 0];
    let total = 0;
    for (let j = 0; j < squares.length; j++) {
      const weight = Math.exp(precision * (least - squares[j]!));
      if (weight < NEGLIGIBLE) continue;
      total += weight;
      v[0]! += (weight * ((ends[2 * j]! - a) / (1 - t) - (starts[2 * j]! - a) / t)) / 2;
      v[1]! += (weight * ((ends[2 * j + 1]! - b) / (1 - t) - (starts[2 * j + 1]! - b) / t)) / 2;
    }
    return (v[0]! / total) ** 2 + (v[1]! / total) ** 2;
  });
}

/** Pairs of less weight than this, beside the nearest, are left out. */
const NEGLIGIBLE = 1e-9;
