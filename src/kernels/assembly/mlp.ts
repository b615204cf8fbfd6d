/**
 * Multilayer perceptron kernels for WebAssembly SIMD128 in AssemblyScript: passes over blocks of rows or of panels, which threads share.
 * The caller owns the memory; addresses and strides are in bytes. Every number is one sum in a fixed order, whoever computes it, and no
 * instruction is relaxed: the same bits on every machine, for any number of threads.
 *
 * Layouts, all f32. Values of a layer (rows × columns) lie in panels of 8 columns, panel[row][8], panels `S` bytes apart, rows
 * padded to a multiple of 4. Parameters and gradients of a layer (inputs × outputs) lie in panels of 8 outputs: `inputs` padded to a
 * multiple of 4 rows of weights, then the bias; a panel has `P` bytes. Padding is zero and stays zero. So every product
 * reads its operands where the kernel before left them.
 *
 * A table says where everything is; mlp-layout.ts writes it.
 */
import { adam, gradientPanel, transposePanel } from './mlp-gradient';
import { IDENTITY, layer, MULTIPLY } from './mlp-layer';

/** Rows that go through the whole net together; their values stay in the nearest cache. */
const STRIP: i32 = 32;
/** Bytes of the head of a table and of the record of a layer. */
const HEAD: usize = 64, RECORD: usize = 64;

@inline function i(at: usize, offset: usize): i32 { return load<i32>(at + offset); }
@inline function u(at: usize, offset: usize): usize { return <usize>load<u32>(at + offset); }

// Head of a table.
@inline function layers(net: usize): i32 { return i(net, 0); }
@inline function kindOf(net: usize): i32 { return i(net, 4); }
@inline function stride(net: usize): usize { return u(net, 8); }
@inline function inputPanels(net: usize): usize { return u(net, 12); }
@inline function rawInputs(net: usize): usize { return u(net, 16); }
@inline function rawOutputs(net: usize): usize { return u(net, 20); }
@inline function targets(net: usize): usize { return u(net, 24); }
@inline function rowWeights(net: usize): usize { return u(net, 28); }
@inline function losses(net: usize): usize { return u(net, 32); }
@inline function squares(net: usize): usize { return u(net, 36); }
@inline function ownPanels(net: usize): usize { return u(net, 40); }

// Record of a layer.
@inline function record(net: usize, l: i32): usize { return net + HEAD + <usize>l * RECORD; }
@inline function inputs(r: usize): i32 { return i(r, 0); }
@inline function outputs(r: usize): i32 { return i(r, 4); }
@inline function weights(r: usize): usize { return u(r, 8); }
@inline function panelBytes(r: usize): usize { return u(r, 12); }
@inline function values(r: usize): usize { return u(r, 16); }
@inline function slopes(r: usize): usize { return u(r, 20); }
@inline function delta(r: usize): usize { return u(r, 24); }
@inline function transposed(r: usize): usize { return u(r, 28); }
@inline function transposedPanel(r: usize): usize { return u(r, 32); }
@inline function residual(r: usize): bool { return i(r, 36) != 0; }
@inline function firstPanel(r: usize): i32 { return i(r, 40); }

/** `rows` rows of `width` numbers into panels `S` bytes apart; zeros in rows up to a multiple of 4. */
function pack(from: usize, width: i32, to: usize, S: usize, rows: i32): void {
  for (let k = 0; k < width; k++) {
    let at = to + <usize>(k >> 3) * S + (<usize>(k & 7) << 2), source = from + (<usize>k << 2), r = 0;
    for (; r < rows; r++, at += 32, source += <usize>width << 2) store<f32>(at, load<f32>(source));
    for (; r & 3; r++, at += 32) store<f32>(at, 0);
  }
}

/** The other way, without the padding. */
function unpack(from: usize, S: usize, width: i32, to: usize, rows: i32): void {
  for (let k = 0; k < width; k++) {
    let at = from + <usize>(k >> 3) * S + (<usize>(k & 7) << 2), target = to + (<usize>k << 2);
    for (let r = 0; r < rows; r++, at += 32, target += <usize>width << 2) store<f32>(target, load<f32>(at));
  }
}

