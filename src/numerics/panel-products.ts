/**
 * C ← C − A Bᵀ for row-major blocks, in squares of 3 × 3: nine sums and six factors fit the sixteen registers of a processor.
 * C (m × n) starts at `c` of `out` with rows `cStride` apart; A (m × k) and B (n × k) lie in `v`.
 */
export function subtractProduct(
  out: Float64Array,
  c: number,
  cStride: number,
  v: Float64Array,
  a: number,
  aStride: number,
  b: number,
  bStride: number,
  m: number,
  n: number,
  k: number,
): void {
  let i = 0;
  for (; i + 2 < m; i += 3) {
    const a0 = a + i * aStride;
    const a1 = a0 + aStride;
    const a2 = a1 + aStride;
    const c0 = c + i * cStride;
    const c1 = c0 + cStride;
    const c2 = c1 + cStride;
    let j = 0;
    for (; j + 2 < n; j += 3) {
      const b0 = b + j * bStride;
      const b1 = b0 + bStride;
      const b2 = b1 + bStride;
      let s00 = 0;
      let s01 = 0;
      let s02 = 0;
      let s10 = 0;
      let s11 = 0;
      let s12 = 0;
      let s20 = 0;
      let s21 = 0;
      let s22 = 0;
      for (let l = 0; l < k; l++) {
        const x0 = v[a0 + l]!;
        const x1 = v[a1 + l]!;
        const x2 = v[a2 + l]!;
        const y0 = v[b0 + l]!;
        const y1 = v[b1 + l]!;
        const y2 = v[b2 + l]!;
        s00 += x0 * y0;
        s01 += x0 * y1;
        s02 += x0 * y2;
        s10 += x1 * y0;
        s11 += x1 * y1;
        s12 += x1 * y2;
        s20 += x2 * y0;
        s21 += x2 * y1;
        s22 += x2 * y2;
      }
      out[c0 + j]! -= s00;
      out[c0 + j + 1]! -= s01;
      out[c0 + j + 2]! -= s02;
      out[c1 + j]! -= s10;
      out[c1 + j + 1]! -= s11;
      out[c1 + j + 2]! -= s12;
      out[c2 + j]! -= s20;
      out[c2 + j + 1]! -= s21;
      out[c2 + j + 2]! -= s22;
    }
    for (; j < n; j++) {
      const b0 = b + j * bStride;
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      for (let l = 0; l < k; l++) {
        const y = v[b0 + l]!;
        s0 += v[a0 + l]! * y;
        s1 += v[a1 + l]! * y;
        s2 += v[a2 + l]! * y;
      }
      out[c0 + j]! -= s0;
      out[c1 + j]! -= s1;
      out[c2 + j]! -= s2;
    }
  }
  for (; i < m; i++) {
    const a0 = a + i * aStride;
    const c0 = c + i * cStride;
    for (let j = 0; j < n; j++) {
      const b0 = b + j * bStride;
      let s = 0;
      for (let l = 0; l < k; l++) s += v[a0 + l]! * v[b0 + l]!;
      out[c0 + j]! -= s;
    }
  }
}

const BLOCK = 24;

/**
 * Cholesky factor of a panel in place: the first `width` of its `height` rows are the square block S = L Lᵀ, of which the lower
 * triangle is read and becomes L; the rows B below become B L⁻ᵀ. The panel starts at `at`. From `firstInverse` on, `inverse` holds
 * the numbers that the pivots have to exceed, and receives 1/L_jj.
 *
 * @returns false when a pivot is too small, infinite or NaN
 */
export function factorPanel(
  v: Float64Array,
  at: number,
  height: number,
  width: number,
  inverse: Float64Array,
  firstInverse: number,
): boolean {
  for (let from = 0; from < width; from += BLOCK) {
    const to = Math.min(from + BLOCK, width);
    const row = at + from * width;
    if (from > 0) subtractProduct(v, row + from, width, v, row, width, row, width, height - from, to - from, from);
    for (let i = from; i < to; i++) {
      const a = at + i * width;
      for (let j = from; j < i; j++) {
        const b = at + j * width;
        let s = v[a + j]!;
        for (let l = from; l < j; l++) s -= v[a + l]! * v[b + l]!;
        v[a + j] = s * inverse[firstInverse + j]!;
      }
      let pivot = v[a + i]!;
      for (let l = from; l < i; l++) pivot -= v[a + l]! * v[a + l]!;
      if (!(pivot > inverse[firstInverse + i]! && pivot < Number.POSITIVE_INFINITY)) return false;
      v[a + i] = Math.sqrt(pivot);
      inverse[firstInverse + i] = 1 / v[a + i]!;
    }
    solveRows(v, at, height, width, from, to, inverse, firstInverse);
  }
  return true;
}

/** Rows from `to` on: columns `from` to `to` are divided by the triangle on the diagonal, four rows at a time. */
function solveRows(
  v: Float64Array,
  at: number,
  height: number,
  width: number,
  from: number,
  to: number,
  inverse: Float64Array,
  firstInverse: number,
): void {
  let i = to;
  for (; i + 3 < height; i += 4) {
    const a0 = at + i * width;
    const a1 = a0 + width;
    const a2 = a1 + width;
    const a3 = a2 + width;
    for (let j = from; j < to; j++) {
      const b = at + j * width;
      let s0 = v[a0 + j]!;
      let s1 = v[a1 + j]!;
      let s2 = v[a2 + j]!;
      let s3 = v[a3 + j]!;
      for (let l = from; l < j; l++) {
        const y = v[b + l]!;
        s0 -= v[a0 + l]! * y;
        s1 -= v[a1 + l]! * y;
        s2 -= v[a2 + l]! * y;
        s3 -= v[a3 + l]! * y;
      }
      const scale = inverse[firstInverse + j]!;
      v[a0 + j] = s0 * scale;
      v[a1 + j] = s1 * scale;
      v[a2 + j] = s2 * scale;
      v[a3 + j] = s3 * scale;
    }
  }
  for (; i < height; i++) {
    const a = at + i * width;
    for (let j = from; j < to; j++) {
      const b = at + j * width;
      let s = v[a + j]!;
      for (let l = from; l < j; l++) s -= v[a + l]! * v[b + l]!;
      v[a + j] = s * inverse[firstInverse + j]!;
    }
  }
}
