/**
 * Vectors of two f64 or four f32, exponentials and logarithms. No relaxed instructions: the same bits on every machine.
 */

/** Adding 1.5·2^(52 − k) rounds to a multiple of 2^−k that is kept in the low bits of the mantissa. */
const ROUND64: f64 = 6755399441055744.0;
const ROUND_TABLE: f64 = 6597069766656.0;
const ROUND32: f32 = 12582912.0;
/** Where 2^(k/1024) lies, k < 1024, each lowered by k·2^42 as a whole number; see `fillPowers`. */
const TABLE: usize = 8192;
export const LOG2E: f64 = 1.4426950408889634;
export const LN2: f64 = 0.6931471805599453;
/** Powers of two below these count as 0, so that products with them are normal numbers: e^−690 and e^−60. Subnormal products take ten times as long. */
export const SMALLEST64: f64 = -995.0;
export const SMALLEST32: f32 = -87.0;

@inline export function add(x: v128, y: v128): v128 { return f64x2.add(x, y); }
@inline export function sub(x: v128, y: v128): v128 { return f64x2.sub(x, y); }
@inline export function mul(x: v128, y: v128): v128 { return f64x2.mul(x, y); }
@inline export function set(x: f64): v128 { return f64x2.splat(x); }
@inline export function add4(x: v128, y: v128): v128 { return f32x4.add(x, y); }
@inline export function mul4(x: v128, y: v128): v128 { return f32x4.mul(x, y); }
@inline export function set4(x: f64): v128 { return f32x4.splat(<f32>x); }
@inline export function sum(s: v128): f64 { return f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1); }
@inline export function low(x: v128): v128 { return f64x2.promote_low_f32x4(x); }
@inline export function high(x: v128): v128 { return f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 1)); }
@inline export function sum4(s: v128): f64 { return sum(add(low(s), high(s))); }
/** Four f32 from two pairs of f64. */
@inline export function narrow(x: v128, y: v128): v128 {
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(x), f32x4.demote_f64x2_zero(y), 0, 2);
}

/**
 * 2^t for numbers t: a table of 1024 powers times a polynomial of degree 3, relative error 3e-16. The whole part of z = 1024 t reaches
 * the exponent, and takes the index off again, in one addition to the bits of the table.
 */
@inline function power64(t: v128): v128 {
  const z = add(t, set(ROUND_TABLE)), r = sub(t, sub(z, set(ROUND_TABLE)));
  const first = <usize>((i32x4.extract_lane(z, 0) & 1023) << 3), second = <usize>((i32x4.extract_lane(z, 2) & 1023) << 3);
  const power = v128.load_lane<i64>(second, v128.load64_zero(first, TABLE), 1, TABLE);
  const scaled = i64x2.add(power, i64x2.shl(z, 42));
  const p = mul(r, add(set(0.6931471805599453), mul(r, add(set(0.24022650885880065), mul(r, set(0.055504108982718375))))));
  return add(scaled, mul(scaled, p));
}

/** 2^t for t ≤ 1023; exactly 0 at SMALLEST64 and below, and for NaN. */
@inline export function exp64(t: v128): v128 {
  return v128.and(power64(t), f64x2.gt(t, set(SMALLEST64)));
}

/** 2^t for every t: exactly 0 from −1023 down and for NaN, not finite from 1024 on. */
@inline export function exp64Clamped(t: v128): v128 {
  // A little above 1024, so that +∞ is multiplied by a positive number.
  return power64(f64x2.pmin(f64x2.pmax(set(-1023.0), t), set(1024.000244140625)));
}

/** Fills the table: products of roots of 2 in two parts each, so that every entry is the nearest number. */
export function fillPowers(): void {
  for (let k = 0; k < 1024; k++) {
    let hi: f64 = 1, lo: f64 = 0;
    for (let bit = 0; bit < 10; bit++) {
      if (!(k & (512 >> bit))) continue;
      const x = rootHigh(bit), y = rootLow(bit), p = hi * x;
      // Dekker: hi·x − p without rounding.
      const a = hi * 134217729.0, b = x * 134217729.0, h = a - (a - hi), g = b - (b - x), l = hi - h, m = x - g;
      const e = l * m - (((p - h * g) - l * g) - h * m) + (hi * y + lo * x);
      hi = p + e; lo = e - (hi - p);
    }
    store<i64>((<usize>k << 3) + TABLE, reinterpret<i64>(hi) - (<i64>k << 42));
  }
}

/** 2^(2^−(bit + 1)) and what is missing to it. */
function rootHigh(bit: i32): f64 {
  switch (bit) {
    case 0: return 1.4142135623730951;
    case 1: return 1.189207115002721;
    case 2: return 1.0905077326652577;
    case 3: return 1.0442737824274138;
    case 4: return 1.0218971486541166;
    case 5: return 1.0108892860517005;
    case 6: return 1.0054299011128027;
    case 7: return 1.0027112750502025;
    case 8: return 1.0013547198921082;
    default: return 1.0006771306930664;
  }
}
function rootLow(bit: i32): f64 {
  switch (bit) {
    case 0: return -9.667293313452913e-17;
    case 1: return 3.982015231465646e-17;
    case 2: return -3.046782079812471e-17;
    case 3: return 8.551889705537965e-17;
    case 4: return 5.109225028973444e-17;
    case 5: return -1.5234778603368577e-17;
    case 6: return 9.499186535455032e-17;
    case 7: return -3.636615928692264e-17;
    case 8: return -1.8973728416792993e-17;
    default: return -5.1151232976856676e-17;
  }
}

