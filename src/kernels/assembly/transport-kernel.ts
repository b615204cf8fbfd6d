import { add, add4, high, low, mul, mul4, set, set4, sum, sum4 } from './transport-simd';

// A stored kernel K, rows × m, f64 or f32. Every pass over rows starts with the same arguments: the number of the block, its rows
// r0 <= i < r1 (multiples of 8) and `own`, the thread's own space. Sums over rows go to `acc` + block · `stride`.
// Inner loops test at the bottom and take two vectors: constants stay in registers, addresses are made half as often, and each chain
// of additions is half as long.

@inline function mac(s: v128, p: usize, x: v128): v128 { return add(s, mul(v128.load(p), x)); }
@inline function mac4(s: v128, p: usize, x: v128): v128 { return add4(s, mul4(v128.load(p), x)); }

/** out = K v for the four rows at k, f64. */
export function products64(k: usize, v: usize, out: usize, m: i32): void {
  const width = <usize>m << 3, k1 = k + width, k2 = k1 + width, k3 = k2 + width;
  let s0 = set(0), s1 = s0, s2 = s0, s3 = s0, j: usize = 0;
  do {
    const x = v128.load(v + j), y = v128.load(v + j, 16), l0 = k + j, l1 = k1 + j, l2 = k2 + j, l3 = k3 + j;
    s0 = add(s0, mac(mul(v128.load(l0), x), l0 + 16, y));
    s1 = add(s1, mac(mul(v128.load(l1), x), l1 + 16, y));
    s2 = add(s2, mac(mul(v128.load(l2), x), l2 + 16, y));
    s3 = add(s3, mac(mul(v128.load(l3), x), l3 + 16, y));
    j += 32;
  } while (j < width);
  store<f64>(out, sum(s0)); store<f64>(out, sum(s1), 8); store<f64>(out, sum(s2), 16); store<f64>(out, sum(s3), 24);
}

/** acc += Kᵀu for the four rows at k, f64. */
export function gather64(k: usize, u: usize, acc: usize, m: i32): void {
  const width = <usize>m << 3, k1 = k + width, k2 = k1 + width, k3 = k2 + width;
  const u0 = v128.load64_splat(u), u1 = v128.load64_splat(u, 8), u2 = v128.load64_splat(u, 16), u3 = v128.load64_splat(u, 24);
  let j: usize = 0;
  do {
    const l0 = k + j, l1 = k1 + j, l2 = k2 + j, l3 = k3 + j, at = acc + j;
    const front = mac(mul(v128.load(l0), u0), l1, u1), back = mac(mul(v128.load(l2), u2), l3, u3);
    v128.store(at, add(v128.load(at), add(front, back)));
    const front2 = mac(mul(v128.load(l0, 16), u0), l1 + 16, u1), back2 = mac(mul(v128.load(l2, 16), u2), l3 + 16, u3);
    v128.store(at, add(v128.load(at, 16), add(front2, back2)), 16);
    j += 32;
  } while (j < width);
}

/** The products with K and v in f32: summed in f32 over 128 columns, then in f64. */
export function products32(k: usize, v: usize, out: usize, m: i32): void {
  const width = <usize>m << 2, k1 = k + width, k2 = k1 + width, k3 = k2 + width;
  let S0: f64 = 0, S1: f64 = 0, S2: f64 = 0, S3: f64 = 0, j: usize = 0;
  do {
    const end = min(j + 512, width);
    let s0 = set4(0), s1 = s0, s2 = s0, s3 = s0;
    do {
      const x = v128.load(v + j), y = v128.load(v + j, 16), l0 = k + j, l1 = k1 + j, l2 = k2 + j, l3 = k3 + j;
      s0 = add4(s0, mac4(mul4(v128.load(l0), x), l0 + 16, y));
      s1 = add4(s1, mac4(mul4(v128.load(l1), x), l1 + 16, y));
      s2 = add4(s2, mac4(mul4(v128.load(l2), x), l2 + 16, y));
      s3 = add4(s3, mac4(mul4(v128.load(l3), x), l3 + 16, y));
      j += 32;
    } while (j < end);
    S0 += sum4(s0); S1 += sum4(s1); S2 += sum4(s2); S3 += sum4(s3);
  } while (j < width);
  store<f64>(out, S0); store<f64>(out, S1, 8); store<f64>(out, S2, 16); store<f64>(out, S3, 24);
}

