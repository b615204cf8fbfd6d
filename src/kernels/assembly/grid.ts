/**
 * Kernels of separable products on grids for WebAssembly SIMD128 in AssemblyScript. The caller owns the memory and passes byte addresses.
 * Tensors are [outer, along, inner], row-major, without padding: the last vector of an odd length overlaps the one before.
 */
import { add, expNatural, logNatural, mul, set } from './transport-simd';

/** Sums below this are recomputed; see RELIABLE in grid-kernels.ts. */
const RELIABLE: f64 = 1e-285;

@inline function both(first: usize, second: usize): v128 {
  return f64x2.replace_lane(v128.load64_splat(first), 1, load<f64>(second));
}

/** Four columns of B from `left` on, row after row of 32 bytes; fewer are filled up with 0. */
function pack(B: usize, panel: usize, depth: i32, columns: i32, left: i32): void {
  const step = <usize>columns << 3, end = panel + (<usize>depth << 5);
  let b = B + (<usize>left << 3);
  if (columns >= 4) {
    do {
      v128.store(panel, v128.load(b)); v128.store(panel, v128.load(b, 16), 16);
      b += step; panel += 32;
    } while (panel < end);
    return;
  }
  do {
    for (let c = 0; c < 4; c++) store<f64>(panel + (<usize>c << 3), c < columns ? load<f64>(b + (<usize>c << 3)) : 0);
    b += step; panel += 32;
  } while (panel < end);
}

/** out = A B, (rows × depth)(depth × columns), four by four. `panel`: room for 4·depth + 16 numbers. */
export function multiply(A: usize, B: usize, out: usize, rows: i32, depth: i32, columns: i32, panel: usize): void {
  const length = <usize>depth << 3, width = <usize>columns << 3, end = panel + (length << 2), tile = end;
  for (let c = 0; c < columns; c += 4) {
    const left = columns < 4 ? 0 : min(c, columns - 4);
    pack(B, panel, depth, columns, left);
    for (let r = 0; r < rows; r += 4) {
      // Rows and columns beyond the end are the last ones again.
      const r1 = min(r + 1, rows - 1), r2 = min(r + 2, rows - 1), r3 = min(r + 3, rows - 1);
      let a0 = A + <usize>r * length, a1 = A + <usize>r1 * length, a2 = A + <usize>r2 * length, a3 = A + <usize>r3 * length, p = panel;
      let s0 = set(0), t0 = s0, s1 = s0, t1 = s0, s2 = s0, t2 = s0, s3 = s0, t3 = s0;
      do {
        const x = v128.load(p), y = v128.load(p, 16);
        let a = v128.load64_splat(a0);
        s0 = add(s0, mul(a, x)); t0 = add(t0, mul(a, y));
        a = v128.load64_splat(a1);
        s1 = add(s1, mul(a, x)); t1 = add(t1, mul(a, y));
        a = v128.load64_splat(a2);
        s2 = add(s2, mul(a, x)); t2 = add(t2, mul(a, y));
        a = v128.load64_splat(a3);
        s3 = add(s3, mul(a, x)); t3 = add(t3, mul(a, y));
        a0 += 8; a1 += 8; a2 += 8; a3 += 8; p += 32;
      } while (p < end);
      const base = columns < 4 ? tile : out + (<usize>left << 3), step = columns < 4 ? 32 : width;
      const from = columns < 4 ? 0 : r, f1 = columns < 4 ? 1 : r1, f2 = columns < 4 ? 2 : r2, f3 = columns < 4 ? 3 : r3;
      v128.store(base + <usize>from * step, s0); v128.store(base + <usize>from * step, t0, 16);
      v128.store(base + <usize>f1 * step, s1); v128.store(base + <usize>f1 * step, t1, 16);
      v128.store(base + <usize>f2 * step, s2); v128.store(base + <usize>f2 * step, t2, 16);
      v128.store(base + <usize>f3 * step, s3); v128.store(base + <usize>f3 * step, t3, 16);
      if (columns < 4) {
        for (let q = 0; q < 4 && r + q < rows; q++) {
          memory.copy(out + <usize>(r + q) * width, tile + (<usize>q << 5), width);
        }
      }
    }
  }
}

