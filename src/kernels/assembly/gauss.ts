/**
 * Kernels of the fast Gauss transform for WebAssembly SIMD128 in AssemblyScript. The caller owns the memory and passes byte addresses.
 *
 * Every pass takes the boxes first <= b < last, in blocks that threads share, and begins with (block, first, last, own): `own` is space of
 * the thread. The points of box b stand at starts[b] … starts[b + 1], in whole groups of 8 filled up by points of weight 0, with
 * coordinates in [−1, 1], one axis of `stride` bytes after the other. Chebyshev coefficients are tensors of q^d numbers, q even, d = 2 or 3;
 * terms of total degree below q count, runs along the last axis rounded up to whole vectors.
 */

@inline function add(x: v128, y: v128): v128 { return f64x2.add(x, y); }
@inline function mul(x: v128, y: v128): v128 { return f64x2.mul(x, y); }

/** T_k of 8 coordinates: rows of 8 numbers, one degree after the other. */
function degreesByRow(t: usize, out: usize, q: i32): void {
  for (let p: usize = 0; p < 64; p += 16) {
    const x = v128.load(t + p), two = add(x, x);
    let before = f64x2.splat(1), now = x;
    v128.store(out + p, before);
    v128.store(out + p, now, 64);
    for (let k = 2; k < q; k++) {
      const next = f64x2.sub(mul(two, now), before);
      before = now; now = next;
      v128.store(out + p + (<usize>k << 6), now);
    }
  }
}

/** T_k of 8 coordinates: rows of q numbers, one point after the other. */
function degreesByPoint(t: usize, out: usize, q: i32): void {
  for (let p: usize = 0; p < 8; p++) {
    const x = load<f64>(t + (p << 3)), two = x + x, row = out + (p * <usize>q << 3);
    let before: f64 = 1, now = x;
    store<f64>(row, before);
    store<f64>(row, now, 8);
    for (let k = 2; k < q; k++) {
      const next = two * now - before;
      before = now; now = next;
      store<f64>(row + (<usize>k << 3), now);
    }
  }
}

/** M_b,klm = Σ_p w_p T_k T_l T_m over the points of every box; in the plane k = 0 alone. */
export function moments(
  block: i32, first: i32, last: i32, own: usize, starts: usize, t: usize, stride: usize, w: usize, q: i32, d: i32, M: usize,
): void {
  const depth: i32 = d > 2 ? q : 1, size = <usize>(depth * q * q) << 3, row = <usize>q << 3;
  const T1 = own, T2 = own + (row << 3), T3 = own + (row << 4), y = t + stride * <usize>(d - 2), z = y + stride;
  for (let b = first; b < last; b++) {
    const tensor = M + <usize>b * size, end = <usize>load<i32>(starts + (<usize>b << 2), 4) << 3;
    memory.fill(tensor, 0, size);
    for (let p = <usize>load<i32>(starts + (<usize>b << 2)) << 3; p < end; p += 64) {
      degreesByPoint(z + p, T3, q);
      degreesByRow(y + p, T2, q);
      degreesByRow(t + p, T1, q);
      for (let k = 0; k < depth; k++) {
        const a = T1 + (<usize>k << 6);
        let w01 = v128.load(w + p), w23 = v128.load(w + p, 16), w45 = v128.load(w + p, 32), w67 = v128.load(w + p, 48);
        if (d > 2) { w01 = mul(w01, v128.load(a)); w23 = mul(w23, v128.load(a, 16)); w45 = mul(w45, v128.load(a, 32)); w67 = mul(w67, v128.load(a, 48)); }
        for (let l = 0; l < q - k; l++) {
          const h = T2 + (<usize>l << 6);
          const c01 = mul(w01, v128.load(h)), c23 = mul(w23, v128.load(h, 16)), c45 = mul(w45, v128.load(h, 32)), c67 = mul(w67, v128.load(h, 48));
          const c0 = v128.shuffle<i64>(c01, c01, 0, 0), c1 = v128.shuffle<i64>(c01, c01, 1, 1);
          const c2 = v128.shuffle<i64>(c23, c23, 0, 0), c3 = v128.shuffle<i64>(c23, c23, 1, 1);
          const c4 = v128.shuffle<i64>(c45, c45, 0, 0), c5 = v128.shuffle<i64>(c45, c45, 1, 1);
          const c6 = v128.shuffle<i64>(c67, c67, 0, 0), c7 = v128.shuffle<i64>(c67, c67, 1, 1);
          let at = tensor + <usize>(k * q + l) * row, i = T3, j = T3 + (row << 2);
          const stop = i + (<usize>((q - k - l + 1) & ~1) << 3);
          do {
            const front = add(add(mul(c0, v128.load(i)), mul(c1, v128.load(i + row))), add(mul(c2, v128.load(i + (row << 1))), mul(c3, v128.load(i + row * 3))));
            const back = add(add(mul(c4, v128.load(j)), mul(c5, v128.load(j + row))), add(mul(c6, v128.load(j + (row << 1))), mul(c7, v128.load(j + row * 3))));
            v128.store(at, add(v128.load(at), add(front, back)));
            at += 16; i += 16; j += 16;
          } while (i < stop);
        }
      }
    }
  }
}

