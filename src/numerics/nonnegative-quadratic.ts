import { choleskyFactor } from './cholesky.ts';
import { solveLower, solveUpper } from './triangular-systems.ts';

/** Exchanges of all that is wrong without fewer of it, after which only the last one is exchanged. */
const PATIENCE = 3;
const MOST_EXCHANGES = 300;
const ROUNDING = 1e-13;

/**
 * Minimises ½xᵀHx − qᵀx over x ≥ 0 by block principal pivoting [kim2011]: variables that come out negative are bound to 0, bound ones whose
 * derivative is negative are freed, all at once as long as there are fewer and fewer of them.
 *
 * @param H symmetric positive definite n × n, row-major
 * @param free the variables that are thought to be positive
 * @returns undefined when H is not positive definite to rounding
 */
export function nonnegativeMinimum(H: Float64Array, q: Float64Array, free: Uint8Array): Float64Array | undefined {
  const n = q.length;
  const open = free.slice();
  const slack = ROUNDING * q.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  let [fewest, patience] = [n + 1, PATIENCE];
  for (let round = 0; ; round++) {
    const x = restricted(H, q, open);
    if (x === undefined) return undefined;
    const wrong: number[] = [];
    for (let i = 0; i < n; i++) {
      if (open[i] === 1 ? x[i]! < 0 : derivative(H, q, x, i) < -slack) wrong.push(i);
    }
    if (wrong.length === 0 || round === MOST_EXCHANGES) return x.map((v) => Math.max(0, v));
    if (wrong.length < fewest) [fewest, patience] = [wrong.length, PATIENCE];
    else patience--;
    for (const i of patience >= 0 ? wrong : wrong.slice(-1)) open[i] = 1 - open[i]!;
  }
}

function derivative(H: Float64Array, q: Float64Array, x: Float64Array, i: number): number {
  let sum = -q[i]!;
  for (let j = 0; j < x.length; j++) sum += H[i * x.length + j]! * x[j]!;
  return sum;
}

/** The minimum over the open variables, the others 0. */
function restricted(H: Float64Array, q: Float64Array, open: Uint8Array): Float64Array | undefined {
  const n = q.length;
  const places = Int32Array.from(open.keys()).filter((i) => open[i] === 1);
  const m = places.length;
  const A = new Float64Array(m * m);
  places.forEach((i, r) => {
    for (let c = 0; c <= r; c++) A[r * m + c] = H[i * n + places[c]!]!;
  });
  const L = choleskyFactor(A, m);
  if (L === undefined) return undefined;
  const b = Float64Array.from(places, (i) => q[i]!);
  solveLower(L, m, b, 1);
  solveUpper(L, m, b);
  const x = new Float64Array(n);
  places.forEach((i, r) => {
    x[i] = b[r]!;
  });
  return x;
}
