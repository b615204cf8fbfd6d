import { add, expNatural, logNatural, mul, set, sub, sum } from './transport-simd';

// Vectors of m values, m a multiple of 8.

@inline function mac(s: v128, p: usize, x: v128): v128 { return add(s, mul(v128.load(p), x)); }

/** Σ x y. */
export function dot(x: usize, y: usize, m: i32): f64 {
  const end = x + (<usize>m << 3);
  let s = set(0), t = s, p = s, q = s;
  do {
    s = mac(s, x, v128.load(y)); t = mac(t, x + 16, v128.load(y, 16));
    p = mac(p, x + 32, v128.load(y, 32)); q = mac(q, x + 48, v128.load(y, 48));
    x += 64; y += 64;
  } while (x < end);
  return sum(add(add(s, t), add(p, q)));
}

/** y += alpha x. */
export function axpy(alpha: f64, x: usize, y: usize, m: i32): void {
  const end = x + (<usize>m << 3), a = set(alpha);
  do {
    v128.store(y, add(v128.load(y), mul(a, v128.load(x))));
    v128.store(y, add(v128.load(y, 16), mul(a, v128.load(x, 16))), 16);
    v128.store(y, add(v128.load(y, 32), mul(a, v128.load(x, 32))), 32);
    v128.store(y, add(v128.load(y, 48), mul(a, v128.load(x, 48))), 48);
    x += 64; y += 64;
  } while (x < end);
}

/** y += alpha x, then Σ y z: one pass. */
function axpyDot(alpha: f64, x: usize, y: usize, z: usize, m: i32): f64 {
  const end = x + (<usize>m << 3), a = set(alpha);
  let s = set(0), t = s, p = s, q = s;
  do {
    const y0 = add(v128.load(y), mul(a, v128.load(x))), y1 = add(v128.load(y, 16), mul(a, v128.load(x, 16)));
    v128.store(y, y0); v128.store(y, y1, 16);
    s = mac(s, z, y0); t = mac(t, z + 16, y1);
    const y2 = add(v128.load(y, 32), mul(a, v128.load(x, 32))), y3 = add(v128.load(y, 48), mul(a, v128.load(x, 48)));
    v128.store(y, y2, 32); v128.store(y, y3, 48);
    p = mac(p, z + 32, y2); q = mac(q, z + 48, y3);
    x += 64; y += 64; z += 64;
  } while (x < end);
  return sum(add(add(s, t), add(p, q)));
}

/** y = x/D, D = max(c, w), and 0 where D is not positive; returns Σ z²/D over the rest. y may be x. */
function divide(x: usize, c: usize, w: usize, y: usize, z: usize, m: i32): f64 {
  const end = x + (<usize>m << 3);
  let s = set(0);
  do {
    const d = f64x2.max(v128.load(c), v128.load(w)), inverse = v128.and(f64x2.div(set(1), d), f64x2.gt(d, set(0))), t = v128.load(z);
    v128.store(y, mul(v128.load(x), inverse));
    s = add(s, mul(t, mul(t, inverse)));
    x += 16; y += 16; z += 16; c += 16; w += 16;
  } while (x < end);
  return sum(s);
}

@inline function older(row: i32, capacity: i32): i32 { return row == 0 ? capacity - 1 : row - 1; }
@inline function newer(row: i32, capacity: i32): i32 { return row == capacity - 1 ? 0 : row + 1; }

/** The two loops of L-BFGS: out = −H (c − w); S, Y (capacity × m), rho and alpha (capacity). */
export function lbfgsDirection(
  S: usize, Y: usize, rho: usize, newest: i32, count: i32, capacity: i32, c: usize, w: usize, out: usize, alpha: usize, m: i32,
): void {
  const width = <usize>m << 3;
  for (let j: usize = 0; j < width; j += 16) v128.store(out + j, sub(v128.load(w + j), v128.load(c + j)));
  if (count == 0) {
    divide(out, c, w, out, out, m);
    return;
  }
  let row = newest, product = dot(S + <usize>row * width, out, m);
  for (let k = count; ;) {
    const a = load<f64>(rho + (<usize>row << 3)) * product, y = Y + <usize>row * width;
    store<f64>(alpha + (<usize>row << 3), a);
    if (--k == 0) {
      axpy(-a, y, out, m);
      break;
    }
    row = older(row, capacity);
    product = axpyDot(-a, y, out, S + <usize>row * width, m);
  }
  const curvature = divide(out, c, w, out, Y + <usize>newest * width, m);
  const gamma = 1 / (load<f64>(rho + (<usize>newest << 3)) * curvature);
  // out is gamma times what stands there: the factor goes into the first product and the first sum.
  for (let j: usize = 0; j < width; j += 16) v128.store(out + j, mul(set(gamma), v128.load(out + j)));
  product = dot(Y + <usize>row * width, out, m);
  for (let k = count; ;) {
    const o = <usize>row << 3, a = load<f64>(alpha + o) - load<f64>(rho + o) * product, s = S + <usize>row * width;
    if (--k == 0) {
      axpy(a, s, out, m);
      break;
    }
    row = newer(row, capacity);
    product = axpyDot(a, s, out, Y + <usize>row * width, m);
  }
}

/** out = e^x. */
export function exp(x: usize, out: usize, m: i32): void {
  const end = x + (<usize>m << 3);
  do {
    v128.store(out, expNatural(v128.load(x)));
    x += 16; out += 16;
  } while (x < end);
}

/** out = log x. */
export function log(x: usize, out: usize, m: i32): void {
  const end = x + (<usize>m << 3);
  do {
    v128.store(out, logNatural(v128.load(x)));
    x += 16; out += 16;
  } while (x < end);
}

/** out = factor · x. */
export function multiplied(factor: f64, x: usize, out: usize, m: i32): void {
  const end = x + (<usize>m << 3), a = set(factor);
  do {
    v128.store(out, mul(a, v128.load(x)));
    x += 16; out += 16;
  } while (x < end);
}

/** out = x in f32. */
export function narrowed(x: usize, out: usize, m: i32): void {
  const end = x + (<usize>m << 3);
  do {
    v128.store64_lane(out, f32x4.demote_f64x2_zero(v128.load(x)), 0);
    x += 16; out += 8;
  } while (x < end);
}

/** out = Σ of `blocks` vectors, `stride` bytes apart, in their order. */
export function sumBlocks(acc: usize, stride: i32, blocks: i32, out: usize, m: i32): void {
  const width = <usize>m << 3;
  let j: usize = 0;
  do {
    let p = acc + j, s = v128.load(p), t = v128.load(p, 16);
    for (let b = 1; b < blocks; b++) {
      p += stride;
      s = add(s, v128.load(p)); t = add(t, v128.load(p, 16));
    }
    v128.store(out + j, s); v128.store(out + j, t, 16);
    j += 32;
  } while (j < width);
}

/** Zeroes bytes: many times as fast as from outside, in shared memory. */
export function zero(at: usize, size: usize): void {
  memory.fill(at, 0, size);
}
