import { costRows } from './transport-costs';
import { gather32, gather64, products64, scale8 } from './transport-kernel';
import { add, add4, exp32Clamped, exp64Clamped, logNatural, mul, mul4, narrow, set, set4, sum, sum4, LOG2E } from './transport-simd';

// Passes over P = 2^(F + G + factor·C) without storing it. Exponents are in base 2: G comes multiplied by log2(e), F is multiplied
// here, and factor = −log2(e)·inverse (·scale for points). A thread has `own` space for 16 rows of f64: eight for costs, eight
// for weights. Passes start with the arguments that transport-kernel.ts explains, then D, P, Y of transport-costs.ts.

@inline function shift(F: usize): v128 { return set(load<f64>(F) * LOG2E); }
@inline function exponent(f: v128, g: v128, factor: v128, c: usize): v128 { return add(add(f, g), mul(factor, v128.load(c))); }

/** w = P for four rows with costs at c; their sums, weighted by v when there is one, go to `sums`. w may be c. */
@inline function weights(weighted: bool, c: usize, w: usize, F: usize, G: usize, factor: f64, v: usize, sums: usize, m: i32): void {
  const width = <usize>m << 3, times = set(factor), f0 = shift(F), f1 = shift(F + 8), f2 = shift(F + 16), f3 = shift(F + 24);
  const c1 = c + width, c2 = c1 + width, c3 = c2 + width, w1 = w + width, w2 = w1 + width, w3 = w2 + width;
  let s0 = set(0), s1 = s0, s2 = s0, s3 = s0, j: usize = 0;
  do {
    const g = v128.load(G + j), y = weighted ? v128.load(v + j) : g;
    const e0 = exp64Clamped(exponent(f0, g, times, c + j));
    v128.store(w + j, e0);
    s0 = add(s0, weighted ? mul(e0, y) : e0);
    const e1 = exp64Clamped(exponent(f1, g, times, c1 + j));
    v128.store(w1 + j, e1);
    s1 = add(s1, weighted ? mul(e1, y) : e1);
    const e2 = exp64Clamped(exponent(f2, g, times, c2 + j));
    v128.store(w2 + j, e2);
    s2 = add(s2, weighted ? mul(e2, y) : e2);
    const e3 = exp64Clamped(exponent(f3, g, times, c3 + j));
    v128.store(w3 + j, e3);
    s3 = add(s3, weighted ? mul(e3, y) : e3);
    j += 16;
  } while (j < width);
  store<f64>(sums, sum(s0)); store<f64>(sums, sum(s1), 8); store<f64>(sums, sum(s2), 16); store<f64>(sums, sum(s3), 24);
}

function plainWeights(c: usize, w: usize, F: usize, G: usize, factor: f64, sums: usize, m: i32): void {
  weights(false, c, w, F, G, factor, 0, sums, m);
}
function weightedWeights(c: usize, w: usize, F: usize, G: usize, factor: f64, v: usize, sums: usize, m: i32): void {
  weights(true, c, w, F, G, factor, v, sums, m);
}

/**
 * The same with exponents in f64 and the rest in f32: w is f32, its rows m·8 bytes apart; sums in f32 over 128 columns, then f64.
 * v in f32; it is read only when `weighted`.
 */
