/**
 * Multilayer perceptron kernels for WebAssembly SIMD128 in AssemblyScript. The caller owns the memory and passes byte addresses; all
 * matrices are f32, row-major, columns padded to multiples of 8 and rows to multiples of 4 with zeros. No relaxed instructions: the
 * same bits on every machine.
 *
 * What makes the speed: both operands of a product are packed, so that the 4 × 8 tile that lives in eight registers reads contiguous
 * memory; inner loops test at the bottom.
 */

@inline function mul(x: v128, y: v128): v128 { return f32x4.mul(x, y); }
@inline function add(x: v128, y: v128): v128 { return f32x4.add(x, y); }
@inline function set(x: f32): v128 { return f32x4.splat(x); }

/** Packs `rows` × `depth` elements at A + i·rowStride + k·depthStride into panels of 4 rows: panel[k][4]. One stride must be 4. */
export function packLeft(A: usize, rowStride: usize, depthStride: usize, rows: i32, depth: i32, out: usize): void {
  for (let i = 0; i < rows; i += 4) {
    const base = A + <usize>i * rowStride;
    let k = 0;
    if (rowStride == 4) {
      for (; k < depth; k++) {
        v128.store(out, v128.load(base + <usize>k * depthStride));
        out += 16;
      }
      continue;
    }
    const r1 = base + rowStride, r2 = r1 + rowStride, r3 = r2 + rowStride;
    for (; k + 4 <= depth; k += 4) {
      const o = <usize>k << 2;
      const a = v128.load(base + o), b = v128.load(r1 + o), c = v128.load(r2 + o), d = v128.load(r3 + o);
      const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5), ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
      const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5), cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      v128.store(out, v128.shuffle<i64>(ab0, cd0, 0, 2));
      v128.store(out, v128.shuffle<i64>(ab0, cd0, 1, 3), 16);
      v128.store(out, v128.shuffle<i64>(ab1, cd1, 0, 2), 32);
      v128.store(out, v128.shuffle<i64>(ab1, cd1, 1, 3), 48);
      out += 64;
    }
    for (; k < depth; k++) {
      const o = <usize>k << 2;
      store<f32>(out, load<f32>(base + o)); store<f32>(out, load<f32>(r1 + o), 4);
      store<f32>(out, load<f32>(r2 + o), 8); store<f32>(out, load<f32>(r3 + o), 12);
      out += 16;
    }
  }
}

/** Packs `depth` × `columns` elements at B + k·depthStride + j·columnStride into panels of 8 columns: panel[k][8]. */
export function packRight(B: usize, depthStride: usize, columnStride: usize, depth: i32, columns: i32, out: usize): void {
  for (let j = 0; j < columns; j += 8) {
    const base = B + <usize>j * columnStride;
    for (let k = 0; k < depth; k++) {
      const from = base + <usize>k * depthStride;
      if (columnStride == 4) {
        v128.store(out, v128.load(from)); v128.store(out, v128.load(from, 16), 16);
      } else {
        for (let c: usize = 0; c < 8; c++) store<f32>(out + (c << 2), load<f32>(from + c * columnStride));
      }
      out += 32;
    }
  }
}

