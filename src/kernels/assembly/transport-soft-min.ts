import { costRows } from './transport-costs';
import { add, exp32, exp64, logNatural, mul, narrow, set, sub, sum, LN2, LOG2E } from './transport-simd';

// Passes that shift by a maximum; arguments as in transport-plan.ts.

@inline function larger(x: v128, y: v128): v128 { return f64x2.pmax(x, y); }
@inline function largest(x: v128): f64 {
  const a = f64x2.extract_lane(x, 0), b = f64x2.extract_lane(x, 1);
  return a < b ? b : a;
}
@inline function exponent(g: v128, factor: v128, c: usize): v128 { return add(g, mul(factor, v128.load(c))); }

/** t = G + factor·C for four rows with costs at c, which t may overwrite; the maxima of the rows go to `maxima`. */
function exponents(c: usize, t: usize, G: usize, factor: f64, maxima: usize, m: i32): void {
  const width = <usize>m << 3, times = set(factor), c1 = c + width, c2 = c1 + width, c3 = c2 + width;
  const t1 = t + width, t2 = t1 + width, t3 = t2 + width;
  let l0 = set(-Infinity), l1 = l0, l2 = l0, l3 = l0, j: usize = 0;
  do {
    const g = v128.load(G + j);
    const e0 = exponent(g, times, c + j), e1 = exponent(g, times, c1 + j);
    const e2 = exponent(g, times, c2 + j), e3 = exponent(g, times, c3 + j);
    v128.store(t + j, e0); v128.store(t1 + j, e1); v128.store(t2 + j, e2); v128.store(t3 + j, e3);
    l0 = larger(l0, e0); l1 = larger(l1, e1); l2 = larger(l2, e2); l3 = larger(l3, e3);
    j += 16;
  } while (j < width);
  store<f64>(maxima, largest(l0)); store<f64>(maxima, largest(l1), 8); store<f64>(maxima, largest(l2), 16); store<f64>(maxima, largest(l3), 24);
}

/** K = 2^(t − max t), F0 = −log 2 · max t; `single` for K in f32. */
export function absorb(
  block: i32, r0: i32, r1: i32, own: usize, D: i32, P: usize, Y: usize, factor: f64,
  G: usize, K: usize, F0: usize, single: i32, m: i32,
): void {
  const width = <usize>m << 3;
  for (let i = r0; i < r1; i += 4) {
    const o = F0 + (<usize>i << 3);
    exponents(costRows(D, P, Y, i, own, m), own, G, factor, o, m);
    if (single) powers32(own, K + <usize>i * (width >> 1), o, m);
    else powers64(own, K + <usize>i * width, o, m);
    for (let k: usize = 0; k < 32; k += 8) store<f64>(o + k, -LN2 * load<f64>(o + k));
  }
}

function powers64(t: usize, K: usize, maxima: usize, m: i32): void {
  const width = <usize>m << 3;
  for (let k = 0; k < 4; k++) {
    const shift = v128.load64_splat(maxima + (<usize>k << 3));
    let j: usize = 0;
    do {
      v128.store(K + j, exp64(sub(v128.load(t + j), shift)));
      v128.store(K + j, exp64(sub(v128.load(t + j, 16), shift)), 16);
      j += 32;
    } while (j < width);
    t += width; K += width;
  }
}

function powers32(t: usize, K: usize, maxima: usize, m: i32): void {
  const width = <usize>m << 3;
  for (let k = 0; k < 4; k++) {
    const shift = v128.load64_splat(maxima + (<usize>k << 3));
    let j: usize = 0;
    do {
      const at = t + j, to = K + (j >> 1);
      v128.store(to, exp32(narrow(sub(v128.load(at), shift), sub(v128.load(at, 16), shift))));
      v128.store(to, exp32(narrow(sub(v128.load(at, 32), shift), sub(v128.load(at, 48), shift))), 16);
      j += 64;
    } while (j < width);
    t += width; K += width >> 1;
  }
}

/** out = maxima of the rows of t, sums = Σ_j 2^(t − maximum). */
export function softMinRows(
  block: i32, r0: i32, r1: i32, own: usize, D: i32, P: usize, Y: usize, factor: f64,
  G: usize, out: usize, sums: usize, m: i32,
): void {
  const width = <usize>m << 3;
  for (let i = r0; i < r1; i += 4) {
    const o = <usize>i << 3;
    exponents(costRows(D, P, Y, i, own, m), own, G, factor, out + o, m);
    for (let k: usize = 0; k < 4; k++) {
      const t = own + k * width, shift = v128.load64_splat(out + o + (k << 3));
      let s = set(0), r = s, j: usize = 0;
      do {
        s = add(s, exp64(sub(v128.load(t + j), shift)));
        r = add(r, exp64(sub(v128.load(t + j, 16), shift)));
        j += 32;
      } while (j < width);
      store<f64>(sums + o + (k << 3), sum(add(s, r)));
    }
  }
}

/** Running maxima and sums of the columns of F + factor·C, to acc + block · stride: m maxima, then m sums. */
export function softMinColumns(
  block: i32, r0: i32, r1: i32, own: usize, D: i32, P: usize, Y: usize, factor: f64, F: usize, acc: usize, stride: i32, m: i32,
): void {
  const width = <usize>m << 3, times = set(factor);
  acc += block * stride;
  for (let j: usize = 0; j < width; j += 16) v128.store(acc + j, set(-Infinity));
  memory.fill(acc + width, 0, width);
  for (let i = r0; i < r1; i += 4) {
    const c = costRows(D, P, Y, i, own, m), c1 = c + width, c2 = c1 + width, c3 = c2 + width, o = F + (<usize>i << 3);
    const f0 = set(load<f64>(o) * LOG2E), f1 = set(load<f64>(o, 8) * LOG2E);
    const f2 = set(load<f64>(o, 16) * LOG2E), f3 = set(load<f64>(o, 24) * LOG2E);
    let j: usize = 0;
    do {
      const t0 = exponent(f0, times, c + j), t1 = exponent(f1, times, c1 + j);
      const t2 = exponent(f2, times, c2 + j), t3 = exponent(f3, times, c3 + j);
      const at = acc + j, old = v128.load(at), now = larger(old, larger(larger(t0, t1), larger(t2, t3)));
      v128.store(at, now);
      const s = mul(v128.load(at + width), exp64(sub(old, now)));
      const front = add(exp64(sub(t0, now)), exp64(sub(t1, now))), back = add(exp64(sub(t2, now)), exp64(sub(t3, now)));
      v128.store(at + width, add(s, add(front, back)));
      j += 16;
    } while (j < width);
  }
}

/** out = −log Σ of `blocks` pairs (maximum in base 2, sum), `stride` bytes apart; +∞ where all sums are 0. out may be the maxima. */
export function softMinFinish(maxima: usize, sums: usize, stride: i32, blocks: i32, out: usize, m: i32): void {
  const width = <usize>m << 3;
  let j: usize = 0;
  do {
    let now = v128.load(maxima + j), s = v128.load(sums + j), p = maxima + j, q = sums + j;
    for (let b = 1; b < blocks; b++) {
      p += stride; q += stride;
      const other = v128.load(p), larger2 = larger(now, other);
      s = add(mul(s, exp64(sub(now, larger2))), mul(v128.load(q), exp64(sub(other, larger2))));
      now = larger2;
    }
    const value = sub(mul(set(-LN2), now), logNatural(s));
    v128.store(out + j, v128.bitselect(value, set(Infinity), f64x2.gt(s, set(0))));
    j += 16;
  } while (j < width);
}