/** acc += Kᵀu for the eight rows at k, `next` bytes apart: f32 products and sums of eight, then f64. u in f64. */
export function gather32(k: usize, next: usize, u: usize, acc: usize, m: i32): void {
  const width = <usize>m << 2, k1 = k + next, k2 = k1 + next, k3 = k2 + next;
  const k4 = k3 + next, k5 = k4 + next, k6 = k5 + next, k7 = k6 + next;
  const u0 = set4(load<f64>(u)), u1 = set4(load<f64>(u, 8)), u2 = set4(load<f64>(u, 16)), u3 = set4(load<f64>(u, 24));
  const u4 = set4(load<f64>(u, 32)), u5 = set4(load<f64>(u, 40)), u6 = set4(load<f64>(u, 48)), u7 = set4(load<f64>(u, 56));
  let j: usize = 0;
  do {
    const front = add4(mac4(mul4(v128.load(k + j), u0), k1 + j, u1), mac4(mul4(v128.load(k2 + j), u2), k3 + j, u3));
    const back = add4(mac4(mul4(v128.load(k4 + j), u4), k5 + j, u5), mac4(mul4(v128.load(k6 + j), u6), k7 + j, u7));
    const q = add4(front, back), at = acc + (j << 1);
    v128.store(at, add(v128.load(at), low(q)));
    v128.store(at, add(v128.load(at, 16), high(q)), 16);
    j += 16;
  } while (j < width);
}

/** u = a/s or a·s for eight rows, s in u; 0 where a is 0. */
export function scale8(times: i32, a: usize, u: usize): void {
  for (let k: usize = 0; k < 64; k += 8) {
    const x = load<f64>(a + k), s = load<f64>(u + k);
    store<f64>(u + k, x == 0 ? 0 : times ? x * s : x / s);
  }
}

/** s = K v; u = a/s or a·s; acc = Kᵀu; each row is read again while it is in cache. */
export function fused64(
  block: i32, r0: i32, r1: i32, own: usize,
  K: usize, v: usize, a: usize, u: usize, acc: usize, stride: i32, times: i32, m: i32,
): void {
  const width = <usize>m << 3;
  acc += block * stride;
  memory.fill(acc, 0, width);
  for (let i = r0; i < r1; i += 8) {
    const k = K + <usize>i * width, l = k + (width << 2), o = <usize>i << 3, p = u + o;
    products64(k, v, p, m);
    products64(l, v, p + 32, m);
    scale8(times, a + o, p);
    gather64(k, p, acc, m);
    gather64(l, p + 32, acc, m);
  }
}

/** The same with K and v in f32. */
export function fused32(
  block: i32, r0: i32, r1: i32, own: usize,
  K: usize, v: usize, a: usize, u: usize, acc: usize, stride: i32, times: i32, m: i32,
): void {
  const width = <usize>m << 2;
  acc += block * stride;
  memory.fill(acc, 0, width << 1);
  for (let i = r0; i < r1; i += 8) {
    const k = K + <usize>i * width, o = <usize>i << 3, p = u + o;
    products32(k, v, p, m);
    products32(k + (width << 2), v, p + 32, m);
    scale8(times, a + o, p);
    gather32(k, width, p, acc, m);
  }
}