/** 2^(whole + r) for z = whole + ROUND32, |r| ≤ ½: degree 5, relative error 2e-7. */
@inline function power32(t: v128): v128 {
  const z = add4(t, f32x4.splat(ROUND32)), r = f32x4.sub(t, f32x4.sub(z, f32x4.splat(ROUND32)));
  const r2 = mul4(r, r);
  const p0 = add4(mul4(r, set4(0.6931469670549263)), mul4(r2, add4(set4(0.24022119724871446), mul4(r, set4(0.05550713289559993)))));
  const p4 = mul4(mul4(r2, r2), add4(set4(0.009675541293022151), mul4(r, set4(0.001327646680012863))));
  return i32x4.add(add4(set4(1.0), add4(p0, p4)), i32x4.shl(z, 23));
}

/** 2^t for four f32, t ≤ 127; exactly 0 at SMALLEST32 and below, and for NaN. */
@inline export function exp32(t: v128): v128 {
  return v128.and(power32(t), f32x4.gt(t, f32x4.splat(SMALLEST32)));
}

/** 2^t for every t: exactly 0 from −127 down and for NaN, +∞ from 128 on. */
@inline export function exp32Clamped(t: v128): v128 {
  return power32(f32x4.pmin(f32x4.pmax(f32x4.splat(-127.0), t), f32x4.splat(128.0)));
}

/** e^x, relative error 3e-16: a multiple of log 2 is taken off in two parts, then Taylor's series. 0 below e^−708, +∞ above e^709.78. */
@inline export function expNatural(x: v128): v128 {
  const t = f64x2.pmin(mul(x, set(LOG2E)), set(1024.0)), z = add(t, set(ROUND64)), whole = sub(z, set(ROUND64));
  const rest = sub(sub(x, mul(whole, set(0.6931471803691238))), mul(whole, set(1.9082149292705877e-10)));
  // At the cap the rest may be large; 2^1024 must come out as +∞.
  const r = v128.andnot(rest, f64x2.ge(t, set(1024.0)));
  let p = add(set(1 / 479001600.0), mul(r, set(1 / 6227020800.0)));
  p = add(set(1 / 39916800.0), mul(r, p)); p = add(set(1 / 3628800.0), mul(r, p)); p = add(set(1 / 362880.0), mul(r, p));
  p = add(set(1 / 40320.0), mul(r, p)); p = add(set(1 / 5040.0), mul(r, p)); p = add(set(1 / 720.0), mul(r, p));
  p = add(set(1 / 120.0), mul(r, p)); p = add(set(1 / 24.0), mul(r, p)); p = add(set(1 / 6.0), mul(r, p));
  p = add(set(1.0), add(r, mul(mul(r, r), add(set(0.5), mul(r, p)))));
  return v128.and(i64x2.add(p, i64x2.shl(z, 52)), f64x2.gt(t, set(-1021.0)));
}

/** log x to 2e-16·max(1, |log x|) for normal numbers and below: −∞ at 0, +∞ at +∞. After FreeBSD's e_log.c. */
@inline export function logNatural(x: v128): v128 {
  const subnormal = f64x2.lt(x, set(2.2250738585072014e-308));
  const y = v128.bitselect(mul(x, set(18014398509481984.0)), x, subnormal);
  // x = 2^k (1 + f) with √½ ≤ 1 + f < √2: the bits of √½ are taken off before the exponent is read.
  const shifted = i64x2.sub(y, i64x2.splat(0x3fe6a09e667f3bcd));
  const k = i64x2.shr_s(shifted, 52);
  const f = sub(i64x2.sub(y, i64x2.shl(k, 52)), set(1.0));
  // Whole numbers of few bits become f64 through the mantissa.
  const whole = sub(sub(i64x2.add(k, i64x2.splat(0x4338000000000000)), set(ROUND64)), v128.and(set(54.0), subnormal));
  const s = f64x2.div(f, add(set(2.0), f)), z = mul(s, s), w = mul(z, z);
  const odd = mul(w, add(set(0.3999999999940942), mul(w, add(set(0.22222198432149784), mul(w, set(0.15313837699209373))))));
  const even = mul(z, add(set(0.6666666666666735), mul(w, add(set(0.2857142874366239),
                   mul(w, add(set(0.1818357216161805), mul(w, set(0.14798198605116586))))))));
  const half = mul(set(0.5), mul(f, f));
  const tail = add(mul(s, add(half, add(odd, even))), mul(whole, set(1.9082149292705877e-10)));
  const value = sub(mul(whole, set(0.6931471803691238)), sub(sub(half, tail), f));
  const zero = f64x2.eq(x, set(0)), ordinary = f64x2.lt(x, set(Infinity));
  return v128.bitselect(set(-Infinity), v128.bitselect(value, x, ordinary), zero);
}
