import { Matrix } from 'ml-matrix';
import { DomainError, ShapeError } from '../errors.ts';
import { sampleCategories } from '../numerics/categorical.ts';
import { allocatePoints, type PointsLike, requireDimension, row, toPoints, type VectorLike } from '../numerics/points.ts';
import { requireInteger, requireKnownOptions, toNumbers } from '../numerics/vectors.ts';
import type { GaussianMarginal } from './gaussian-marginal.ts';
import type { Marginal } from './marginal.ts';

/** Σ_k weights_k · component_k: a finite mixture of Gaussians. */
export interface MixtureMarginal extends Marginal {
  readonly kind: 'mixture';
  readonly weights: Float64Array;
  readonly components: readonly GaussianMarginal[];
  logDensity(x: PointsLike): Float64Array;
}

/**
 * Makes the mixture Σ_k w_k·component_k; the mass of component k counts as a factor of its weight.
 *
 * @param options `weights`: K numbers ≥ 0, not all zero; `components`: K Gaussian marginals of one dimension
 * @throws ShapeError when numbers or dimensions differ; DomainError on a negative weight
 * @example
 * ```ts
 * import { gaussianMarginal, mixtureMarginal } from 'viaduct';
 * const two = mixtureMarginal({
 *   weights: [0.5, 0.5],
 *   components: [gaussianMarginal({ mean: [-2], covariance: 1 }), gaussianMarginal({ mean: [2], covariance: 1 })],
 * });
 * console.log(two.covariance().get(0, 0)); // → 5
 * ```
 */
export function mixtureMarginal(options: {
  readonly weights: VectorLike;
  readonly components: readonly GaussianMarginal[];
}): MixtureMarginal {
  requireKnownOptions('mixtureMarginal', options, ['weights', 'components']);
  const components = [...options.components];
  const first = components[0];
  if (first === undefined || options.weights.length !== components.length) {
    throw new ShapeError(
      `mixtureMarginal: ${options.weights.length} weights for ${components.length} components; pass one weight each, at least one`,
    );
  }
  const dimension = first.dimension;
  const weights = toNumbers(options.weights).map((w, k) => {
    const component = components[k]!;
    if (!(w >= 0 && Number.isFinite(w)))
      throw new DomainError(`mixtureMarginal: weight ${k} is ${String(options.weights[k])}; weights must be finite and ≥ 0`);
    if (component.kind !== 'gaussian') {
      throw new DomainError(`mixtureMarginal: component ${k} is ${component.kind}; components must be Gaussian, see gaussianMarginal`);
    }
    if (component.dimension !== dimension) {
      throw new ShapeError(
        `mixtureMarginal: component ${k} has dimension ${component.dimension}, component 0 ${dimension}; make them equal`,
      );
    }
    return w * component.mass;
  });
  const mass = weights.reduce((sum, w) => sum + w, 0);
  if (!(mass > 0)) throw new DomainError('mixtureMarginal: all weights are zero; give at least one component a weight');
  const mean = (): Float64Array => {
    const out = new Float64Array(dimension);
    components.forEach((component, k) => {
      component.mean().forEach((m, i) => {
        out[i]! += (weights[k]! / mass) * m;
      });
    });
    return out;
  };
  return Object.freeze({
    kind: 'mixture',
    weights,
    components: Object.freeze(components),
    dimension,
    mass: Math.abs(mass - 1) < 1e-12 ? 1 : mass,
    mean,
    covariance() {
      const center = mean();
      const out = Matrix.zeros(dimension, dimension);
      components.forEach((component, k) => {
        const shift = component.mean().map((m, i) => m - center[i]!);
        const share = weights[k]! / mass;
        const spread = component.covariance();
        for (let i = 0; i < dimension; i++) {
          for (let j = 0; j < dimension; j++) out.set(i, j, out.get(i, j) + share * (spread.get(i, j) + shift[i]! * shift[j]!));
        }
      });
      return out;
    },
    sample(count, random) {
      requireInteger('mixtureMarginal.sample: count', count, 1);
      const labels = sampleCategories(weights, count, random);
      const out = allocatePoints(count, dimension);
      labels.forEach((k, i) => {
        row(out, i).set(components[k]!.sample(1, random).data);
      });
      return out;
    },
    logDensity(x) {
      const at = toPoints('mixtureMarginal.logDensity', x);
      requireDimension('mixtureMarginal.logDensity', at, dimension);
      const used = components.map((component, k) => ({ component, weight: weights[k]! })).filter(({ weight }) => weight > 0);
      const terms = used.map(({ component, weight }) => component.logDensity(at).map((value) => value + Math.log(weight / component.mass)));
      return new Float64Array(at.count).map((_, i) => {
        const top = Math.max(...terms.map((term) => term[i]!));
        return top + Math.log(terms.reduce((sum, term) => sum + Math.exp(term[i]! - top), 0));
      });
    },
  } satisfies MixtureMarginal);
}
