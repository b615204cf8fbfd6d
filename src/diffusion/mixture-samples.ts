import { endCoordinates } from '../closed-forms/mixture-coordinates.ts';
import { type MixturePotential, potentialComponent } from '../closed-forms/mixture-potential.ts';
import { applySpread } from '../closed-forms/mixture-spread.ts';
import type { WeightedPoints } from '../closed-forms/mixture-step.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { DomainError, NotPositiveDefiniteError } from '../errors.ts';
import { isDiscrete } from '../marginals/discrete-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { type Affine, applyAffine } from '../numerics/affine.ts';
import { categoricalSampler } from '../numerics/categorical.ts';
import { matchMoments } from '../numerics/matched-draws.ts';
import { totalVariance, weightedMoments } from '../numerics/moments.ts';
import { type Points, takeRows } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { eigenSymmetric } from '../numerics/spd.ts';
import { combine, dot, multiplyVector } from '../numerics/vectors.ts';
import { type Batches, rowsBy } from './mixture-fit.ts';
import type { ResolvedMixtureOptions } from './mixture-options.ts';

/** Both sides of a problem in end coordinates about their means, where moments keep their digits. */
export interface MixtureSamples {
  readonly x: WeightedPoints;
  readonly y: WeightedPoints;
  /** Of y, the mean over coordinates; 0 where it is rounding. */
  readonly variance: number;
  readonly batches: Batches;
  /** The potential of the whole coordinates of one of the centred ones: exp(x·y) v(y) is exp(x′·y′) v′(y′) up to factors of x. */
  restore(potential: MixturePotential): MixturePotential;
}

/** Products of distances from the origin, in units of the noise, beyond which exponents keep no digits. */
const FARTHEST = 1e13;
/** Share of the squared mean that rounding makes of no variance at all. */
const ROUNDING = 1e-28;
/** Share of the largest variance below which there is none. */
const SINGULAR = 1e-14;

/**
 * The points that a fit sees.
 *
 * @throws DomainError when the reference or the data are so large or so small that exponents x·y cannot be represented
 */
export function mixtureSamples(problem: BridgeProblem, samples: number, random: RandomSource): MixtureSamples {
  const { source, target, reference, dimension } = problem;
  requireNoise(problem);
  const { start, end } = endCoordinates(reference, dimension);
  const [a, m] = [imageOf(start, source.mean()), imageOf(end, target.mean())];
  const [toStart, toEnd] = [about(start, a), about(end, m)];
  const x = sampleOf(source, toStart, samples, random.split('source'));
  const y = sampleOf(target, toEnd, samples, random.split('target'));
  const variance = totalVariance(y.points, y.weights) / dimension;
  const reach = Math.sqrt((dot(a, a) + meanSquare(x)) * (dot(m, m) + meanSquare(y)));
  if (!(reach < FARTHEST)) {
    throw new DomainError(
      `mixtureBridge: source and target lie too far out for the noise of the reference: the product of their distances from the origin is ${reach.toExponential(1)} times its variance, and exponents keep no digits; move both means to 0, or raise sigma`,
    );
  }
  return {
    x,
    y,
    variance: variance > ROUNDING * dot(m, m) ? variance : 0,
    batches: { x: drawsOf(source, toStart, x), y: drawsOf(target, toEnd, y) },
    restore: ({ components }) => ({
      dimension,
      components: components.map(({ logWeight, mean, covariance }) => {
        const carried = applySpread(covariance, a);
        return potentialComponent(logWeight - dot(a, mean) + 0.5 * dot(a, carried), combine([1, mean], [1, m], [-1, carried]), covariance);
      }),
    }),
  };
}

/** Every `stride`-th row, with its share of the weight. */
export function everyRow({ points, weights }: WeightedPoints, stride: number): WeightedPoints {
  const rows = Int32Array.from({ length: Math.floor(points.count / stride) }, (_, i) => i * stride);
  const total = rows.reduce((sum, i) => sum + weights[i]!, 0);
  return { points: takeRows(points, rows), weights: Float64Array.from(rows, (i) => weights[i]! / total) };
}

/** Refuses a target that one Gaussian of that shape, or any number of them, cannot fit. @throws NotPositiveDefiniteError */
export function requireSpread({ y, variance }: MixtureSamples, { components, covariance }: ResolvedMixtureOptions): void {
  if (variance === 0) {
    throw new NotPositiveDefiniteError(
      'mixtureBridge: the target is a single point, and no Gaussian; use sinkhornBridge, or pass gaussianMarginal({ mean, covariance }) with a small covariance',
    );
  }
  if (components > 1) return;
  const matrix = weightedMoments(y.points, y.weights).covariance;
  const values = covariance === 'full' ? [...eigenSymmetric(matrix).values] : matrix.diagonal();
  if (Math.min(...values) > SINGULAR * Math.max(...values)) return;
  throw new NotPositiveDefiniteError(
    'mixtureBridge: the target has no variance in some direction; leave that direction out, or take two components or more, which the ridge keeps from collapsing',
  );
}

/** Refuses a noise whose variance is not an ordinary number. */
function requireNoise({ reference, dimension }: BridgeProblem): void {
  const { covariance } = reference.transition(0, reference.horizon, dimension);
  for (let c = 0; c < dimension; c++) {
    const variance = covariance.get(c, c);
    if (variance > 1e-280 && variance < 1e280) continue;
    throw new DomainError(
      `mixtureBridge: the noise of the reference has variance ${variance} over the horizon, beyond double precision; choose sigma between 1e-140 and 1e140, near the size of the data`,
    );
  }
}

function imageOf({ matrix, offset }: Affine, point: Float64Array): Float64Array {
  return combine([1, multiplyVector(matrix, point)], [1, offset]);
}

function about({ matrix, offset }: Affine, origin: Float64Array): Affine {
  return { matrix, offset: combine([1, offset], [-1, origin]) };
}

function meanSquare({ points: { data, dimension }, weights }: WeightedPoints): number {
  return data.reduce((sum, value, p) => sum + weights[Math.floor(p / dimension)]! * value * value, 0);
}

/** The points of a marginal made of points, otherwise draws with its mean and covariance; in end coordinates. */
function sampleOf(marginal: Marginal, map: Affine, samples: number, random: RandomSource): WeightedPoints {
  if (isDiscrete(marginal)) {
    const used = [...marginal.weights.keys()].filter((i) => marginal.weights[i]! > 0);
    const total = used.reduce((sum, i) => sum + marginal.weights[i]!, 0);
    return {
      points: applyAffine(map, takeRows(marginal.points, used)),
      weights: Float64Array.from(used, (i) => marginal.weights[i]! / total),
    };
  }
  const drawn = matchMoments(marginal.sample(samples, random), { mean: marginal.mean(), covariance: marginal.covariance() });
  return { points: applyAffine(map, drawn), weights: new Float64Array(samples).fill(1 / samples) };
}

/** Batches: rows of a marginal made of points, fresh draws of any other. */
function drawsOf(marginal: Marginal, map: Affine, sample: WeightedPoints): (count: number, random: RandomSource) => Points {
  if (isDiscrete(marginal)) return rowsBy(sample, categoricalSampler(sample.weights));
  return (count, random) => applyAffine(map, marginal.sample(count, random));
}