/** out_p = Σ C_b,klm T_k T_l T_m at the points of every box: the transpose of `moments`. */
export function evaluate(
  block: i32, first: i32, last: i32, own: usize, starts: usize, t: usize, stride: usize, C: usize, q: i32, d: i32, out: usize,
): void {
  const depth: i32 = d > 2 ? q : 1, size = <usize>(depth * q * q) << 3, row = <usize>q << 3, zero = f64x2.splat(0);
  const T1 = own, T2 = own + (row << 3), T3 = own + (row << 4), y = t + stride * <usize>(d - 2), z = y + stride;
  for (let b = first; b < last; b++) {
    const tensor = C + <usize>b * size, end = <usize>load<i32>(starts + (<usize>b << 2), 4) << 3;
    for (let p = <usize>load<i32>(starts + (<usize>b << 2)) << 3; p < end; p += 64) {
      degreesByRow(z + p, T3, q);
      degreesByRow(y + p, T2, q);
      degreesByRow(t + p, T1, q);
      let z0 = zero, z1 = zero, z2 = zero, z3 = zero;
      for (let k = 0; k < depth; k++) {
        let y0 = zero, y1 = zero, y2 = zero, y3 = zero;
        for (let l = 0; l < q - k; l++) {
          let s0 = zero, s1 = zero, s2 = zero, s3 = zero, at = tensor + <usize>(k * q + l) * row, i = T3;
          const stop = at + (<usize>((q - k - l + 1) & ~1) << 3), h = T2 + (<usize>l << 6);
          do {
            const c = v128.load64_splat(at);
            s0 = add(s0, mul(c, v128.load(i))); s1 = add(s1, mul(c, v128.load(i, 16)));
            s2 = add(s2, mul(c, v128.load(i, 32))); s3 = add(s3, mul(c, v128.load(i, 48)));
            at += 8; i += 64;
          } while (at < stop);
          y0 = add(y0, mul(s0, v128.load(h))); y1 = add(y1, mul(s1, v128.load(h, 16)));
          y2 = add(y2, mul(s2, v128.load(h, 32))); y3 = add(y3, mul(s3, v128.load(h, 48)));
        }
        const a = T1 + (<usize>k << 6);
        if (d > 2) { y0 = mul(y0, v128.load(a)); y1 = mul(y1, v128.load(a, 16)); y2 = mul(y2, v128.load(a, 32)); y3 = mul(y3, v128.load(a, 48)); }
        z0 = add(z0, y0); z1 = add(z1, y1); z2 = add(z2, y2); z3 = add(z3, y3);
      }
      v128.store(out + p, z0); v128.store(out + p, z1, 16); v128.store(out + p, z2, 32); v128.store(out + p, z3, 48);
    }
  }
}