@inline function weights32(weighted: bool, c: usize, w: usize, F: usize, G: usize, factor: f64, v: usize, sums: usize, m: i32): void {
  const width = <usize>m << 3, times = set(factor), f0 = shift(F), f1 = shift(F + 8), f2 = shift(F + 16), f3 = shift(F + 24);
  const c1 = c + width, c2 = c1 + width, c3 = c2 + width, w1 = w + width, w2 = w1 + width, w3 = w2 + width;
  let S0: f64 = 0, S1: f64 = 0, S2: f64 = 0, S3: f64 = 0, j: usize = 0;
  do {
    const end = min(j + 1024, width);
    let s0 = set4(0), s1 = s0, s2 = s0, s3 = s0;
    do {
      const g = v128.load(G + j), h = v128.load(G + j, 16), o = j >> 1, y = weighted ? v128.load(v + o) : g;
      const e0 = exp32Clamped(narrow(exponent(f0, g, times, c + j), exponent(f0, h, times, c + j + 16)));
      v128.store(w + o, e0);
      s0 = add4(s0, weighted ? mul4(e0, y) : e0);
      const e1 = exp32Clamped(narrow(exponent(f1, g, times, c1 + j), exponent(f1, h, times, c1 + j + 16)));
      v128.store(w1 + o, e1);
      s1 = add4(s1, weighted ? mul4(e1, y) : e1);
      const e2 = exp32Clamped(narrow(exponent(f2, g, times, c2 + j), exponent(f2, h, times, c2 + j + 16)));
      v128.store(w2 + o, e2);
      s2 = add4(s2, weighted ? mul4(e2, y) : e2);
      const e3 = exp32Clamped(narrow(exponent(f3, g, times, c3 + j), exponent(f3, h, times, c3 + j + 16)));
      v128.store(w3 + o, e3);
      s3 = add4(s3, weighted ? mul4(e3, y) : e3);
      j += 32;
    } while (j < end);
    S0 += sum4(s0); S1 += sum4(s1); S2 += sum4(s2); S3 += sum4(s3);
  } while (j < width);
  store<f64>(sums, S0); store<f64>(sums, S1, 8); store<f64>(sums, S2, 16); store<f64>(sums, S3, 24);
}

function plainWeights32(c: usize, w: usize, F: usize, G: usize, factor: f64, sums: usize, m: i32): void {
  weights32(false, c, w, F, G, factor, 0, sums, m);
}
function weightedWeights32(c: usize, w: usize, F: usize, G: usize, factor: f64, v: usize, sums: usize, m: i32): void {
  weights32(true, c, w, F, G, factor, v, sums, m);
}

/** w = P; q = a/(P v) or a·(P v), v = 1 when its address is 0; acc = Pᵀq. `single`: exponentials, v and products in f32. */
export function logFused(
  block: i32, r0: i32, r1: i32, own: usize, D: i32, P: usize, Y: usize, factor: f64,
  F: usize, G: usize, v: usize, a: usize, q: usize, acc: usize, stride: i32, times: i32, single: i32, m: i32,
): void {
  const width = <usize>m << 3, group = width << 2, w = own;
  acc += block * stride;
  memory.fill(acc, 0, width);
  for (let i = r0; i < r1; i += 8) {
    const o = <usize>i << 3, p = q + o;
    for (let h: usize = 0; h < 2; h++) {
      const at = w + h * group, f = F + o + (h << 5), s = p + (h << 5);
      const c = costRows(D, P, Y, i + (<i32>h << 2), at, m);
      if (single) {
        if (v) weightedWeights32(c, at, f, G, factor, v, s, m);
        else plainWeights32(c, at, f, G, factor, s, m);
      } else if (v) weightedWeights(c, at, f, G, factor, v, s, m);
      else plainWeights(c, at, f, G, factor, s, m);
    }
    scale8(times, a + o, p);
    if (single) gather32(w, width, p, acc, m);
    else { gather64(w, p, acc, m); gather64(w + group, p + 32, acc, m); }
  }
}

/** rows = sums of the rows of P, acc = sums of its columns, linear[block] = Σ P C. */
export function marginals(
  block: i32, r0: i32, r1: i32, own: usize, D: i32, P: usize, Y: usize, factor: f64,
  F: usize, G: usize, rows: usize, acc: usize, stride: i32, linear: usize, m: i32,
): void {
  const width = <usize>m << 3, w = own + (width << 2), zero = set(0);
  let cost = zero;
  acc += block * stride;
  memory.fill(acc, 0, width);
  for (let i = r0; i < r1; i += 4) {
    const c = costRows(D, P, Y, i, own, m), o = <usize>i << 3;
    plainWeights(c, w, F + o, G, factor, rows + o, m);
    const c1 = c + width, c2 = c1 + width, c3 = c2 + width, w1 = w + width, w2 = w1 + width, w3 = w2 + width;
    let j: usize = 0;
    do {
      const p0 = v128.load(w + j), p1 = v128.load(w1 + j), p2 = v128.load(w2 + j), p3 = v128.load(w3 + j);
      v128.store(acc + j, add(v128.load(acc + j), add(add(p0, p1), add(p2, p3))));
      // Where P is 0 the cost may be +∞.
      const front = add(v128.and(mul(p0, v128.load(c + j)), f64x2.gt(p0, zero)), v128.and(mul(p1, v128.load(c1 + j)), f64x2.gt(p1, zero)));
      const back = add(v128.and(mul(p2, v128.load(c2 + j)), f64x2.gt(p2, zero)), v128.and(mul(p3, v128.load(c3 + j)), f64x2.gt(p3, zero)));
      cost = add(cost, add(front, back));
      j += 16;
    } while (j < width);
  }
  store<f64>(linear + (<usize>block << 3), sum(cost));
}

