import { add, mac, mul, set } from './mlp-simd';

/**
 * One panel of G = Aᵀ D and, in the bias row, the column sums of D: A rows × inputs with panels `S` bytes apart, D one panel of rows,
 * both summed over all rows in order. Returns Σ g² over the panel.
 */
export function gradientPanel(A: usize, S: usize, D: usize, G: usize, rows: i32, inputs: i32): f64 {
  let c = G;
  for (let i = 0; i < inputs; i += 4) {
    let a = A + <usize>(i >> 3) * S + (<usize>(i & 4) << 2), b = D, left = rows;
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
  columnSums(D, D + (<usize>rows << 5), c);
  return sumSquares(G, c + 32);
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

/** Σ g² in f64 from `g` to `end`, four numbers at a time. */
function sumSquares(g: usize, end: usize): f64 {
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
 * One Adam step on the parameters from `p` to `end`: m += α₁(g' − m), v += α₂(g'² − v), p −= rate·m/(√(v·correction) + ε), where
 * g' = scale·g, α = 1 − β; `rate` holds the bias correction of m, `correction` that of v. ema > 0: average += ema·(p − average).
 * The other arrays are reached by what is added to the address of a parameter.
 */
export function adam(
  p: usize, end: usize, toG: usize, toM: usize, toV: usize, toAverage: usize,
  scale: f32, alpha1: f32, alpha2: f32, rate: f32, correction: f32, epsilon: f32, ema: f32,
): void {
  do {
    const d = mul(set(scale), v128.load(p + toG)), m0 = v128.load(p + toM), v0 = v128.load(p + toV);
    const first = mac(m0, set(alpha1), f32x4.sub(d, m0)), second = mac(v0, set(alpha2), f32x4.sub(mul(d, d), v0));
    v128.store(p + toM, first); v128.store(p + toV, second);
    const step = f32x4.div(mul(set(rate), first), add(f32x4.sqrt(mul(set(correction), second)), set(epsilon)));
    const next = f32x4.sub(v128.load(p), step);
    v128.store(p, next);
    if (ema > 0) {
      const old = v128.load(p + toAverage);
      v128.store(p + toAverage, mac(old, set(ema), f32x4.sub(next, old)));
    }
    p += 16;
  } while (p < end);
}

/** 8 columns of weights, panel[input][8] at W, as columns `column`… of panels of 8 inputs, panel[output][8] of `Q` bytes at `out`. */
export function transposePanel(W: usize, out: usize, Q: usize, inputs: i32, column: i32, outputs: i32): void {
  for (let k = 0; k < inputs; k += 4) {
    let from = W + (<usize>k << 5), to = out + <usize>(k >> 3) * Q + (<usize>(k & 4) << 2) + (<usize>column << 5);
    for (let j = column; j < min(column + 8, outputs); j += 4) {
      const a = v128.load(from), b = v128.load(from, 32), c = v128.load(from, 64), d = v128.load(from, 96);
      const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5), ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
      const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5), cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<i64>(ab0, cd0, 0, 2)); v128.store(to, v128.shuffle<i64>(ab0, cd0, 1, 3), 32);
      v128.store(to, v128.shuffle<i64>(ab1, cd1, 0, 2), 64); v128.store(to, v128.shuffle<i64>(ab1, cd1, 1, 3), 96);
      from += 16; to += 128;
    }
  }
}