/** C = A B from packed operands: A `rows` × `depth` (panels of 4), B `depth` × `columns` (panels of 8), C with `stride` bytes a row. */
export function product(A: usize, B: usize, C: usize, rows: i32, depth: i32, columns: i32, stride: usize): void {
  const left = <usize>depth << 4, right = <usize>depth << 5;
  // Blocks of 32 rows keep the left panels in the first-level cache while the right panels stream through.
  for (let i0 = 0; i0 < rows; i0 += 32) {
    const i1 = min(i0 + 32, rows);
    for (let j = 0; j < columns; j += 8) {
      const panel = B + <usize>(j >> 3) * right;
      for (let i = i0; i < i1; i += 4) {
        let a = A + <usize>(i >> 2) * left, b = panel;
        const end = b + right;
        let c00 = set(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
        do {
          const b0 = v128.load(b), b1 = v128.load(b, 16);
          const a0 = v128.load32_splat(a), a1 = v128.load32_splat(a, 4);
          c00 = add(c00, mul(a0, b0)); c01 = add(c01, mul(a0, b1));
          c10 = add(c10, mul(a1, b0)); c11 = add(c11, mul(a1, b1));
          const a2 = v128.load32_splat(a, 8), a3 = v128.load32_splat(a, 12);
          c20 = add(c20, mul(a2, b0)); c21 = add(c21, mul(a2, b1));
          c30 = add(c30, mul(a3, b0)); c31 = add(c31, mul(a3, b1));
          a += 16; b += 32;
        } while (b < end);
        let c = C + <usize>i * stride + (<usize>j << 2);
        v128.store(c, c00); v128.store(c, c01, 16); c += stride;
        v128.store(c, c10); v128.store(c, c11, 16); c += stride;
        v128.store(c, c20); v128.store(c, c21, 16); c += stride;
        v128.store(c, c30); v128.store(c, c31, 16);
      }
    }
  }
}

/** 1 / (1 + e^−x), absolute error 1e-7: 2^t by a polynomial of degree 5 after splitting off the integer part. */
@inline function sigmoid(x: v128): v128 {
  const t = f32x4.pmin(set(126.0), f32x4.pmax(set(-126.0), mul(x, set(-1.4426950408889634))));
  const shifted = add(t, set(12582912.0));
  const r = f32x4.sub(t, f32x4.sub(shifted, set(12582912.0)));
  const r2 = mul(r, r);
  const low = add(add(set(1.0), mul(r, set(0.6931469670549263))), mul(r2, add(set(0.24022119724871446), mul(r, set(0.05550713289559993)))));
  const high = mul(mul(r2, r2), add(set(0.009675541293022151), mul(r, set(0.001327646680012863))));
  const power = i32x4.add(add(low, high), i32x4.shl(shifted, 23));
  return f32x4.div(set(1.0), add(set(1.0), power));
}

@inline function leaky(x: v128): v128 { return add(f32x4.pmax(set(0), x), mul(set(0.01), f32x4.pmin(set(0), x))); }
@inline function select(mask: v128, yes: v128, no: v128): v128 { return v128.bitselect(yes, no, mask); }

/** Z += bias on every row, A = activation(Z). kind: 0 none, 1 SiLU, 2 leaky ReLU (slope 0.01), 3 tanh. */
export function activate(kind: i32, Z: usize, A: usize, bias: usize, rows: i32, columns: i32): void {
  const width = <usize>columns << 2;
  for (let i = 0; i < rows; i++) {
    let j: usize = 0;
    do {
      const x = add(v128.load(Z + j), v128.load(bias + j));
      v128.store(Z + j, x);
      let y = x;
      if (kind == 1) y = mul(x, sigmoid(x));
      else if (kind == 2) y = leaky(x);
      else if (kind == 3) y = f32x4.sub(mul(set(2.0), sigmoid(add(x, x))), set(1.0));
      v128.store(A + j, y);
      j += 16;
    } while (j < width);
    Z += width; A += width;
  }
}

/** D *= activation'(Z), element by element; `count` a multiple of 4. */
export function activateBack(kind: i32, D: usize, Z: usize, count: i32): void {
  const end = <usize>count << 2;
  let j: usize = 0;
  do {
    const x = v128.load(Z + j);
    let slope = set(1.0);
    if (kind == 1) {
      const s = sigmoid(x);
      slope = mul(s, add(set(1.0), mul(x, f32x4.sub(set(1.0), s))));
    } else if (kind == 2) {
      slope = select(f32x4.gt(x, set(0)), set(1.0), set(0.01));
    } else if (kind == 3) {
      const s = sigmoid(add(x, x));
      slope = mul(set(4.0), mul(s, f32x4.sub(set(1.0), s)));
    }
    v128.store(D + j, mul(v128.load(D + j), slope));
    j += 16;
  } while (j < end);
}

/** out_j = Σ_i D_ij. */
export function columnSums(D: usize, rows: i32, columns: i32, out: usize): void {
  const width = <usize>columns << 2;
  for (let j: usize = 0; j < width; j += 16) {
    let sum = set(0), at = D + j;
    for (let i = 0; i < rows; i++) {
      sum = add(sum, v128.load(at));
      at += width;
    }
    v128.store(out + j, sum);
  }
}

/** Σ g². `count` a multiple of 4. */
export function sumSquares(g: usize, count: i32): f64 {
  const end = g + (<usize>count << 2);
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
 * One Adam step on `count` parameters: m = β₁m + (1 − β₁)g', v = β₂v + (1 − β₂)g'², p −= rate·m/(√(v·correction) + ε), g' = scale·g;
 * `rate` holds the bias correction of m, `correction` that of v. `ema` > 0: average = ema·average + (1 − ema)·p.
 */
export function adam(
  p: usize, g: usize, m: usize, v: usize, average: usize, count: i32,
  scale: f32, beta1: f32, beta2: f32, rate: f32, correction: f32, epsilon: f32, ema: f32,
): void {
  const end = <usize>count << 2;
  let j: usize = 0;
  do {
    const d = mul(set(scale), v128.load(g + j));
    const first = add(mul(set(beta1), v128.load(m + j)), mul(set(1 - beta1), d));
    const second = add(mul(set(beta2), v128.load(v + j)), mul(set(1 - beta2), mul(d, d)));
    v128.store(m + j, first); v128.store(v + j, second);
    const step = f32x4.div(mul(set(rate), first), add(f32x4.sqrt(mul(set(correction), second)), set(epsilon)));
    const next = f32x4.sub(v128.load(p + j), step);
    v128.store(p + j, next);
    if (ema > 0) v128.store(average + j, add(mul(set(ema), v128.load(average + j)), mul(set(1 - ema), next)));
    j += 16;
  } while (j < end);
}
