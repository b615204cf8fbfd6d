import type { LogSumOfQuadratics } from '../closed-forms/mixture-quadratics.ts';
import { termShares } from '../closed-forms/mixture-quadratics.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { DomainError } from '../errors.ts';
import { isDiscrete } from '../marginals/discrete-marginal.ts';
import type { GaussianMarginal } from '../marginals/gaussian-marginal.ts';
import type { MixtureMarginal } from '../marginals/mixture-marginal.ts';
import { type Affine, applyAffine } from '../numerics/affine.ts';
import { sampleCategories } from '../numerics/categorical.ts';
import { allocatePoints, type Points, row, takeRows } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { inverseSpd, logDeterminant, squareRoot } from '../numerics/spd.ts';
import { continuousStart } from './continuous-start.ts';

/**
 * The start of a bridge π(x₀, x_t) = p₀(x₀) q(x_t | x₀) φ_t(x_t)/φ_0(x₀) seen from a later point: everything follows from
 * φ̂_t(x) = ∫ p₀(x₀)/φ_0(x₀) q(x | x₀) dx₀, and p_t = φ_t φ̂_t.
 */
export interface StartLaw {
  /** log φ̂_t at every row. */
  logFactor(t: number, x: Points): Float64Array;
  /** ∇log φ̂_t at every row. */
  slope(t: number, x: Points): Points;
  /** E[x₀ | X_t = x]. */
  mean(t: number, x: Points): Points;
  /** One draw of x₀ given X_t = x for every row. */
  draw(t: number, x: Points, random: RandomSource): Points;
}

/** log φ_0 as a function of x' = start(x₀). */
export interface StartFactor {
  readonly quadratics: LogSumOfQuadratics;
  readonly start: Affine;
}

/** The start law of a problem: exact for points, by importance sampling around the mode for Gaussians and mixtures of them. */
export function startLaw(problem: BridgeProblem, factor: StartFactor): StartLaw {
  const { source } = problem;
  if (isDiscrete(source)) return discreteStart(problem, source.points, source.weights, factor);
  if (source.kind === 'gaussian') return continuousStart(problem, [[1, source as GaussianMarginal]], factor);
  if (source.kind === 'mixture') {
    const { weights, components, mass } = source as MixtureMarginal;
    const parts = components.map((component, k) => [weights[k]! / mass, component] as const).filter(([w]) => w > 0);
    return continuousStart(problem, parts, factor);
  }
  const refuse = (): never => {
    throw new DomainError(
      `mixtureBridge: looking back in time needs the density of the source, and a ${source.kind} marginal has none; pass dataMarginal(source.sample(n, random)), or a Gaussian or mixture source`,
    );
  };
  return { logFactor: refuse, slope: refuse, mean: refuse, draw: refuse };
}

/** Sums over the points of positive weight. */
function discreteStart({ reference, dimension }: BridgeProblem, points: Points, weights: Float64Array, factor: StartFactor): StartLaw {
  const used = [...weights.keys()].filter((i) => weights[i]! > 0);
  const support = takeRows(points, used);
  const total = weights.reduce((sum, w) => sum + w, 0);
  const normalisers = termShares(factor.quadratics, applyAffine(factor.start, support)).values;
  const logWeights = normalisers.map((value, i) => Math.log(weights[used[i]!]! / total) - value);
  const kernel = (t: number) => {
    if (!(t > 0)) {
      throw new DomainError('mixtureBridge: a source made of points has no density at the start; pass t > 0');
    }
    const past = reference.transition(0, t, dimension);
    return { past, precision: inverseSpd(past.covariance, 'reference: noise before t'), carried: applyAffine(past, support) };
  };
  const posterior = (t: number, x: Points) => {
    const { past, precision, carried } = kernel(t);
    const constant = -0.5 * (dimension * Math.log(2 * Math.PI) + logDeterminant(past.covariance));
    // |L(x − m)|² by whitened points, so that the inner loop is a sum of squares.
    const whiten: Affine = { matrix: squareRoot(precision), offset: new Float64Array(dimension) };
    const shares = new Float64Array(x.count * support.count);
    const values = squaredDistanceShares(applyAffine(whiten, x), applyAffine(whiten, carried), logWeights, shares);
    return { past, precision, carried, shares, values: values.map((value) => value + constant) };
  };
  const average = (shares: Float64Array, of: Points): Points => {
    const out = allocatePoints(shares.length / of.count, dimension);
    for (let i = 0, p = 0; i < out.count; i++) {
      const into = row(out, i);
      for (let j = 0; j < of.count; j++, p++) {
        const w = shares[p]!;
        if (w > 0) for (let c = 0; c < dimension; c++) into[c]! += w * of.data[j * dimension + c]!;
      }
    }
    return out;
  };
  return {
    logFactor: (t, x) => posterior(t, x).values,
    slope(t, x) {
      const { precision, carried, shares } = posterior(t, x);
      const gap = average(shares, carried);
      for (let i = 0; i < gap.data.length; i++) gap.data[i]! -= x.data[i]!;
      return applyAffine({ matrix: precision, offset: new Float64Array(dimension) }, gap);
    },
    mean: (t, x) => average(posterior(t, x).shares, support),
    draw(t, x, random) {
      const { shares } = posterior(t, x);
      const n = support.count;
      const chosen = Int32Array.from({ length: x.count }, (_, i) => sampleCategories(shares.subarray(i * n, (i + 1) * n), 1, random)[0]!);
      return takeRows(support, chosen);
    },
  };
}

/** Fills shares ∝ exp(logWeight_j − ½|x_i − z_j|²), rows of sum one; returns the logarithms of the sums. */
function squaredDistanceShares(x: Points, z: Points, logWeights: Float64Array, shares: Float64Array): Float64Array {
  const d = x.dimension;
  const values = new Float64Array(x.count);
  for (let i = 0, p = 0; i < x.count; i++) {
    let top = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < z.count; j++) {
      let square = 0;
      for (let c = 0; c < d; c++) square += (x.data[i * d + c]! - z.data[j * d + c]!) ** 2;
      const exponent = logWeights[j]! - 0.5 * square;
      shares[p + j] = exponent;
      if (exponent > top) top = exponent;
    }
    let sum = 0;
    for (let j = p; j < p + z.count; j++) {
      shares[j] = Math.exp(shares[j]! - top);
      sum += shares[j]!;
    }
    for (let j = p; j < p + z.count; j++) shares[j]! /= sum;
    values[i] = top + Math.log(sum);
    p += z.count;
  }
  return values;
}
