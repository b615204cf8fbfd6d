import type { Matrix } from 'ml-matrix';
import { DomainError } from '../errors.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import type { DiscreteAnswer } from './discrete-coupling.ts';
import { coordinates } from './plan-moments.ts';
import { columnMasses, planMatrix, rowMasses } from './transport-plan.ts';

/** Derivatives of the optimal value by the envelope theorem; a and b as directions that keep the problem feasible. */
export interface DiscreteGradients {
  /** ∂/∂x_i, n × d. @throws DomainError unless the cost is squared Euclidean */
  readonly x: Points;
  /** ∂/∂y_j, m × d. */
  readonly y: Points;
  /** ∂/∂a_i, up to a constant when both sides are exact. */
  readonly a: Float64Array;
  readonly b: Float64Array;
  /** ∂/∂C_ij = P_ij. */
  readonly cost: Matrix;
}

/** The derivatives of an answer, each computed when asked for. */
export function gradientsOf({ path, source, target, cost, plan, weightGradients }: DiscreteAnswer): DiscreteGradients {
  const scale = cost.squaredScale;
  /** 2·scale·(Σ_j P_ij x_i − Σ_j P_ij y_j). */
  const pull = (own: Points, other: Points, masses: Float64Array, product: (V: Float64Array, count: number) => Float64Array): Points => {
    if (scale === undefined) {
      throw new DomainError(`${path}.gradients: no derivative of ${cost.name} in the points is known; use a squared Euclidean cost`);
    }
    const sums = product(coordinates(other), other.dimension);
    const out = allocatePoints(own.count, own.dimension);
    for (let i = 0; i < own.count; i++) {
      for (let k = 0; k < own.dimension; k++) {
        const at = i * own.dimension + k;
        out.data[at] = 2 * scale * (masses[i]! * own.data[at]! - sums[k * own.count + i]!);
      }
    }
    return out;
  };
  return {
    get x() {
      return pull(source.points, target.points, rowMasses(plan), plan.apply);
    },
    get y() {
      return pull(target.points, source.points, columnMasses(plan), plan.applyTranspose);
    },
    ...weightGradients(),
    get cost() {
      return planMatrix(`${path}.gradients`, plan);
    },
  };
}
