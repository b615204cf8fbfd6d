import { allocatePoints, type Points, row } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import type { MixturePotential } from './mixture-potential.ts';
import { type TermMoments, termMoments } from './mixture-quadratics.ts';
import { blendSpreads, type Spread } from './mixture-spread.ts';
import { gaussianComponent, type SideMoments, sideMoments, type WeightedPoints } from './mixture-step.ts';

/** Rounds of Lloyd's algorithm after the seeding. */
const ROUNDS = 10;

/**
 * A first potential: k-means++ of the target sample, and for every cluster the Gaussian plan from the whole source to a Gaussian with the
 * cluster's centre and the covariance inside clusters, pooled.
 *
 * @see [arthur2007]
 */
export function startingPotential(
  x: WeightedPoints,
  y: WeightedPoints,
  components: number,
  shape: 'diagonal' | 'full',
  ridge: number,
  random: RandomSource,
): MixturePotential {
  const diagonal = shape === 'diagonal';
  const source = sideMoments(termMoments(x.points, x.weights, new Float64Array(x.points.count).fill(1), diagonal), 0);
  const clusters = kMeans(y, components, random, diagonal);
  const parts = Array.from({ length: components }, (_, k) => sideMoments(clusters, k)).filter(({ mass }) => mass > 0);
  const pooled = poolCovariances(parts);
  return {
    dimension: y.points.dimension,
    components: parts.map((part) => gaussianComponent(source, { ...part, covariance: pooled }, ridge)),
  };
}

function poolCovariances(parts: readonly SideMoments[]): Spread {
  let pooled = parts[0]!.covariance;
  let mass = parts[0]!.mass;
  for (const part of parts.slice(1)) {
    mass += part.mass;
    pooled = blendSpreads(pooled, part.covariance, part.mass / mass);
  }
  return pooled;
}

/** Moments of the clusters of Lloyd's algorithm from a k-means++ seeding; duplicates may leave clusters empty. */
function kMeans(y: WeightedPoints, clusters: number, random: RandomSource, diagonal: boolean): TermMoments {
  let centres = seeds(y, clusters, random);
  let shares = nearest(y.points, centres);
  for (let round = 0; round < ROUNDS && clusters > 1; round++) {
    const { masses, means } = termMoments(y.points, y.weights, shares, true);
    const moved = allocatePoints(clusters, y.points.dimension);
    masses.forEach((mass, k) => {
      row(moved, k).set(mass > 0 ? means.subarray(k * moved.dimension, (k + 1) * moved.dimension) : row(centres, k));
    });
    centres = moved;
    shares = nearest(y.points, centres);
  }
  return termMoments(y.points, y.weights, shares, diagonal);
}

/** Each seed is drawn with probability proportional to weight times squared distance from the seeds so far. */
function seeds({ points, weights }: WeightedPoints, clusters: number, random: RandomSource): Points {
  const centres = allocatePoints(clusters, points.dimension);
  const distances = new Float64Array(points.count).fill(1);
  for (let k = 0; k < clusters; k++) {
    let left = random.uniform() * weights.reduce((sum, w, i) => sum + w * distances[i]!, 0);
    let chosen = 0;
    for (let i = 0; i < points.count; i++) {
      left -= weights[i]! * distances[i]!;
      chosen = i;
      if (left < 0) break;
    }
    const centre = row(centres, k);
    centre.set(row(points, chosen));
    for (let i = 0; i < points.count; i++) {
      const square = squaredDistance(points, i, centre);
      distances[i] = k === 0 ? square : Math.min(distances[i]!, square);
    }
  }
  return centres;
}

/** n × K, one 1 a row. */
function nearest(points: Points, centres: Points): Float64Array {
  const shares = new Float64Array(points.count * centres.count);
  for (let i = 0; i < points.count; i++) {
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let k = 0; k < centres.count; k++) {
      const square = squaredDistance(points, i, row(centres, k));
      if (square >= least) continue;
      least = square;
      best = k;
    }
    shares[i * centres.count + best] = 1;
  }
  return shares;
}

function squaredDistance(points: Points, i: number, centre: Float64Array): number {
  let sum = 0;
  for (let c = 0, p = i * points.dimension; c < centre.length; c++, p++) sum += (points.data[p]! - centre[c]!) ** 2;
  return sum;
}