/**
 * Rows `first` to `last` of the raw inputs to the raw outputs. `shift`: from the parameters of the table to those to use. The first `shared`
 * inputs are the same for all rows and not among the raw ones; `bias`, if not 0, is the bias of the first layer with them.
 */
export function evaluate(block: i32, first: i32, last: i32, own: usize, net: usize, shift: usize, shared: i32, bias: usize): void {
  const count = layers(net), kind = kindOf(net), S: usize = <usize>STRIP << 5, half = ownPanels(net);
  const width = inputs(record(net, 0)) - shared, out = outputs(record(net, count - 1));
  for (let row = first; row < last; row += STRIP) {
    const rows = min(STRIP, last - row), all = (rows + 3) & ~3;
    let a = own, c = own + half;
    pack(rawInputs(net) + (<usize>(row * width) << 2), width, a, S, rows);
    for (let l = 0; l < count; l++) {
      const r = record(net, l), P = panelBytes(r), W = weights(r) + shift;
      const f = l + 1 == count ? IDENTITY : kind, skip: usize = residual(r) ? a : 0;
      if (l == 0 && bias) layer(f, a, S, W + (<usize>shared << 5), P, bias, 32, c, S, 0, 0, 0, 0, 0, all, width, outputs(r));
      else layer(f, a, S, W, P, W + P - 32, P, c, S, 0, skip, S, 0, 0, all, inputs(r), outputs(r));
      const swap = a;
      a = c;
      c = swap;
    }
    unpack(a, S, out, rawOutputs(net) + (<usize>(row * out) << 2), rows);
  }
}

/** The bias of the first layer with `shared` inputs at `from` added one after the other, in panels of 32 bytes at `to`. */
export function foldShared(net: usize, shift: usize, shared: i32, from: usize, to: usize): void {
  const r = record(net, 0), P = panelBytes(r);
  for (let j = 0; j < outputs(r); j += 8) {
    const W = weights(r) + shift + <usize>(j >> 3) * P;
    let low = v128.load(W + P - 32), high = v128.load(W + P - 16);
    for (let k = 0; k < shared; k++) {
      const x = v128.load32_splat(from + (<usize>k << 2));
      low = f32x4.add(low, f32x4.mul(x, v128.load(W + (<usize>k << 5))));
      high = f32x4.add(high, f32x4.mul(x, v128.load(W + (<usize>k << 5), 16)));
    }
    v128.store(to, low); v128.store(to, high, 16);
    to += 32;
  }
}

/**
 * Forward and backward over rows `first` to `last` of a batch of `total`: values, and the gradient of the loss with respect to every sum
 * before its activation. The loss of each strip goes to its place.
 */
export function sweep(block: i32, first: i32, last: i32, own: usize, net: usize, total: i32): void {
  const count = layers(net), kind = kindOf(net), S = stride(net), SK: usize = <usize>STRIP << 5;
  const n = inputs(record(net, 0));
  for (let row = first; row < last; row += STRIP) {
    const rows = min(STRIP, last - row), all = (rows + 3) & ~3, strip = <usize>row << 5;
    let a = inputPanels(net) + strip;
    pack(rawInputs(net) + (<usize>(row * n) << 2), n, a, S, rows);
    for (let l = 0; l < count; l++) {
      const r = record(net, l), P = panelBytes(r), W = weights(r), c = values(r) + strip;
      const f = l + 1 == count ? IDENTITY : kind, T = l + 1 == count ? 0 : slopes(r) + strip, skip: usize = residual(r) ? a : 0;
      layer(f, a, S, W, P, W + P - 32, P, c, S, T, skip, S, 0, 0, all, inputs(r), outputs(r));
      a = c;
    }
    store<f64>(losses(net) + (<usize>(row / STRIP) << 3), lossStrip(net, row, rows, total));
    for (let l = count - 1; l > 0; l--) {
      const r = record(net, l), below = record(net, l - 1);
      const skip: usize = residual(r) ? own : 0, keep: usize = residual(below) ? own : 0;
      layer(
        MULTIPLY, delta(r) + strip, S, transposed(r), transposedPanel(r), 0, 0, delta(below) + strip, S, slopes(below) + strip,
        skip, SK, keep, SK, all, outputs(r), inputs(r),
      );
    }
  }
}

