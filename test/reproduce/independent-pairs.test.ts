import { describe, expect, test } from 'vitest';
import { sinkhornBridge } from '../../src/discrete/sinkhorn-bridge.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { weightedMoments } from '../../src/numerics/moments.ts';
import { wrapPoints } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownianBetween, pairVelocities, shuffledRows } from '../../src/reproduce/independent-pairs.ts';
import { independentFigures, toyScale } from '../../src/reproduce/toy-figures.ts';
import { toySample, toySets } from '../../src/reproduce/toy-sets.ts';

const normal = (mean: number) => gaussianMarginal({ mean: [mean, 0], covariance: 1 });

describe('the independent coupling of the tables', () => {
  test('between Gaussians: law and current velocity at a time', () => {
    const [t, sigma, count] = [0.3, 1.5, 20_000];
    const [x0, x1] = [normal(0).sample(count, randomSource(1)), normal(2).sample(count, randomSource(2))];
    const noise = randomSource(3);
    const x = brownianBetween(x0, x1, t, sigma, () => noise.normal());
    const { mean, covariance } = weightedMoments(x);
    // X_t = (1 − t)X₀ + tX₁ + σ√(t(1 − t)) z.
    const variance = (1 - t) ** 2 + t ** 2 + sigma ** 2 * t * (1 - t);
    expect(mean[0]).toBeCloseTo(2 * t, 1);
    expect(covariance.get(0, 0) / variance).toBeCloseTo(1, 1);
    // v = E[½((X₁ − x)/(1 − t) − (X₀ − x)/t) | x] = 2e₁ + slope·(x − 2te₁), where slope = ½ d(variance)/dt / variance.
    const slope = (2 * t - 1 + 0.5 * sigma ** 2 * (1 - 2 * t)) / variance;
    const at = wrapPoints(Float64Array.of(0.6, 0, 1.6, 0.5), 2);
    const squares = pairVelocities(at, t, { x: x0, y: x1 }, sigma);
    expect(squares[0]).toBeCloseTo(4, 0);
    expect(Math.abs(squares[0]! - 4)).toBeLessThan(0.25);
    expect(Math.abs(squares[1]! - ((2 + slope) ** 2 + (0.5 * slope) ** 2))).toBeLessThan(0.3);
  });

  test('one pair: the velocity of its bridge', () => {
    const [a, b] = [wrapPoints(Float64Array.of(0, 0), 2), wrapPoints(Float64Array.of(3, 4), 2)];
    // On the straight line the velocity is the displacement, |(3, 4)|² = 25.
    expect(pairVelocities(wrapPoints(Float64Array.of(0.75, 1), 2), 0.25, { x: a, y: b }, 1)[0]).toBeCloseTo(25, 12);
  });

  test('of a set: W2 at the floor, no replay, and more energy apart from the bridge than the bridge from itself', () => {
    const sample = toySample(toySets()[3]!, 0, 600);
    const scale = toyScale(sample, sinkhornBridge(sample.problem), { exactPoints: 300, energyPaths: 200 });
    const { paths, energyGap, nearest } = independentFigures(sample, scale, randomSource(0));
    expect(paths).toBeCloseTo(1, 12);
    expect(nearest).toBeGreaterThan(0.8);
    expect(energyGap).toBeGreaterThan(0.05);
  });

  test('shuffled rows are the same rows', () => {
    const x = normal(0).sample(50, randomSource(4));
    const y = shuffledRows(x, randomSource(5));
    expect(y.data).not.toEqual(x.data);
    expect(Array.from(y.data).sort()).toEqual(Array.from(x.data).sort());
  });
});
