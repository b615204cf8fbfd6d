import type { DiscreteCoupling } from '../../src/discrete/discrete-coupling.ts';
import type { SinkhornOptions } from '../../src/discrete/sinkhorn.ts';
import { METHODS, type Method } from '../../src/discrete/solver.ts';
import type { Points } from '../../src/numerics/points.ts';

/** A method on an engine. */
export interface Way {
  readonly method: Method;
  readonly engine: 'wasm' | 'typescript';
}

/** Every method on every engine. */
export const WAYS: readonly Way[] = METHODS.flatMap((method) => (['wasm', 'typescript'] as const).map((engine) => ({ method, engine })));
/** Methods without quasi-Newton acceleration, whose steps are counted in thousands at small ε. */
export const isPlain = ({ method }: SinkhornOptions): boolean => method === 'sinkhorn' || method === 'log' || method === 'over-relaxed';

export const sum = (v: ArrayLike<number>): number => Array.from(v).reduce((a, b) => a + b, 0);

/** max|x_i − y_i|. */
export function largestDifference(x: ArrayLike<number>, y: ArrayLike<number>): number {
  if (x.length !== y.length) throw new Error(`${x.length} numbers against ${y.length}`);
  return Array.from(x).reduce((top, value, i) => Math.max(top, Math.abs(value - y[i]!)), 0);
}

/** |x_i − y_j|² by a loop of the test's own, row-major. */
export function squaredDistances(x: Points, y: Points): number[][] {
  return Array.from({ length: x.count }, (_, i) =>
    Array.from({ length: y.count }, (_, j) => {
      let square = 0;
      for (let k = 0; k < x.dimension; k++) square += (x.data[i * x.dimension + k]! - y.data[j * y.dimension + k]!) ** 2;
      return square;
    }),
  );
}

/** A side's L1 error by a loop of the test's own, from potentials and costs; KL sides are not treated. */
export function sideErrorsOf(
  { potentials: { f, g }, source, target }: DiscreteCoupling,
  epsilon: number,
  costs: readonly (readonly number[])[],
): { source: number; target: number } {
  const columns = new Float64Array(target.weights.length);
  let rowError = 0;
  source.weights.forEach((a, i) => {
    let mass = 0;
    target.weights.forEach((b, j) => {
      const p = a * b === 0 ? 0 : a * b * Math.exp((f[i]! + g[j]! - costs[i]![j]!) / epsilon);
      mass += p;
      columns[j]! += p;
    });
    rowError += Math.abs(mass - a);
  });
  return { source: rowError / source.mass, target: sum(columns.map((c, j) => Math.abs(c - target.weights[j]!))) / target.mass };
}

/** What rounding of the exponents alone may do to a marginal: 2⁻⁵² max(|f| + |g| + |C|)/ε. */
export function roundingBound({ potentials }: DiscreteCoupling, epsilon: number, costs: readonly (readonly number[])[]): number {
  const top = (v: Iterable<number>): number => {
    let most = 0;
    for (const x of v) if (Math.abs(x) > most && Number.isFinite(x)) most = Math.abs(x);
    return most;
  };
  return (2 ** -52 * (top(potentials.f) + top(potentials.g) + top(costs.flat()))) / epsilon;
}

/** Everything a user can read from an answer is a number. */
export function numbersOf({ potentials, error, plan, value }: DiscreteCoupling): number[] {
  const { primal, ...finite } = value;
  // +∞ is a legitimate upper bound: none.
  const gap = primal === Number.POSITIVE_INFINITY ? [] : [finite.gap, primal];
  return [...potentials.f, ...potentials.g, error, ...plan().to1DArray(), finite.linear, finite.kl, finite.entropy, finite.dual, ...gap];
}
