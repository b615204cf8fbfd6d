import { DomainError } from '../errors.ts';
import { total } from '../numerics/vectors.ts';
import type { EntropicSolution } from './entropic-plan.ts';
import type { PartialSides } from './partial-dual.ts';

/** Pressure and slack below which a bound counts as undecided. */
const UNDECIDED = 1e-6;

/** Which bounds of a partial plan bind: to first order they go on binding, and the others do not. */
export interface TightBounds {
  /** 1 where the sum is the weight, as everywhere on an exact side; 0 where there is slack, so that the potential stays at its bound. */
  readonly rows: Uint8Array;
  readonly columns: Uint8Array;
  /** True when the mass is given, so that its potential λ is one more unknown. */
  readonly open: boolean;
  /** Points at which neither holds clearly. */
  readonly undecided: number;
}

/**
 * Tells tight bounds from slack ones by what is larger, the pressure −f_i/ε on the bound or the slack log(a_i/(P1)_i) below it: at a solution
 * one of them is 0.
 *
 * @param sums row and column sums of the plan
 * @throws DomainError when the mass is all that a side has: it cannot grow, so that derivatives exist on one side only
 */
export function tightBounds(
  { path, dense, epsilon, f, g }: EntropicSolution,
  sides: PartialSides,
  sums: { readonly rows: Float64Array; readonly columns: Float64Array },
): TightBounds {
  const { a, b } = dense;
  const open = sides.source === 'at-most' && sides.target === 'at-most';
  for (const [side, weights] of [
    ['source', a],
    ['target', b],
  ] as const) {
    if (sides[side] === 'exact' || sides.mass < total(weights) * (1 - 1e-9)) continue;
    throw new DomainError(
      `${path}: the plan moves all of the ${side}'s mass, which therefore cannot shrink: derivatives exist on one side only; make the ${side} 'exact'`,
    );
  }
  const largest = (values: Float64Array): number => values.reduce((most, v) => Math.max(most, v), Number.NEGATIVE_INFINITY);
  // λ/2, which is that of every point with slack.
  const top = open ? Math.max(largest(f), largest(g)) : 0;
  let undecided = 0;
  const tell = (side: 'exact' | 'at-most', weights: Float64Array, potential: Float64Array, actual: Float64Array): Uint8Array =>
    Uint8Array.from(weights, (weight, i) => {
      if (side === 'exact') return 1;
      const [pressure, slack] = [(top - potential[i]!) / epsilon, Math.log(weight / actual[i]!)];
      if (Math.max(pressure, slack) < UNDECIDED) undecided++;
      return pressure > slack ? 1 : 0;
    });
  const rows = tell(sides.source, a, f, sums.rows);
  const columns = tell(sides.target, b, g, sums.columns);
  return { rows, columns, open, undecided };
}
