/** Share of the diagonal entry that a pivot has to exceed: below it is rounding. */
const SINGULAR = 1e-15;

/** Row-major lower factor L of a symmetric matrix S = LLᵀ of n rows; undefined where S is not positive definite to working precision. */
export function choleskyFactor(s: Float64Array, n: number): Float64Array | undefined {
  const out = new Float64Array(n * n);
  for (let r = 0; r < n; r++) {
    for (let c = 0; c <= r; c++) {
      let sum = s[r * n + c]!;
      for (let k = 0, a = r * n, b = c * n; k < c; k++, a++, b++) sum -= out[a]! * out[b]!;
      if (c < r) out[r * n + c] = sum / out[c * (n + 1)]!;
      else if (sum > SINGULAR * s[r * (n + 1)]! && sum < Number.POSITIVE_INFINITY) out[r * (n + 1)] = Math.sqrt(sum);
      else return undefined;
    }
  }
  return out;
}

/** (LLᵀ)⁻¹, row-major. */
export function inverseFromFactor(factor: Float64Array, n: number): Float64Array {
  // Row c of `columns` is column c of L⁻¹, whose entries begin at c.
  const columns = new Float64Array(n * n);
  for (let c = 0; c < n; c++) {
    columns[c * (n + 1)] = 1 / factor[c * (n + 1)]!;
    for (let r = c + 1; r < n; r++) {
      let sum = 0;
      for (let k = c, a = r * n + c, b = c * (n + 1); k < r; k++, a++, b++) sum -= factor[a]! * columns[b]!;
      columns[c * n + r] = sum / factor[r * (n + 1)]!;
    }
  }
  const out = new Float64Array(n * n);
  for (let r = 0; r < n; r++) {
    for (let c = 0; c <= r; c++) {
      let sum = 0;
      for (let k = r, a = r * (n + 1), b = c * n + r; k < n; k++, a++, b++) sum += columns[a]! * columns[b]!;
      out[r * n + c] = out[c * n + r] = sum;
    }
  }
  return out;
}