/**
 * dst[i, a] += scale · Σ_b src[b, i] M[b, a] for i < inner (even), a, b < q: one axis of a tensor through a matrix, which comes out last.
 * d calls turn all axes and bring the first to the front again.
 */
function contract(src: usize, dst: usize, M: usize, q: i32, inner: i32, scale: f64): void {
  const row = <usize>q << 3, line = <usize>inner << 3, end = src + line, factor = f64x2.splat(scale);
  const bottom = row * <usize>q, zero = f64x2.splat(0);
  do {
    let a: usize = 0;
    while (a + 32 <= row) {
      let s0 = zero, s1 = zero, t0 = zero, t1 = zero, from = src, m = M + a;
      const stop = m + bottom;
      do {
        const m0 = v128.load(m), m1 = v128.load(m, 16), x = v128.load64_splat(from), y = v128.load64_splat(from, 8);
        s0 = add(s0, mul(x, m0)); s1 = add(s1, mul(x, m1));
        t0 = add(t0, mul(y, m0)); t1 = add(t1, mul(y, m1));
        m += row; from += line;
      } while (m < stop);
      const to = dst + a, next = to + row;
      v128.store(to, add(v128.load(to), mul(factor, s0))); v128.store(to, add(v128.load(to, 16), mul(factor, s1)), 16);
      v128.store(next, add(v128.load(next), mul(factor, t0))); v128.store(next, add(v128.load(next, 16), mul(factor, t1)), 16);
      a += 32;
    }
    if (a < row) {
      let s0 = zero, t0 = zero, from = src, m = M + a;
      const stop = m + bottom;
      do {
        const m0 = v128.load(m);
        s0 = add(s0, mul(v128.load64_splat(from), m0));
        t0 = add(t0, mul(v128.load64_splat(from, 8), m0));
        m += row; from += line;
      } while (m < stop);
      const to = dst + a, next = to + row;
      v128.store(to, add(v128.load(to), mul(factor, s0)));
      v128.store(next, add(v128.load(next), mul(factor, t0)));
    }
    src += 16; dst += row << 1;
  } while (src < end);
}

/** out = M with its columns (`along` 1) or rows (2) multiplied by the factors. */
function multiplied(M: usize, factors: usize, along: i32, q: i32, out: usize): void {
  for (let b = 0, p: usize = 0; b < q; b++) {
    for (let a = 0; a < q; a++, p += 8) store<f64>(out + p, load<f64>(M + p) * load<f64>(factors + (<usize>(along == 1 ? a : b) << 3)));
  }
}

/**
 * dst_g[i, a] = Σ_o scale_o Σ_b src_o[b, i] M_o[b, a] over the operations groups[g] <= o < groups[g + 1], i < inner: one axis of tensors
 * through matrices, which comes out last. d such passes turn all axes and bring the first to the front again. With `along` 1 or 2 there is
 * one matrix M, and `matrices` numbers the vectors that multiply its columns or rows.
 */
export function contractions(
  block: i32, first: i32, last: i32, own: usize, groups: usize, sources: usize, matrices: usize, scales: usize,
  src: usize, M: usize, dst: usize, q: i32, inner: i32, factors: usize, along: i32,
): void {
  const size = <usize>(q * inner) << 3, square = <usize>(q * q) << 3, row = <usize>q << 3;
  for (let g = first; g < last; g++) {
    const to = dst + <usize>g * size, end = <usize>load<i32>(groups + (<usize>g << 2), 4);
    memory.fill(to, 0, size);
    for (let o = <usize>load<i32>(groups + (<usize>g << 2)); o < end; o++) {
      const scale = load<f64>(scales + (o << 3));
      if (scale == 0) continue;
      const from = src + <usize>load<i32>(sources + (o << 2)) * size, number = <usize>load<i32>(matrices + (o << 2));
      if (along != 0) multiplied(M, factors + number * row, along, q, own);
      contract(from, to, along == 0 ? M + number * square : own, q, inner, scale);
    }
  }
}
