/**
 * Multilayer perceptron kernels for WebAssembly SIMD128 in AssemblyScript. The caller owns the memory and passes byte addresses.
 * No relaxed instructions and fixed orders of summation: the same bits on every machine.
 *
 * Layouts, all f32. Values of a layer (rows × columns) lie in panels of 8 columns, panel[row][8], panels `S` bytes apart, rows
 * padded to a multiple of 4. Parameters and gradients of a layer (inputs × outputs) lie in panels of 8 outputs: `inputs` padded to a
 * multiple of 4 rows of weights, then the bias; a panel has `P` bytes. Padding is zero and stays zero. So every product
 * reads its operands where the kernel before left them.
 *
 * What makes the speed: a tile of 4 × 8 sums fills eight registers; the `break` after each step keeps the compiler from moving the loads
 * of later steps up, which would spill registers; inner loops test at the bottom; a strip of 32 rows is activated while in cache.
 */

@inline function mul(x: v128, y: v128): v128 { return f32x4.mul(x, y); }
@inline function add(x: v128, y: v128): v128 { return f32x4.add(x, y); }
@inline function mac(s: v128, x: v128, y: v128): v128 { return f32x4.add(s, f32x4.mul(x, y)); }
@inline function set(x: f32): v128 { return f32x4.splat(x); }

/**
 * C = f(bias + A B) for A rows × depth, B depth × columns. `kind` of f: 0 identity; 1 SiLU, 2 leaky ReLU (slope 0.01), 3 tanh, whose
 * derivatives go to T unless it is 0; 4 multiplication by T. Panels of B have `P` bytes, with the bias in row `biasRow`.
 */
export function layer(
  kind: i32, A: usize, S: usize, B: usize, P: usize, bias: usize, C: usize, T: usize, rows: i32, depth: i32, columns: i32,
): void {
  for (let i0 = 0; i0 < rows; i0 += 32) {
    const i1 = min(i0 + 32, rows);
    for (let j = 0; j < columns; j += 8) {
      const q = <usize>(j >> 3), panel = B + q * P, start = bias ? bias + q * P : 0, strip = q * S + (<usize>i0 << 5);
      let c = C + strip;
      for (let i = i0; i < i1; i += 4) {
        let a = A + (<usize>i << 5), b = panel, left = depth, jump: usize = 4;
        let c00 = v128.load(start), c01 = v128.load(start, 16), c10 = c00, c11 = c01, c20 = c00, c21 = c01, c30 = c00, c31 = c01;
        do {
          {
            const b0 = v128.load(b), b1 = v128.load(b, 16);
            const a0 = v128.load32_splat(a), a1 = v128.load32_splat(a, 32), a2 = v128.load32_splat(a, 64), a3 = v128.load32_splat(a, 96);
            c00 = mac(c00, a0, b0); c01 = mac(c01, a0, b1); c10 = mac(c10, a1, b0); c11 = mac(c11, a1, b1);
            c20 = mac(c20, a2, b0); c21 = mac(c21, a2, b1); c30 = mac(c30, a3, b0); c31 = mac(c31, a3, b1);
          }
          if (left == 1) break;
          a += 4;
          {
            const b0 = v128.load(b, 32), b1 = v128.load(b, 48);
            const a0 = v128.load32_splat(a), a1 = v128.load32_splat(a, 32), a2 = v128.load32_splat(a, 64), a3 = v128.load32_splat(a, 96);
            c00 = mac(c00, a0, b0); c01 = mac(c01, a0, b1); c10 = mac(c10, a1, b0); c11 = mac(c11, a1, b1);
            c20 = mac(c20, a2, b0); c21 = mac(c21, a2, b1); c30 = mac(c30, a3, b0); c31 = mac(c31, a3, b1);
          }
          if (left == 2) break;
          a += 4;
          {
            const b0 = v128.load(b, 64), b1 = v128.load(b, 80);
            const a0 = v128.load32_splat(a), a1 = v128.load32_splat(a, 32), a2 = v128.load32_splat(a, 64), a3 = v128.load32_splat(a, 96);
            c00 = mac(c00, a0, b0); c01 = mac(c01, a0, b1); c10 = mac(c10, a1, b0); c11 = mac(c11, a1, b1);
            c20 = mac(c20, a2, b0); c21 = mac(c21, a2, b1); c30 = mac(c30, a3, b0); c31 = mac(c31, a3, b1);
          }
          if (left == 3) break;
          a += 4;
          {
            const b0 = v128.load(b, 96), b1 = v128.load(b, 112);
            const a0 = v128.load32_splat(a), a1 = v128.load32_splat(a, 32), a2 = v128.load32_splat(a, 64), a3 = v128.load32_splat(a, 96);
            c00 = mac(c00, a0, b0); c01 = mac(c01, a0, b1); c10 = mac(c10, a1, b0); c11 = mac(c11, a1, b1);
            c20 = mac(c20, a2, b0); c21 = mac(c21, a2, b1); c30 = mac(c30, a3, b0); c31 = mac(c31, a3, b1);
          }
          // Halves of a panel are 16 bytes apart, then comes the next panel.
          a += jump;
          jump = S - 24 - jump;
          b += 128; left -= 4;
        } while (left > 0);
        v128.store(c, c00); v128.store(c, c01, 16); v128.store(c, c10, 32); v128.store(c, c11, 48);
        v128.store(c, c20, 64); v128.store(c, c21, 80); v128.store(c, c30, 96); v128.store(c, c31, 112);
        c += 128;
      }
      if (kind) finish(kind, C + strip, T ? T + strip : 0, c);
    }
  }
}

