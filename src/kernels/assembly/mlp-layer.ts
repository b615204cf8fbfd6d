import { add, mac, mul, set } from './mlp-simd';

/** What is done to the sums of a layer: f of the hidden layers, or what the chain rule asks for. */
export const IDENTITY: i32 = 0, SILU: i32 = 1, LEAKY_RELU: i32 = 2, TANH: i32 = 3, MULTIPLY: i32 = 4;

/**
 * C = f(bias + A B) for A rows × depth, B depth × columns, at most a strip of rows. `kind` of f: identity, SiLU, leaky ReLU (slope 0.01),
 * tanh, whose derivatives go to T unless it is 0, or multiplication by T. Panels of A and C are `SA` and `SC` bytes apart, those of T as
 * those of C; panels of B have `P` bytes, of the bias `PB`. `skip` unless 0 has the layout of C: it is added to f, but before the
 * multiplication, whose sums go to `keep` unless it is 0.
 *
 * What makes the speed: a tile of 4 × 8 sums fills eight registers; the `break` after each step keeps the compiler from moving the loads
 * of later steps up, which would spill registers; inner loops test at the bottom; a strip is activated while in cache.
 */
export function layer(
  kind: i32, A: usize, SA: usize, B: usize, P: usize, bias: usize, PB: usize, C: usize, SC: usize, T: usize, skip: usize, SS: usize,
  keep: usize, SK: usize, rows: i32, depth: i32, columns: i32,
): void {
  for (let j = 0; j < columns; j += 8) {
    const q = <usize>(j >> 3), panel = B + q * P, start = bias ? bias + q * PB : 0, first = C + q * SC;
    let c = first;
    for (let i = 0; i < rows; i += 4) {
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
        jump = SA - 24 - jump;
        b += 128; left -= 4;
      } while (left > 0);
      v128.store(c, c00); v128.store(c, c01, 16); v128.store(c, c10, 32); v128.store(c, c11, 48);
      v128.store(c, c20, 64); v128.store(c, c21, 80); v128.store(c, c30, 96); v128.store(c, c31, 112);
      c += 128;
    }
    const slope = T ? T + q * SC : 0, other = skip ? skip + q * SS : 0;
    if (kind == MULTIPLY) chain(first, c, slope, other, keep ? keep + q * SK : 0);
    else if (kind != IDENTITY) activate(kind, first, c, slope, other);
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

/** f in place from `at` to `end`, plus `skip`; derivatives to `slope`. Both unless 0. */
function activate(kind: i32, at: usize, end: usize, slope: usize, skip: usize): void {
  const toSlope = slope - at, toSkip = skip - at;
  do {
    const x = v128.load(at);
    let y: v128, d: v128;
    if (kind == LEAKY_RELU) {
      d = v128.bitselect(set(1.0), set(0.01), f32x4.gt(x, set(0)));
      y = mul(x, d);
    } else {
      const s = sigmoid(kind == SILU ? x : add(x, x)), rest = f32x4.sub(set(1.0), s);
      y = kind == SILU ? mul(x, s) : f32x4.sub(s, rest);
      d = kind == SILU ? mac(s, mul(x, s), rest) : mul(set(4.0), mul(s, rest));
    }
    if (skip) y = add(y, v128.load(at + toSkip));
    v128.store(at, y);
    if (slope) v128.store(at + toSlope, d);
    at += 16;
  } while (at < end);
}

/** x ← (x + skip)·slope in place from `at` to `end`; the sums go to `keep`. */
function chain(at: usize, end: usize, slope: usize, skip: usize, keep: usize): void {
  const toSlope = slope - at, toSkip = skip - at, toKeep = keep - at;
  do {
    let x = v128.load(at);
    if (skip) x = add(x, v128.load(at + toSkip));
    if (keep) v128.store(at + toKeep, x);
    v128.store(at, mul(x, v128.load(at + toSlope)));
    at += 16;
  } while (at < end);
}
