import type { TransportProblem } from '../couplings/transport-problem.ts';
import type { DiscreteMarginal } from '../marginals/discrete-marginal.ts';
import type { Status } from '../numerics/iterate.ts';
import { total } from '../numerics/vectors.ts';
import { type DiscreteCoupling, discreteCoupling } from './discrete-coupling.ts';
import type { PricedSolution } from './one-dimensional.ts';
import { entriesPlan } from './plan-entries.ts';
import { bracket } from './values.ts';

/** How the work on an exact plan ended. */
export interface ExactOutcome {
  readonly status: Status;
  readonly pivots: number;
  /** Mass that found no allowed pair before the work was stopped. */
  readonly forbiddenMass: number;
  readonly seconds: number;
}

/** An exact plan as a {@link DiscreteCoupling}; its gap is what a stopped run left to gain. */
export function exactAnswer(
  path: string,
  problem: TransportProblem,
  source: DiscreteMarginal,
  target: DiscreteMarginal,
  b: Float64Array,
  { entries, f, g, linear }: PricedSolution,
  { status, pivots, forbiddenMass, seconds }: ExactOutcome,
): DiscreteCoupling {
  const a = source.weights;
  const rowSums = new Float64Array(a.length);
  const columnSums = new Float64Array(b.length);
  let [relative, entropy, mass] = [0, 0, 0];
  for (let k = 0; k < entries.masses.length; k++) {
    const [i, j, p] = [entries.rows[k]!, entries.columns[k]!, entries.masses[k]!];
    rowSums[i]! += p;
    columnSums[j]! += p;
    entropy -= p * Math.log(p);
    relative += p * Math.log(p / (a[i]! * b[j]!));
    mass += p;
  }
  const primal = forbiddenMass > 0 && status !== 'converged' ? Number.POSITIVE_INFINITY : linear;
  const dual = inner(a, f) + inner(b, g);
  const warnings = [...problem.warnings];
  if (status !== 'converged') {
    warnings.push(
      primal < Number.POSITIVE_INFINITY
        ? `${path}: ${status} after ${pivots} pivots; the plan is feasible, and at most ${primal - dual} dearer than the best`
        : `${path}: ${status} after ${pivots} pivots, before a plan without forbidden pairs was found`,
    );
  }
  const value = Object.freeze({ linear, kl: relative - mass + total(a) * total(b), entropy, ...bracket(primal, dual) });
  return discreteCoupling({
    path,
    source,
    target,
    cost: problem.cost,
    plan: entriesPlan(a.length, b.length, entries),
    status,
    iterations: pivots,
    warnings,
    errors: new Float64Array(0),
    sideErrors: { source: l1(rowSums, a), target: l1(columnSums, b) },
    value: () => value,
    potentials: { f, g },
    weightGradients: () => ({ a: f, b: g }),
    stats: { matrixPasses: 0, exponentialPasses: 0, seconds, threads: 1 },
  });
}

function l1(sums: Float64Array, weights: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < sums.length; i++) sum += Math.abs(sums[i]! - weights[i]!);
  return sum / total(weights);
}

/** Σ w x over positive weights: a point without weight may have an infinite potential. */
function inner(weights: Float64Array, x: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) if (weights[i]! > 0) sum += weights[i]! * x[i]!;
  return sum;
}
