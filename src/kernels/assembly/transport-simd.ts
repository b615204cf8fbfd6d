/**
 * Vectors of two f64 or four f32, exponentials and logarithms. No relaxed instructions: the same bits on every machine.
 */

/** 1.5·2^52 and 1.5·2^23: adding them rounds to a whole number that is kept in the low bits of the mantissa. */
const ROUND64: f64 = 6755399441055744.0;
const ROUND32: f32 = 12582912.0;
export const LOG2E: f64 = 1.4426950408889634;
export const LN2: f64 = 0.6931471805599453;
/** Powers of two below these count as 0, so that products with them are normal numbers: e^−690 and e^−80. */
export const SMALLEST64: f64 = -995.0;
export const SMALLEST32: f32 = -115.0;

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

/** 2^(whole + r), |r| ≤ ½, for `z` = whole + ROUND64: minimax polynomial of degree 10, relative error 2e-16. */
@inline function power64(z: v128, r: v128): v128 {
  const r2 = mul(r, r), r4 = mul(r2, r2), r8 = mul(r4, r4);
  // 1 comes last, to what is at most ½, so that only one rounding is of its size.
  const p0 = add(mul(r, set(0.6931471805599497)), mul(r2, add(set(0.2402265069590876), mul(r, set(0.05550410866445852)))));
  const p4 = add(add(set(0.009618129108037358), mul(r, set(0.0013333558228614765))),
                 mul(r2, add(set(0.00015403529957951567), mul(r, set(1.5252658085535902e-05)))));
  const p8 = add(add(set(1.321566432000931e-06), mul(r, set(1.0208543713772905e-07))), mul(r2, set(7.037036369082571e-09)));
  const p = add(set(1.0), add(p0, add(mul(r4, p4), mul(r8, p8))));
  return i64x2.add(p, i64x2.shl(z, 52));
}

/** 2^t for t ≤ 1023 or so; exactly 0 at SMALLEST64 and below, and for NaN. */
@inline export function exp64(t: v128): v128 {
  const z = add(t, set(ROUND64));
  return v128.and(power64(z, sub(t, sub(z, set(ROUND64)))), f64x2.gt(t, set(SMALLEST64)));
}

/** The same, +∞ from 1024 on; `pmin` in this order keeps NaN, which then becomes 0. */
@inline export function exp64Capped(t: v128): v128 {
  return exp64(f64x2.pmin(t, set(1024.0)));
}

/** 2^t for four f32, t ≤ 127: degree 5, relative error 2e-7; exactly 0 at SMALLEST32 and below, and for NaN. */
@inline export function exp32(t: v128): v128 {
  const z = add4(t, f32x4.splat(ROUND32));
  const r = f32x4.sub(t, f32x4.sub(z, f32x4.splat(ROUND32)));
  const r2 = mul4(r, r), r4 = mul4(r2, r2);
  const p0 = add4(add4(set4(1.0), mul4(r, set4(0.6931469670549263))),
                  mul4(r2, add4(set4(0.24022119724871446), mul4(r, set4(0.05550713289559993)))));
  const p4 = add4(set4(0.009675541293022151), mul4(r, set4(0.001327646680012863)));
  return v128.and(i32x4.add(add4(p0, mul4(r4, p4)), i32x4.shl(z, 23)), f32x4.gt(t, f32x4.splat(SMALLEST32)));
}

/** The same, +∞ from 128 on. */
@inline export function exp32Capped(t: v128): v128 {
  return exp32(f32x4.pmin(t, f32x4.splat(128.0)));
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