/** top = max of every line, 0 where that is −∞; out = exp(T − top). */
export function shiftLines(T: usize, top: usize, out: usize, outer: i32, along: i32, inner: i32): void {
  const width = <usize>inner << 3, block = <usize>along * width;
  for (let o = 0; o < outer; o++) {
    if (inner === 1) shiftLine(T, top, out, along);
    else {
      for (let r: usize = 0; r < width; r += 16) {
        const at = r + 16 > width ? width - 16 : r;
        let most = set(-Infinity);
        for (let t = T + at, end = T + block; t < end; t += width) most = f64x2.pmax(most, v128.load(t));
        most = v128.andnot(most, f64x2.eq(most, set(-Infinity)));
        v128.store(top + at, most);
      }
      for (let q: usize = 0; q < block; q += width) {
        for (let r: usize = 0; r < width; r += 16) {
          const at = r + 16 > width ? width - 16 : r;
          v128.store(out + q + at, expNatural(f64x2.sub(v128.load(T + q + at), v128.load(top + at))));
        }
      }
    }
    T += block; out += block; top += width;
  }
}

function shiftLine(T: usize, top: usize, out: usize, along: i32): void {
  const length = <usize>along << 3;
  let most = -Infinity;
  for (let t: usize = 0; t < length; t += 8) most = max(most, load<f64>(T + t));
  if (most === -Infinity) most = 0;
  store<f64>(top, most);
  if (along === 1) {
    store<f64>(out, f64x2.extract_lane(expNatural(set(load<f64>(T) - most)), 0));
    return;
  }
  for (let t: usize = 0; t < length; t += 16) {
    const at = t + 16 > length ? length - 16 : t;
    v128.store(out + at, expNatural(f64x2.sub(v128.load(T + at), set(most))));
  }
}

/** log Σ_j m(c_j) exp(T_j − inverse·c_j) for two lines at once, each shifted by its own maximum. Steps in bytes. */
function exactPair(t0: usize, t1: usize, tStep: usize, c0: usize, c1: usize, cStep: usize, along: i32, inverse: f64, moment: bool): v128 {
  let most = set(-Infinity);
  for (let j: usize = 0; j < <usize>along; j++) {
    const c = both(c0 + j * cStep, c1 + j * cStep);
    most = f64x2.pmax(most, f64x2.sub(both(t0 + j * tStep, t1 + j * tStep), mul(set(inverse), c)));
  }
  let sum = set(0);
  for (let j: usize = 0; j < <usize>along; j++) {
    const c = both(c0 + j * cStep, c1 + j * cStep);
    const w = expNatural(f64x2.sub(f64x2.sub(both(t0 + j * tStep, t1 + j * tStep), mul(set(inverse), c)), most));
    sum = add(sum, moment ? mul(w, c) : w);
  }
  return v128.bitselect(most, add(most, logNatural(sum)), f64x2.eq(most, set(-Infinity)));
}

/** S ← top + log S, recomputed from T where S is not reliable; returns how many were. Strides of costs in bytes. */
export function restoreLines(S: usize, top: usize, T: usize, outer: i32, along: i32, inner: i32,
  costs: usize, count: i32, stride: usize, step: usize, inverse: f64, moment: bool): i32 {
  const width = <usize>inner << 3;
  let redone = 0;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < count; i++) {
      // With one line the pair is two results of it; else it is one result of two lines.
      const pairs = inner === 1 ? (i & 1 ? 0 : 1) : (inner + 1) >> 1;
      for (let p = 0; p < pairs; p++) {
        const r = <usize>p << 4, single = inner === 1 ? i + 1 === count : r + 8 === width;
        const at = S + r, next = single ? at : at + 8;
        const line = top + r, other = inner === 1 || single ? line : line + 8;
        const sum = both(at, next);
        let value: v128;
        if (v128.all_true<i64>(f64x2.ge(sum, set(RELIABLE)))) value = add(both(line, other), logNatural(sum));
        else {
          const t0 = T + r, t1 = inner === 1 || single ? t0 : t0 + 8;
          const c0 = costs + <usize>i * stride, c1 = inner === 1 && !single ? c0 + stride : c0;
          value = exactPair(t0, t1, width, c0, c1, step, along, inverse, moment);
          redone += single ? 1 : 2;
        }
        store<f64>(at, f64x2.extract_lane(value, 0));
        if (!single) store<f64>(next, f64x2.extract_lane(value, 1));
      }
      S += width;
    }
    T += <usize>along * width; top += width;
  }
  return redone;
}