/** out_r = P V_r: vectors of V are m apart, of `out` n. */
export function apply(
  block: i32, r0: i32, r1: i32, own: usize, D: i32, P: usize, Y: usize, factor: f64,
  F: usize, G: usize, V: usize, count: i32, out: usize, n: i32, m: i32,
): void {
  const width = <usize>m << 3, height = <usize>n << 3, sums = own + (width << 3);
  for (let i = r0; i < r1; i += 4) {
    const o = <usize>i << 3;
    plainWeights(costRows(D, P, Y, i, own, m), own, F + o, G, factor, sums, m);
    for (let r = 0; r < count; r++) products64(own, V + <usize>r * width, out + <usize>r * height + o, m);
  }
}

/** acc_r = Pᵀ U_r: vectors of U are n apart, of `acc` m. */
export function applyTranspose(
  block: i32, r0: i32, r1: i32, own: usize, D: i32, P: usize, Y: usize, factor: f64,
  F: usize, G: usize, U: usize, count: i32, acc: usize, stride: i32, n: i32, m: i32,
): void {
  const width = <usize>m << 3, height = <usize>n << 3, sums = own + (width << 3);
  acc += block * stride;
  memory.fill(acc, 0, <usize>count * width);
  for (let i = r0; i < r1; i += 4) {
    const o = <usize>i << 3;
    plainWeights(costRows(D, P, Y, i, own, m), own, F + o, G, factor, sums, m);
    for (let r = 0; r < count; r++) gather64(own, U + <usize>r * height + o, acc + <usize>r * width, m);
  }
}

/**
 * Sums over Q = x P y + ea eb where C is finite, to sums + 64 · block: Σ Q C, Σ Q log Q, Σ Q, Σ Q (logA + logB); last 1 when ea eb > 0
 * meets C = +∞.
 */
export function roundedSums(
  block: i32, r0: i32, r1: i32, own: usize, D: i32, P: usize, Y: usize, factor: f64,
  F: usize, G: usize, x: usize, y: usize, ea: usize, eb: usize, logA: usize, logB: usize, sums: usize, m: i32,
): void {
  const width = <usize>m << 3, zero = set(0), w = own + (width << 2);
  let linear = zero, logs = zero, mass = zero, cross = zero, forbidden = zero;
  for (let i = r0; i < r1; i += 4) {
    let c = costRows(D, P, Y, i, own, m), p = w;
    plainWeights(c, w, F + (<usize>i << 3), G, factor, own + (width << 3), m);
    for (let k = i; k < i + 4; k++) {
      const o = <usize>k << 3, xi = v128.load64_splat(x + o), e = v128.load64_splat(ea + o), la = v128.load64_splat(logA + o);
      let j: usize = 0;
      do {
        const cost = v128.load(c + j), moved = mul(e, v128.load(eb + j)), finite = f64x2.lt(cost, set(Infinity));
        forbidden = v128.or(forbidden, v128.andnot(f64x2.gt(moved, zero), finite));
        const Q = v128.and(finite, add(mul(mul(xi, v128.load(p + j)), v128.load(y + j)), moved)), some = f64x2.gt(Q, zero);
        linear = add(linear, v128.and(some, mul(Q, cost)));
        logs = add(logs, v128.and(some, mul(Q, logNatural(Q))));
        mass = add(mass, v128.and(some, Q));
        cross = add(cross, v128.and(some, mul(Q, add(la, v128.load(logB + j)))));
        j += 16;
      } while (j < width);
      c += width; p += width;
    }
  }
  sums += <usize>block << 6;
  store<f64>(sums, sum(linear)); store<f64>(sums, sum(logs), 8); store<f64>(sums, sum(mass), 16); store<f64>(sums, sum(cross), 24);
  store<f64>(sums, v128.any_true(forbidden) ? 1 : 0, 32);
}
