import { gaussianPlan } from '../closed-forms/gaussian-plan.ts';
import { DomainError } from '../errors.ts';
import { weightedMoments } from '../numerics/moments.ts';
import { pseudoInverse } from '../numerics/spd.ts';
import type { DenseProblem } from './dense-problem.ts';
import { lineTransport } from './line-transport.ts';

/** Starts that are computed from the problem: from its Gaussian moments, or on the line by sorting. */
export const COMPUTED_STARTS = ['gaussian', 'sorting'] as const;
/** The name of a computed start. */
export type ComputedStart = (typeof COMPUTED_STARTS)[number];

/** g on the support for a named start. */
export function computedStart(path: string, kind: ComputedStart, dense: DenseProblem, epsilon: number): Float64Array {
  const scale = dense.cost.squaredScale;
  if (scale === undefined) {
    throw new DomainError(`${path}: initial '${kind}' needs a squared Euclidean cost, got ${dense.cost.name}; leave initial out`);
  }
  return kind === 'gaussian' ? gaussianStart(dense, epsilon, scale) : sortingStart(path, dense, scale);
}

/**
 * The potential of the Gaussian problem with the same first and second moments, for cost s|x − y|²: with η = y − ȳ, δ = x̄ − ȳ and the half
 * cost at ε' = ε/2s, g = 2s(½|η|² − δ·η − ½ε' ηᵀ(Cov(y|x)⁻¹ − B⁻¹)η).
 *
 * @see [janati2020]
 */
function gaussianStart({ x, y, a, b }: DenseProblem, epsilon: number, scale: number): Float64Array {
  const [source, target] = [weightedMoments(x, a), weightedMoments(y, b)];
  const half = epsilon / (2 * scale);
  const { targetGivenSource } = gaussianPlan(source.covariance, target.covariance, half);
  const curvature = pseudoInverse(targetGivenSource).sub(pseudoInverse(target.covariance));
  const d = y.dimension;
  const eta = new Float64Array(d);
  return Float64Array.from({ length: y.count }, (_, j) => {
    for (let k = 0; k < d; k++) eta[k] = y.data[j * d + k]! - target.mean[k]!;
    let value = 0;
    for (let k = 0; k < d; k++) {
      let bent = 0;
      for (let l = 0; l < d; l++) bent += curvature.get(k, l) * eta[l]!;
      value += eta[k]! * (0.5 * eta[k]! - (source.mean[k]! - target.mean[k]!) - 0.5 * half * bent);
    }
    return 2 * scale * value;
  });
}

/** The dual solution of exact transport on the line: a good start where ε is small. */
function sortingStart(path: string, { x, y, a, b }: DenseProblem, scale: number): Float64Array {
  if (x.dimension !== 1) {
    throw new DomainError(`${path}: initial 'sorting' is for points on the line, these have ${x.dimension} coordinates; use 'gaussian'`);
  }
  const { g } = lineTransport(x.data, y.data, a, b, (distance) => scale * distance * distance);
  // Sorting leaves the level of g open, and rounding of long chains with it: only differences matter.
  return g;
}
