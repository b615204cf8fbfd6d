/**
 * Kernels of separable products on grids for WebAssembly SIMD128 in AssemblyScript. The caller owns the memory and passes byte addresses.
 * Tensors are [outer, along, inner], row-major, without padding: the last vector of an odd length overlaps the one before.
 *
 * Every pass takes its panels or groups first <= … < last, in blocks that threads share, and begins with (block, first, last, own): `own` is
 * space of the thread. Where blocks meet, vectors that overlap are written twice, with the same bits.
 */
import { add, expNatural, logNatural, mul, set } from './transport-simd';

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

/** out = A B, (rows × depth)(depth × columns), for every B in a row, four by four; by panels of four columns. `panel`: room for 4·depth + 16 numbers. */
export function multiply(
  block: i32, first: i32, last: i32, panel: usize, A: usize, tensor: usize, result: usize, rows: i32, depth: i32, columns: i32,
): void {
  const length = <usize>depth << 3, width = <usize>columns << 3, end = panel + (length << 2), tile = end, panels = (columns + 3) / 4;
  for (let at = first; at < last; at++) {
    const left = columns < 4 ? 0 : min((at % panels) << 2, columns - 4);
    const B = tensor + <usize>(at / panels) * <usize>depth * width, out = result + <usize>(at / panels) * <usize>rows * width;
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

/** Nodes of a block; the bytes of a row of a block and of a block. */
const BLOCK: i32 = 16;
const ROW: usize = <usize>BLOCK << 3;
const SQUARE: usize = ROW * <usize>BLOCK;
/** The bytes of a block of four lines. */
const PANEL: usize = <usize>BLOCK << 5;
const NEGLIGIBLE: f64 = -690;
/** e^−640. */
const RELIABLE: f64 = 1.1259823474166023e-278;

/** sums += f ∘ K E for one pair of blocks: four rows of K by four lines, E and sums with rows of 32 bytes. */
function addBlock(K: usize, E: usize, sums: usize, f: v128, g: v128): void {
  const end = sums + PANEL;
  do {
    let s0 = set(0), t0 = s0, s1 = s0, t1 = s0, s2 = s0, t2 = s0, s3 = s0, t3 = s0, a = K, p = E;
    const stop = K + ROW;
    do {
      const x = v128.load(p), y = v128.load(p, 16);
      let k = v128.load64_splat(a);
      s0 = add(s0, mul(k, x)); t0 = add(t0, mul(k, y));
      k = v128.load64_splat(a, ROW);
      s1 = add(s1, mul(k, x)); t1 = add(t1, mul(k, y));
      k = v128.load64_splat(a, 2 * ROW);
      s2 = add(s2, mul(k, x)); t2 = add(t2, mul(k, y));
      k = v128.load64_splat(a, 3 * ROW);
      s3 = add(s3, mul(k, x)); t3 = add(t3, mul(k, y));
      a += 8; p += 32;
    } while (a < stop);
    v128.store(sums, add(v128.load(sums), mul(f, s0))); v128.store(sums, add(v128.load(sums, 16), mul(g, t0)), 16);
    v128.store(sums, add(v128.load(sums, 32), mul(f, s1)), 32); v128.store(sums, add(v128.load(sums, 48), mul(g, t1)), 48);
    v128.store(sums, add(v128.load(sums, 64), mul(f, s2)), 64); v128.store(sums, add(v128.load(sums, 80), mul(g, t2)), 80);
    v128.store(sums, add(v128.load(sums, 96), mul(f, s3)), 96); v128.store(sums, add(v128.load(sums, 112), mul(g, t3)), 112);
    K += ROW << 2; sums += 128;
  } while (sums < end);
}

/** log Σ_j m(c_j) exp(T_j − inverse·c_j) for two lines at once, T in rows of 32 bytes, costs `step` apart. */
function termByTerm(T: usize, c: usize, step: usize, along: i32, inverse: f64, moment: bool): v128 {
  let most = set(-Infinity);
  for (let j: usize = 0; j < <usize>along; j++) {
    const cost = v128.load64_splat(c + j * step);
    let t = f64x2.sub(v128.load(T + (j << 5)), mul(set(inverse), cost));
    if (moment) t = add(t, logNatural(cost));
    most = f64x2.pmax(most, t);
  }
  let sum = set(0);
  for (let j: usize = 0; j < <usize>along; j++) {
    const cost = v128.load64_splat(c + j * step);
    const t = f64x2.sub(f64x2.sub(v128.load(T + (j << 5)), mul(set(inverse), cost)), most);
    // Terms below e^−100 do not change the sum.
    if (!v128.any_true(f64x2.gt(t, set(-100)))) continue;
    sum = add(sum, moment ? mul(expNatural(t), cost) : expNatural(t));
  }
  return v128.bitselect(most, add(most, logNatural(sum)), f64x2.eq(most, set(-Infinity)));
}

/** bound + log S where S is reliable, else term by term, −∞ where the bound is; counts what was taken again. */
@inline function restored(S: usize, bound: v128, T: usize, c: usize, step: usize, along: i32, inverse: f64, moment: bool): v128 {
  const sum = v128.load(S), empty = f64x2.eq(bound, set(-Infinity));
  if (v128.all_true<i64>(v128.or(f64x2.ge(sum, set(RELIABLE)), empty))) {
    return v128.bitselect(bound, add(bound, logNatural(sum)), empty);
  }
  redone += 2;
  return termByTerm(T, c, step, along, inverse, moment);
}

let redone: i32 = 0;

/**
 * out = log of the sums along lines; see GridKernels.logLines. By four lines, wherever they lie: `scratch` has their exponents, their
 * exponentials and the tops of their blocks, and a block of sums. Strides of costs in bytes. counts[block]: sums taken again.
 */
export function logLines(
  block: i32, first: i32, last: i32, scratch: usize, T: usize, out: usize, lines: i32, along: i32, inner: i32, count: i32,
  kernel: usize, least: usize, costs: usize, stride: usize, step: usize, inverse: f64, moment: bool, counts: usize,
): void {
  const across = (along + BLOCK - 1) / BLOCK, down = (count + BLOCK - 1) / BLOCK, width = <usize>inner << 3;
  const packed = scratch, terms = packed + (<usize>(across * BLOCK) << 5), tops = terms + (<usize>(across * BLOCK) << 5);
  const sums = tops + (<usize>across << 5);
  redone = 0;
  for (let l = first << 2; l < min(last << 2, lines); l += 4) {
    for (let q = 0; q < 4; q++) {
      const line = min(l + q, lines - 1);
      let t = T + (<usize>(line / inner) * <usize>along * width) + (<usize>(line % inner) << 3), p = packed + (<usize>q << 3);
      for (let j = 0; j < along; j++, t += width, p += 32) store<f64>(p, load<f64>(t));
    }
    // Nodes beyond the last one have no weight.
    for (let j = along; j < across * BLOCK; j++) {
      v128.store(packed + (<usize>j << 5), set(-Infinity)); v128.store(packed + (<usize>j << 5), set(-Infinity), 16);
    }
    for (let J = 0; J < across; J++) {
      const from = packed + (<usize>(J * BLOCK) << 5), to = terms + (<usize>(J * BLOCK) << 5), at = tops + (<usize>J << 5);
      let x = set(-Infinity), y = x;
      for (let p: usize = 0; p < PANEL; p += 32) {
        x = f64x2.pmax(x, v128.load(from + p)); y = f64x2.pmax(y, v128.load(from + p, 16));
      }
      v128.store(at, x); v128.store(at, y, 16);
      // −∞ less −∞ is no number, whose exponential is 0.
      for (let p: usize = 0; p < PANEL; p += 32) {
        v128.store(to + p, expNatural(f64x2.sub(v128.load(from + p), x)));
        v128.store(to + p, expNatural(f64x2.sub(v128.load(from + p, 16), y)), 16);
      }
    }
    for (let I = 0; I < down; I++) {
      const row = least + (<usize>(I * across) << 3);
      let x = set(-Infinity), y = x;
      for (let J: usize = 0; J < <usize>across; J++) {
        const drop = set(inverse * load<f64>(row + (J << 3)));
        x = f64x2.pmax(x, f64x2.sub(v128.load(tops + (J << 5)), drop));
        y = f64x2.pmax(y, f64x2.sub(v128.load(tops + (J << 5), 16), drop));
      }
      memory.fill(sums, 0, PANEL);
      for (let J: usize = 0; J < <usize>across; J++) {
        const drop = set(inverse * load<f64>(row + (J << 3)));
        const f = f64x2.sub(f64x2.sub(v128.load(tops + (J << 5)), drop), x), g = f64x2.sub(f64x2.sub(v128.load(tops + (J << 5), 16), drop), y);
        if (!v128.any_true(v128.or(f64x2.gt(f, set(NEGLIGIBLE)), f64x2.gt(g, set(NEGLIGIBLE))))) continue;
        addBlock(kernel + (<usize>(I * across) + J) * SQUARE, terms + J * PANEL, sums, expNatural(f), expNatural(g));
      }
      const size = min(BLOCK, count - I * BLOCK);
      for (let i = 0; i < size; i++) {
        const S = sums + (<usize>i << 5), c = costs + <usize>(I * BLOCK + i) * stride;
        v128.store(S, restored(S, x, packed, c, step, along, inverse, moment));
        v128.store(S, restored(S + 16, y, packed + 16, c, step, along, inverse, moment), 16);
      }
      for (let q = 0; q < 4 && l + q < lines; q++) {
        const line = l + q, to = out + (<usize>(line / inner) * <usize>count + <usize>(I * BLOCK)) * width + (<usize>(line % inner) << 3);
        for (let i = 0; i < size; i++) store<f64>(to + <usize>i * width, load<f64>(sums + (<usize>i << 5) + (<usize>q << 3)));
      }
    }
  }
  store<f64>(counts + (<usize>block << 3), <f64>redone);
}
