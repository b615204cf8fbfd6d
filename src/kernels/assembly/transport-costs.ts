import { add, mul, set, sub } from './transport-simd';

// Costs of four rows at a time. D = 0: stored, P is rows × m. D > 0: |x − y|² from differences, P is rows × D, Y is D × m, and
// the caller folds the scale into its factor.

@inline function square(x: v128, p: usize): v128 {
  const d = sub(x, v128.load(p));
  return mul(d, d);
}

/** Address of the costs of rows i … i + 3, in `own` when they have to be computed. */
export function costRows(D: i32, P: usize, Y: usize, i: i32, own: usize, m: i32): usize {
  if (D == 0) return P + <usize>i * (<usize>m << 3);
  distances(D, P + (<usize>i * <usize>D << 3), Y, own, m);
  return own;
}

@inline function distances(D: i32, x: usize, Y: usize, out: usize, m: i32): void {
  const width = <usize>m << 3, next = <usize>D << 3;
  if (D == 1) low(1, x, x + next, x + 2 * next, x + 3 * next, Y, out, width);
  else if (D == 2) low(2, x, x + next, x + 2 * next, x + 3 * next, Y, out, width);
  else if (D == 3) low(3, x, x + next, x + 2 * next, x + 3 * next, Y, out, width);
  else any(D, x, Y, out, width);
}

@inline function low(D: i32, x0: usize, x1: usize, x2: usize, x3: usize, Y: usize, out: usize, width: usize): void {
  const a0 = v128.load64_splat(x0), a1 = v128.load64_splat(x1), a2 = v128.load64_splat(x2), a3 = v128.load64_splat(x3);
  const b0 = v128.load64_splat(x0, 8), b1 = v128.load64_splat(x1, 8), b2 = v128.load64_splat(x2, 8), b3 = v128.load64_splat(x3, 8);
  const c0 = v128.load64_splat(x0, 16), c1 = v128.load64_splat(x1, 16), c2 = v128.load64_splat(x2, 16), c3 = v128.load64_splat(x3, 16);
  const o1 = out + width, o2 = o1 + width, o3 = o2 + width, Y1 = Y + width, Y2 = Y1 + width;
  let j: usize = 0;
  do {
    const p = Y + j, q = Y1 + j, r = Y2 + j;
    let s0 = square(a0, p), s1 = square(a1, p), s2 = square(a2, p), s3 = square(a3, p);
    if (D > 1) { s0 = add(s0, square(b0, q)); s1 = add(s1, square(b1, q)); s2 = add(s2, square(b2, q)); s3 = add(s3, square(b3, q)); }
    if (D > 2) { s0 = add(s0, square(c0, r)); s1 = add(s1, square(c1, r)); s2 = add(s2, square(c2, r)); s3 = add(s3, square(c3, r)); }
    v128.store(out + j, s0); v128.store(o1 + j, s1); v128.store(o2 + j, s2); v128.store(o3 + j, s3);
    j += 16;
  } while (j < width);
}

/** Four rows and four columns at a time: eight sums stay in registers while the coordinates pass. */
function any(D: i32, x: usize, Y: usize, out: usize, width: usize): void {
  const next = <usize>D << 3, o1 = out + width, o2 = o1 + width, o3 = o2 + width;
  let j: usize = 0;
  do {
    let p = Y + j, a = x, left = D;
    let s0 = f64x2.splat(0), s1 = s0, s2 = s0, s3 = s0, t0 = s0, t1 = s0, t2 = s0, t3 = s0;
    do {
      const x0 = v128.load64_splat(a), x1 = v128.load64_splat(a + next);
      s0 = add(s0, square(x0, p)); t0 = add(t0, square(x0, p + 16));
      s1 = add(s1, square(x1, p)); t1 = add(t1, square(x1, p + 16));
      const x2 = v128.load64_splat(a + 2 * next), x3 = v128.load64_splat(a + 3 * next);
      s2 = add(s2, square(x2, p)); t2 = add(t2, square(x2, p + 16));
      s3 = add(s3, square(x3, p)); t3 = add(t3, square(x3, p + 16));
      a += 8; p += width;
    } while (--left);
    v128.store(out + j, s0); v128.store(o1 + j, s1); v128.store(o2 + j, s2); v128.store(o3 + j, s3);
    v128.store(out + j, t0, 16); v128.store(o1 + j, t1, 16); v128.store(o2 + j, t2, 16); v128.store(o3 + j, t3, 16);
    j += 32;
  } while (j < width);
}

/** C = scale·|x − y|² for rows r0 … r1: where each sum of squares costs more than reading it again. */
export function distancesOnce(block: i32, r0: i32, r1: i32, own: usize, D: i32, X: usize, Y: usize, scale: f64, C: usize, m: i32): void {
  const width = <usize>m << 3, factor = set(scale);
  for (let i = r0; i < r1; i += 4) {
    const out = C + <usize>i * width;
    distances(D, X + (<usize>i * <usize>D << 3), Y, out, m);
    if (scale != 1) for (let j: usize = 0; j < 4 * width; j += 16) v128.store(out + j, mul(factor, v128.load(out + j)));
  }
}
