import type { EntropicProblem } from '../couplings/entropic-problem.ts';
import { InfeasibleError } from '../errors.ts';

/** Points, by their place on the support, that have an allowed pair. */
export interface ConnectedPoints {
  readonly rows: Int32Array;
  readonly columns: Int32Array;
}

/**
 * Tells the points that some pair leads to from those that have only forbidden ones. Nothing can leave or reach the latter: where their side
 * is penalised or a bound their mass stays, P_i· = 0, and they are left out; an exact side admits no such point.
 *
 * @param costs row-major, one row a member of `rows`
 * @param rows, columns the points of the support among all points, which messages name
 */
export function connectedPoints(
  path: string,
  costs: Float64Array,
  { rows, columns }: { readonly rows: Int32Array; readonly columns: Int32Array },
  marginals: Pick<EntropicProblem['marginals'], 'source' | 'target'> | undefined,
): ConnectedPoints {
  const m = columns.length;
  const [fromRow, toColumn] = [new Uint8Array(rows.length), new Uint8Array(m)];
  for (let r = 0, p = 0; r < rows.length; r++) {
    for (let c = 0; c < m; c++, p++) if (costs[p]! < Number.POSITIVE_INFINITY) fromRow[r] = toColumn[c] = 1;
  }
  const keep = (side: 'source' | 'target', points: Int32Array, connected: Uint8Array): Int32Array => {
    const alone = connected.indexOf(0);
    if (alone >= 0 && (marginals?.[side] ?? 'exact') === 'exact') {
      // Exact transport knows no other sides.
      const stay = marginals === undefined ? 'use entropicProblem with' : 'let its mass stay by';
      throw new InfeasibleError(
        `${path}: ${side} point ${points[alone]} has only forbidden pairs; allow one of them, give it weight 0, or ${stay} { kl: rho } or 'at-most' on the ${side}`,
      );
    }
    return Int32Array.from(connected.keys()).filter((place) => connected[place] === 1);
  };
  const kept = { rows: keep('source', rows, fromRow), columns: keep('target', columns, toColumn) };
  if (kept.rows.length === 0) throw new InfeasibleError(`${path}: all pairs are forbidden, so that nothing can move; allow some of them`);
  return kept;
}

/** The costs between some of the rows and columns of a row-major matrix. */
export function costsBetween(costs: Float64Array, width: number, { rows, columns }: ConnectedPoints): Float64Array {
  const out = new Float64Array(rows.length * columns.length);
  let p = 0;
  for (const i of rows) for (const j of columns) out[p++] = costs[i * width + j]!;
  return out;
}
