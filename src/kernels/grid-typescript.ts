import { type GridKernels, type LineCosts, type Lines, RELIABLE } from './grid-kernels.ts';

/** {@link GridKernels} in plain TypeScript. */
export function typescriptGridKernels(): GridKernels {
  return { kind: 'typescript', f64: (length) => new Float64Array(length), multiply, shiftLines, restoreLines };
}

/** Two rows by two columns at a time; the columns of B are gathered first, so that the inner loop reads memory in order. */
function multiply(
  A: Float64Array,
  B: Float64Array,
  out: Float64Array,
  { rows, depth, columns }: { readonly rows: number; readonly depth: number; readonly columns: number },
  offsets: { readonly B: number; readonly out: number },
): void {
  const panel = new Float64Array(2 * depth);
  for (let c = 0; c < columns; c += 2) {
    // The last panel of an odd number of columns takes the one before again.
    const left = columns > 1 ? Math.min(c, columns - 2) : 0;
    const right = columns > 1 ? left + 1 : left;
    for (let k = 0, at = offsets.B; k < depth; k++, at += columns) {
      panel[2 * k] = B[at + left]!;
      panel[2 * k + 1] = B[at + right]!;
    }
    for (let r = 0; r < rows; r += 2) {
      const [upper, lower] = [r * depth, Math.min(r + 1, rows - 1) * depth];
      let s = 0;
      let t = 0;
      let p = 0;
      let q = 0;
      for (let k = 0; k < depth; k++) {
        const x = A[upper + k]!;
        const y = A[lower + k]!;
        const v = panel[2 * k]!;
        const w = panel[2 * k + 1]!;
        s += x * v;
        t += x * w;
        p += y * v;
        q += y * w;
      }
      const [first, second] = [offsets.out + r * columns, offsets.out + Math.min(r + 1, rows - 1) * columns];
      out[first + left] = s;
      out[first + right] = t;
      out[second + left] = p;
      out[second + right] = q;
    }
  }
}

function shiftLines(T: Float64Array, top: Float64Array, out: Float64Array, { outer, along, inner }: Lines): void {
  for (let o = 0; o < outer; o++) {
    const start = o * along * inner;
    for (let r = 0; r < inner; r++) {
      let most = Number.NEGATIVE_INFINITY;
      for (let j = 0, at = start + r; j < along; j++, at += inner) if (T[at]! > most) most = T[at]!;
      if (most === Number.NEGATIVE_INFINITY) most = 0;
      top[o * inner + r] = most;
      for (let j = 0, at = start + r; j < along; j++, at += inner) out[at] = Math.exp(T[at]! - most);
    }
  }
}

function restoreLines(S: Float64Array, top: Float64Array, T: Float64Array, { outer, along, inner }: Lines, axis: LineCosts): number {
  let redone = 0;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < axis.count; i++) {
      const at = (o * axis.count + i) * inner;
      for (let r = 0; r < inner; r++) {
        const sum = S[at + r]!;
        if (sum >= RELIABLE) S[at + r] = top[o * inner + r]! + Math.log(sum);
        else {
          S[at + r] = exactSum(T, o * along * inner + r, along, inner, axis, i * axis.stride);
          redone++;
        }
      }
    }
  }
  return redone;
}

/** log Σ_j m(C_ij) exp(T_j − inverse·C_ij) along one line. */
function exactSum(T: Float64Array, start: number, along: number, inner: number, axis: LineCosts, from: number): number {
  const { costs, step, inverse, moment } = axis;
  let most = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < along; j++) {
    const t = T[start + j * inner]! - inverse * costs[from + j * step]!;
    if (t > most) most = t;
  }
  if (most === Number.NEGATIVE_INFINITY) return most;
  let sum = 0;
  for (let j = 0; j < along; j++) {
    const c = costs[from + j * step]!;
    const w = Math.exp(T[start + j * inner]! - inverse * c - most);
    sum += moment ? c * w : w;
  }
  return most + Math.log(sum);
}
