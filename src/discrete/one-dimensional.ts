import type { CircularCost } from '../costs/circular.ts';
import type { LpCost } from '../costs/lp.ts';
import type { TransportProblem } from '../couplings/transport-problem.ts';
import { DomainError } from '../errors.ts';
import type { DiscreteMarginal } from '../marginals/discrete-marginal.ts';
import { circleTransport } from './circle-transport.ts';
import { lineTransport, type SortedSolution } from './line-transport.ts';

/** An exact plan with its cost. */
export interface PricedSolution extends SortedSolution {
  /** ⟨P, C⟩. */
  readonly linear: number;
}

/**
 * Solves problems between places in one dimension whose cost is a convex function of the distance on the line or around a circle, without
 * ever forming the costs; undefined for all others.
 *
 * @param b weights of the target, rescaled to the source's mass
 */
export function oneDimensionalTransport(
  path: string,
  cost: TransportProblem['cost'],
  source: DiscreteMarginal,
  target: DiscreteMarginal,
  b: Float64Array,
): PricedSolution | undefined {
  if (source.dimension !== 1 || source.kind !== 'discrete' || target.kind !== 'discrete') return undefined;
  const [x, y, a] = [source.points.data, target.points.data, source.weights];
  if (cost.kind === 'circular') {
    const { circumference, p } = cost as CircularCost;
    if (p < 1) return undefined;
    const h = power(p);
    requireFinite(path, cost.name, h(3 * circumference));
    const arc = (i: number, j: number): number => {
      const turned = Math.abs(x[i]! - y[j]!) % circumference;
      return h(Math.min(turned, circumference - turned));
    };
    return priced(circleTransport(x, y, a, b, circumference, h), arc);
  }
  const h = profileOnLine(cost);
  if (h === undefined) return undefined;
  requireFinite(path, cost.name, h(Math.max(largest(x), largest(y)) + Math.max(largest(x, -1), largest(y, -1))));
  return priced(lineTransport(x, y, a, b, h), (i, j) => h(Math.abs(x[i]! - y[j]!)));
}

/** The convex h of a cost h(|x − y|), if it is one. */
function profileOnLine(cost: TransportProblem['cost']): ((distance: number) => number) | undefined {
  const { squaredScale } = cost;
  if (squaredScale !== undefined) return (r) => squaredScale * (r * r);
  if (cost.kind === 'euclidean') return (r) => r;
  if (cost.kind === 'lp' && (cost as LpCost).p >= 1) return power((cost as LpCost).p);
  return undefined;
}

function power(p: number): (r: number) => number {
  if (p === 1) return (r) => r;
  if (p === 2) return (r) => r * r;
  return (r) => r ** p;
}

function priced(solution: SortedSolution, cost: (row: number, column: number) => number): PricedSolution {
  const { rows, columns, masses } = solution.entries;
  let linear = 0;
  for (let k = 0; k < masses.length; k++) linear += masses[k]! * cost(rows[k]!, columns[k]!);
  return { ...solution, linear };
}

function largest(x: Float64Array, sign = 1): number {
  return x.reduce((top, value) => Math.max(top, sign * value), Number.NEGATIVE_INFINITY);
}

function requireFinite(path: string, name: string, c: number): void {
  if (!Number.isFinite(c)) throw new DomainError(`${path}: the cost ${name} of the farthest pair overflows a double; rescale the points`);
}