/** K in f32 and all arithmetic in f64: as smooth as f64, at half the memory. Four rows at k: out = K v. */
function productsWide(k: usize, v: usize, out: usize, m: i32): void {
  const width = <usize>m << 2, k1 = k + width, k2 = k1 + width, k3 = k2 + width;
  let s0 = set(0), s1 = s0, s2 = s0, s3 = s0, j: usize = 0;
  do {
    const x = v128.load(v + (j << 1)), y = v128.load(v + (j << 1), 16);
    const q0 = v128.load(k + j), q1 = v128.load(k1 + j), q2 = v128.load(k2 + j), q3 = v128.load(k3 + j);
    s0 = add(s0, add(mul(low(q0), x), mul(high(q0), y)));
    s1 = add(s1, add(mul(low(q1), x), mul(high(q1), y)));
    s2 = add(s2, add(mul(low(q2), x), mul(high(q2), y)));
    s3 = add(s3, add(mul(low(q3), x), mul(high(q3), y)));
    j += 16;
  } while (j < width);
  store<f64>(out, sum(s0)); store<f64>(out, sum(s1), 8); store<f64>(out, sum(s2), 16); store<f64>(out, sum(s3), 24);
}

/** acc += Kᵀu for the four rows at k, likewise. */
function gatherWide(k: usize, u: usize, acc: usize, m: i32): void {
  const width = <usize>m << 2, k1 = k + width, k2 = k1 + width, k3 = k2 + width;
  const u0 = v128.load64_splat(u), u1 = v128.load64_splat(u, 8), u2 = v128.load64_splat(u, 16), u3 = v128.load64_splat(u, 24);
  let j: usize = 0;
  do {
    const q0 = v128.load(k + j), q1 = v128.load(k1 + j), q2 = v128.load(k2 + j), q3 = v128.load(k3 + j), at = acc + (j << 1);
    const front = add(add(mul(low(q0), u0), mul(low(q1), u1)), add(mul(low(q2), u2), mul(low(q3), u3)));
    v128.store(at, add(v128.load(at), front));
    const back = add(add(mul(high(q0), u0), mul(high(q1), u1)), add(mul(high(q2), u2), mul(high(q3), u3)));
    v128.store(at, add(v128.load(at, 16), back), 16);
    j += 16;
  } while (j < width);
}

/** The fused row operation with K in f32, v and arithmetic in f64. */
export function fusedWide(
  block: i32, r0: i32, r1: i32, own: usize,
  K: usize, v: usize, a: usize, u: usize, acc: usize, stride: i32, times: i32, m: i32,
): void {
  const width = <usize>m << 2;
  acc += block * stride;
  memory.fill(acc, 0, width << 1);
  for (let i = r0; i < r1; i += 8) {
    const k = K + <usize>i * width, l = k + (width << 2), o = <usize>i << 3, p = u + o;
    productsWide(k, v, p, m);
    productsWide(l, v, p + 32, m);
    scale8(times, a + o, p);
    gatherWide(k, p, acc, m);
    gatherWide(l, p + 32, acc, m);
  }
}

/** out = K v; `single` for K and v in f32. */
export function multiply(block: i32, r0: i32, r1: i32, own: usize, single: i32, K: usize, v: usize, out: usize, m: i32): void {
  const width = <usize>m << (single ? 2 : 3);
  for (let i = r0; i < r1; i += 4) {
    const k = K + <usize>i * width, o = out + (<usize>i << 3);
    if (single) products32(k, v, o, m);
    else products64(k, v, o, m);
  }
}

/** acc = Kᵀu; `single` for K in f32. */
export function multiplyTranspose(
  block: i32, r0: i32, r1: i32, own: usize, single: i32, K: usize, u: usize, acc: usize, stride: i32, m: i32,
): void {
  const width = <usize>m << (single ? 2 : 3);
  acc += block * stride;
  memory.fill(acc, 0, <usize>m << 3);
  for (let i = r0; i < r1; i += 8) {
    const k = K + <usize>i * width, o = u + (<usize>i << 3);
    if (single) gather32(k, width, o, acc, m);
    else { gather64(k, o, acc, m); gather64(k + (width << 2), o + 32, acc, m); }
  }
}
