import type { Matrix } from 'ml-matrix';
import { allocatePoints, type Points } from '../numerics/points.ts';
import type { DiscreteAnswer } from './discrete-coupling.ts';
import { coordinates } from './plan-moments.ts';
import { type PairVisitor, type PointGradients, pointGradients, visitRows } from './point-gradients.ts';
import { columnMasses, planMatrix, rowMasses, type TransportPlan } from './transport-plan.ts';

/** Derivatives of the optimal value by the envelope theorem; a and b as directions that keep the problem feasible. */
export interface DiscreteGradients {
  /**
   * ∂/∂x_i = Σ_j P_ij ∂c/∂x(x_i, y_j), n × d; a pair at which the cost has a kink, such as |x − y| at x = y, adds 0. The plan is not formed.
   *
   * @throws DomainError when no derivative of the cost is known: of a matrix, and of a function without `gradient`
   */
  readonly x: Points;
  /** ∂/∂y_j = Σ_i P_ij ∂c/∂y(x_i, y_j), m × d. */
  readonly y: Points;
  /** ∂/∂a_i, up to a constant when both sides are exact. */
  readonly a: Float64Array;
  readonly b: Float64Array;
  /** ∂/∂C_ij = P_ij. */
  readonly cost: Matrix;
}

/** The derivatives of an answer, each computed when asked for. */
export function gradientsOf({ path, source, target, cost, plan, weightGradients, derivatives }: DiscreteAnswer): DiscreteGradients {
  const scale = cost.squaredScale;
  let sums: PointGradients | undefined;
  /** One pass over the pairs gives both sides, where there is no shorter way. */
  const byPairs = (): PointGradients => {
    sums ??= derivatives?.() ?? pointGradients(`${path}.gradients`, cost, source.points, target.points, visitPlan(plan));
    return sums;
  };
  return {
    get x() {
      return scale === undefined ? byPairs().x : squaredPull(scale, source.points, target.points, rowMasses(plan), plan.apply);
    },
    get y() {
      return scale === undefined ? byPairs().y : squaredPull(scale, target.points, source.points, columnMasses(plan), plan.applyTranspose);
    },
    ...weightGradients(),
    get cost() {
      return planMatrix(`${path}.gradients`, plan);
    },
  };
}

/** The derivatives of the same answer with source and target exchanged. */
export function reversedGradients(gradients: DiscreteGradients): DiscreteGradients {
  return {
    get x() {
      return gradients.y;
    },
    get y() {
      return gradients.x;
    },
    a: gradients.b,
    b: gradients.a,
    get cost() {
      return gradients.cost.transpose();
    },
  };
}

/**
 * 2·scale·(x_i Σ_j D_ij − Σ_j D_ij y_j), from products with D alone: the derivative of Σ D_ij c(x_i, y_j) for c = scale·|x − y|².
 *
 * @param product D times `count` vectors, one after the other
 */
export function squaredPull(
  scale: number,
  own: Points,
  other: Points,
  masses: Float64Array,
  product: (V: Float64Array, count: number) => Float64Array,
): Points {
  const sums = product(coordinates(other), other.dimension);
  const out = allocatePoints(own.count, own.dimension);
  for (let i = 0; i < own.count; i++) {
    for (let k = 0; k < own.dimension; k++) {
      const at = i * own.dimension + k;
      out.data[at] = 2 * scale * (masses[i]! * own.data[at]! - sums[k * own.count + i]!);
    }
  }
  return out;
}

function visitPlan({ entries, rows, row }: TransportPlan): PairVisitor {
  if (entries === undefined) return visitRows(rows, row);
  return (use) => {
    entries.masses.forEach((mass, k) => {
      use(entries.rows[k]!, entries.columns[k]!, mass);
    });
  };
}