/** 1 / (1 + e^−x), absolute error 1e-7: 2^t by a polynomial of degree 5 after splitting off the integer part; NaN stays NaN. */
@inline function sigmoid(x: v128): v128 {
  const t = f32x4.pmin(f32x4.pmax(mul(x, set(-1.4426950408889634)), set(-126.0)), set(126.0));
  const shifted = add(t, set(12582912.0));
  const r = f32x4.sub(t, f32x4.sub(shifted, set(12582912.0)));
  const r2 = mul(r, r);
  const low = add(add(set(1.0), mul(r, set(0.6931469670549263))), mul(r2, add(set(0.24022119724871446), mul(r, set(0.05550713289559993)))));
  const high = mul(mul(r2, r2), add(set(0.009675541293022151), mul(r, set(0.001327646680012863))));
  const power = i32x4.add(add(low, high), i32x4.shl(shifted, 23));
  return f32x4.div(set(1.0), add(set(1.0), power));
}

/** f in place from `at` to `end`, derivatives to `slope` unless 0. */
function finish(kind: i32, at: usize, slope: usize, end: usize): void {
  const shift = slope - at;
  do {
    const x = v128.load(at);
    if (kind == 4) {
      v128.store(at, mul(x, v128.load(at + shift)));
    } else if (kind == 2) {
      const d = v128.bitselect(set(1.0), set(0.01), f32x4.gt(x, set(0)));
      v128.store(at, mul(x, d));
      if (slope) v128.store(at + shift, d);
    } else {
      const s = sigmoid(kind == 1 ? x : add(x, x)), rest = f32x4.sub(set(1.0), s);
      v128.store(at, kind == 1 ? mul(x, s) : f32x4.sub(s, rest));
      if (slope) v128.store(at + shift, kind == 1 ? mac(s, mul(x, s), rest) : mul(set(4.0), mul(s, rest)));
    }
    at += 16;
  } while (at < end);
}