/** Σ w |out − y|² over `rows` rows from `row` on; its gradient 2w(out − y)/total goes to the panels of the last layer's delta. */
function lossStrip(net: usize, row: i32, rows: i32, total: i32): f64 {
  const r = record(net, layers(net) - 1), m = outputs(r), S = stride(net), all = (rows + 3) & ~3;
  let loss: f64 = 0, y = targets(net) + (<usize>(row * m) << 2), strip = <usize>row << 5;
  for (let k = 0; k < all; k++, strip += 32) {
    const w: f64 = k < rows ? <f64>load<f32>(rowWeights(net) + (<usize>(row + k) << 2)) : 0;
    for (let j = 0; j < m; j++) {
      const at = strip + <usize>(j >> 3) * S + (<usize>(j & 7) << 2);
      let gradient: f64 = 0;
      if (k < rows) {
        const error = <f64>load<f32>(values(r) + at) - <f64>load<f32>(y);
        loss += w * error * error;
        gradient = (2 * w * error) / <f64>total;
        y += 4;
      }
      store<f32>(delta(r) + at, <f32>gradient);
    }
  }
  return loss;
}

/** The layer that has panel `p`. */
function layerOf(net: usize, p: i32): i32 {
  let l = layers(net) - 1;
  while (firstPanel(record(net, l)) > p) l--;
  return l;
}

/** Gradients of panels `first` to `last` of the parameters, `toG` bytes from them, over `rows` rows, a multiple of 4; Σ g² of each panel. */
export function gradients(block: i32, first: i32, last: i32, own: usize, net: usize, toG: usize, rows: i32): void {
  const S = stride(net);
  for (let p = first; p < last; p++) {
    const l = layerOf(net, p), r = record(net, l), j = <usize>(p - firstPanel(r));
    const A = l == 0 ? inputPanels(net) : values(record(net, l - 1));
    const sum = gradientPanel(A, S, delta(r) + j * S, weights(r) + j * panelBytes(r) + toG, rows, inputs(r));
    store<f64>(squares(net) + (<usize>p << 3), sum);
  }
}

/** One step of Adam on panels `first` to `last` of the parameters, and what the next backward sweep needs of them. */
export function update(
  block: i32, first: i32, last: i32, own: usize, net: usize, toG: usize, toM: usize, toV: usize, toAverage: usize,
  scale: f32, alpha1: f32, alpha2: f32, rate: f32, correction: f32, epsilon: f32, ema: f32,
): void {
  for (let p = first; p < last; p++) {
    const r = record(net, layerOf(net, p)), at = weights(r) + <usize>(p - firstPanel(r)) * panelBytes(r);
    adam(at, at + panelBytes(r), toG, toM, toV, toAverage, scale, alpha1, alpha2, rate, correction, epsilon, ema);
    transposeOne(r, p);
  }
}

/** What backward sweeps need of the parameters as they are. */
export function transposeAll(net: usize): void {
  for (let l = 0; l < layers(net); l++) {
    const r = record(net, l);
    for (let j = 0; j < outputs(r); j += 8) transposeOne(r, firstPanel(r) + (j >> 3));
  }
}

function transposeOne(r: usize, p: i32): void {
  const j = p - firstPanel(r);
  if (transposed(r)) {
    transposePanel(weights(r) + <usize>j * panelBytes(r), transposed(r), transposedPanel(r), inputs(r), j << 3, outputs(r));
  }
}
