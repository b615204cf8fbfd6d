import { openGridKernels } from '../kernels/open-grid-kernels.ts';
import type { Points } from '../numerics/points.ts';

/** Rows that go through a matrix product together. */
const ROWS = 256;
/** Dimensions from which matrix products are faster than sums over monomials, although they do every mixed one twice. */
export const PANEL_DIMENSION = 8;
/** Bytes between arrays of the kernels. */
const SPACING = 64;

/** Exponents constant_k + linear_k·z_i + ½ z_iᵀ curvature_k z_i into an n × K array, by products of panels of rows with the curvatures. */
export function panelExponents(
  q: { readonly constants: Float64Array; readonly linears: Float64Array; readonly curvatures: Float64Array },
  z: Points,
  out: Float64Array,
): void {
  const d = z.dimension;
  const terms = q.constants.length;
  const rows = Math.min(ROWS, z.count);
  const kernels = open(d, rows * d, q.curvatures.length, terms * rows * d);
  const [A, B, W] = [kernels.f64(rows * d), kernels.f64(q.curvatures.length), kernels.f64(terms * rows * d)];
  B.set(q.curvatures);
  for (let from = 0; from < z.count; from += rows) {
    const many = Math.min(rows, z.count - from);
    A.set(z.data.subarray(from * d, (from + many) * d));
    kernels.multiply(A, B, W, { products: terms, rows: many, depth: d, columns: d });
    for (let k = 0; k < terms; k++) {
      for (let i = 0, p = 0, w = k * many * d; i < many; i++) {
        let sum = q.constants[k]!;
        for (let l = k * d; l < (k + 1) * d; l++, p++, w++) sum += A[p]! * (q.linears[l]! + 0.5 * W[w]!);
        out[(from + i) * terms + k] = sum;
      }
    }
  }
  kernels.release();
}

/** Mass Σ w_i, sum Σ w_i z_i and second moments Σ w_i z_i z_iᵀ (row-major) of weighted rows; rows of weight 0 cost nothing. */
export function panelMoments(
  z: Points,
  weight: (row: number) => number,
): { readonly mass: number; readonly sum: Float64Array; readonly seconds: Float64Array } {
  const d = z.dimension;
  const rows = Math.min(ROWS, z.count);
  const kernels = open(Math.max(d, rows), rows * d, rows * d, d * d);
  const [A, B, product] = [kernels.f64(rows * d), kernels.f64(rows * d), kernels.f64(d * d)];
  const weights = new Float64Array(rows);
  const sum = new Float64Array(d);
  const seconds = new Float64Array(d * d);
  let mass = 0;
  let held = 0;
  const add = (): void => {
    // A holds the transpose of the weighted rows, as wide as there are rows.
    for (let c = 0; c < d; c++) for (let i = 0, p = c; i < held; i++, p += d) sum[c]! += A[c * held + i] = weights[i]! * B[p]!;
    if (held > 0) kernels.multiply(A, B, product, { products: 1, rows: d, depth: held, columns: d });
    for (let e = 0; e < seconds.length && held > 0; e++) seconds[e]! += product[e]!;
    held = 0;
  };
  for (let i = 0; i < z.count; i++) {
    const w = weight(i);
    if (w === 0) continue;
    mass += w;
    weights[held] = w;
    B.set(z.data.subarray(i * d, (i + 1) * d), held * d);
    if (++held === rows) add();
  }
  add();
  kernels.release();
  for (let r = 0; r < d; r++) {
    for (let c = 0; c < r; c++) seconds[r * d + c] = seconds[c * d + r] = 0.5 * (seconds[r * d + c]! + seconds[c * d + r]!);
  }
  return { mass, sum, seconds };
}

function open(longest: number, ...lengths: readonly number[]): ReturnType<typeof openGridKernels> {
  const bytes = lengths.reduce((total, length) => total + 8 * length + SPACING, 0);
  return openGridKernels({ bytes, longest, kind: 'auto', threads: 1 });
}