/** G = Aᵀ D and, in the bias row, the column sums of D; A rows × inputs, D rows × outputs, panels of G have `P` bytes. */
export function gradient(A: usize, S: usize, D: usize, G: usize, P: usize, rows: i32, inputs: i32, outputs: i32): void {
  for (let j = 0; j < outputs; j += 8) {
    const q = <usize>(j >> 3), panel = D + q * S;
    let c = G + q * P;
    for (let i = 0; i < inputs; i += 4) {
      let a = A + <usize>(i >> 3) * S + (<usize>(i & 4) << 2), b = panel, left = rows;
      let c00 = set(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
      do {
        {
          const b0 = v128.load(b), b1 = v128.load(b, 16);
          const a0 = v128.load32_splat(a), a1 = v128.load32_splat(a, 4), a2 = v128.load32_splat(a, 8), a3 = v128.load32_splat(a, 12);
          c00 = mac(c00, a0, b0); c01 = mac(c01, a0, b1); c10 = mac(c10, a1, b0); c11 = mac(c11, a1, b1);
          c20 = mac(c20, a2, b0); c21 = mac(c21, a2, b1); c30 = mac(c30, a3, b0); c31 = mac(c31, a3, b1);
        }
        if (left == 1) break;
        a += 32;
        {
          const b0 = v128.load(b, 32), b1 = v128.load(b, 48);
          const a0 = v128.load32_splat(a), a1 = v128.load32_splat(a, 4), a2 = v128.load32_splat(a, 8), a3 = v128.load32_splat(a, 12);
          c00 = mac(c00, a0, b0); c01 = mac(c01, a0, b1); c10 = mac(c10, a1, b0); c11 = mac(c11, a1, b1);
          c20 = mac(c20, a2, b0); c21 = mac(c21, a2, b1); c30 = mac(c30, a3, b0); c31 = mac(c31, a3, b1);
        }
        if (left == 2) break;
        a += 32;
        {
          const b0 = v128.load(b, 64), b1 = v128.load(b, 80);
          const a0 = v128.load32_splat(a), a1 = v128.load32_splat(a, 4), a2 = v128.load32_splat(a, 8), a3 = v128.load32_splat(a, 12);
          c00 = mac(c00, a0, b0); c01 = mac(c01, a0, b1); c10 = mac(c10, a1, b0); c11 = mac(c11, a1, b1);
          c20 = mac(c20, a2, b0); c21 = mac(c21, a2, b1); c30 = mac(c30, a3, b0); c31 = mac(c31, a3, b1);
        }
        if (left == 3) break;
        a += 32;
        {
          const b0 = v128.load(b, 96), b1 = v128.load(b, 112);
          const a0 = v128.load32_splat(a), a1 = v128.load32_splat(a, 4), a2 = v128.load32_splat(a, 8), a3 = v128.load32_splat(a, 12);
          c00 = mac(c00, a0, b0); c01 = mac(c01, a0, b1); c10 = mac(c10, a1, b0); c11 = mac(c11, a1, b1);
          c20 = mac(c20, a2, b0); c21 = mac(c21, a2, b1); c30 = mac(c30, a3, b0); c31 = mac(c31, a3, b1);
        }
        a += 32; b += 128; left -= 4;
      } while (left > 0);
      v128.store(c, c00); v128.store(c, c01, 16); v128.store(c, c10, 32); v128.store(c, c11, 48);
      v128.store(c, c20, 64); v128.store(c, c21, 80); v128.store(c, c30, 96); v128.store(c, c31, 112);
      c += 128;
    }
    columnSums(panel, panel + (<usize>rows << 5), c);
  }
}

/** Sums of the 8 columns of a panel, four rows at a time. */
function columnSums(from: usize, end: usize, out: usize): void {
  let s0 = set(0), s1 = s0, t0 = s0, t1 = s0, u0 = s0, u1 = s0, v0 = s0, v1 = s0;
  do {
    s0 = add(s0, v128.load(from)); s1 = add(s1, v128.load(from, 16));
    t0 = add(t0, v128.load(from, 32)); t1 = add(t1, v128.load(from, 48));
    u0 = add(u0, v128.load(from, 64)); u1 = add(u1, v128.load(from, 80));
    v0 = add(v0, v128.load(from, 96)); v1 = add(v1, v128.load(from, 112));
    from += 128;
  } while (from < end);
  v128.store(out, add(add(s0, t0), add(u0, v0))); v128.store(out, add(add(s1, t1), add(u1, v1)), 16);
}

/** Weights W (inputs × outputs, panels of `P` bytes) transposed into panels of 8 inputs, panel[output][8] of `Q` bytes. */
export function transpose(W: usize, P: usize, out: usize, Q: usize, inputs: i32, outputs: i32): void {
  for (let k = 0; k < inputs; k += 4) {
    let to = out + <usize>(k >> 3) * Q + (<usize>(k & 4) << 2);
    for (let j = 0; j < outputs; j += 4) {
      const from = W + <usize>(j >> 3) * P + (<usize>k << 5) + (<usize>(j & 4) << 2);
      const a = v128.load(from), b = v128.load(from, 32), c = v128.load(from, 64), d = v128.load(from, 96);
      const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5), ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
      const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5), cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<i64>(ab0, cd0, 0, 2)); v128.store(to, v128.shuffle<i64>(ab0, cd0, 1, 3), 32);
      v128.store(to, v128.shuffle<i64>(ab1, cd1, 0, 2), 64); v128.store(to, v128.shuffle<i64>(ab1, cd1, 1, 3), 96);
      to += 128;
    }
  }
}

/** Σ g² in f64. `count` a multiple of 4. */
export function sumSquares(g: usize, count: i32): f64 {
  const end = g + (<usize>count << 2);
  let low = f64x2.splat(0), high = low;
  do {
    const x = v128.load(g), a = f64x2.promote_low_f32x4(x), b = f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 1));
    low = f64x2.add(low, f64x2.mul(a, a)); high = f64x2.add(high, f64x2.mul(b, b));
    g += 16;
  } while (g < end);
  const s = f64x2.add(low, high);
  return f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
}

/**
 * One Adam step on `count` parameters (a multiple of 4): m += α₁(g' − m), v += α₂(g'² − v), p −= rate·m/(√(v·correction) + ε),
 * where g' = scale·g, α = 1 − β; `rate` holds the bias correction of m, `correction` that of v. ema > 0: average += ema·(p − average).
 */
export function adam(
  p: usize, g: usize, m: usize, v: usize, average: usize, count: i32,
  scale: f32, alpha1: f32, alpha2: f32, rate: f32, correction: f32, epsilon: f32, ema: f32,
): void {
  const end = <usize>count << 2;
  let j: usize = 0;
  do {
    const d = mul(set(scale), v128.load(g + j)), m0 = v128.load(m + j), v0 = v128.load(v + j);
    const first = mac(m0, set(alpha1), f32x4.sub(d, m0)), second = mac(v0, set(alpha2), f32x4.sub(mul(d, d), v0));
    v128.store(m + j, first); v128.store(v + j, second);
    const step = f32x4.div(mul(set(rate), first), add(f32x4.sqrt(mul(set(correction), second)), set(epsilon)));
    const next = f32x4.sub(v128.load(p + j), step);
    v128.store(p + j, next);
    if (ema > 0) {
      const old = v128.load(average + j);
      v128.store(average + j, mac(old, set(ema), f32x4.sub(next, old)));
    }
    j += 16;
  } while (j < end);
}
