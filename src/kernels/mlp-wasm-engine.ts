import { adamFactors, clipScale, integerPower } from './adam.ts';
import {
  type Activation,
  checkBatch,
  checkForward,
  checkLength,
  countParameters,
  layerSizes,
  type MlpArchitecture,
} from './mlp-architecture.ts';
import type { MlpEngine, MlpState } from './mlp-engine.ts';
import { lossGradient } from './mlp-typescript.ts';

/** Exports of assembly/mlp.ts; addresses and strides in bytes. */
interface Kernels {
  layer(
    kind: number,
    a: number,
    stride: number,
    b: number,
    panel: number,
    bias: number,
    c: number,
    slopes: number,
    rows: number,
    depth: number,
    columns: number,
  ): void;
  gradient(a: number, stride: number, d: number, g: number, panel: number, rows: number, inputs: number, outputs: number): void;
  transpose(w: number, panel: number, out: number, outPanel: number, inputs: number, outputs: number): void;
  sumSquares(g: number, count: number): number;
  adam(
    p: number,
    g: number,
    m: number,
    v: number,
    average: number,
    count: number,
    scale: number,
    alpha1: number,
    alpha2: number,
    rate: number,
    correction: number,
    epsilon: number,
    ema: number,
  ): void;
}

/** One layer: its sizes and the byte addresses of its arrays. */
interface LayerMap {
  readonly inputs: number;
  readonly outputs: number;
  /** Offset within parameters, gradients and moments; a panel of 8 outputs there has `panel` bytes, the bias is at `bias`. */
  readonly weights: number;
  readonly panel: number;
  readonly bias: number;
  /** Values after the layer, later the gradient with respect to them. */
  readonly values: number;
  readonly slopes: number;
  readonly transposed: number;
}

const KINDS: Record<Activation, number> = { silu: 1, 'leaky-relu': 2, tanh: 3 };
const MULTIPLY = 4;
const pad = (n: number, to: number): number => Math.ceil(n / to) * to;

/** The engine on WebAssembly SIMD: one memory an engine, its arrays laid out as assembly/mlp.ts says. */
export function wasmEngine(module: WebAssembly.Module, architecture: MlpArchitecture, maxBatch: number, emaDecay: number): MlpEngine {
  const sizes = layerSizes(architecture);
  const [width, outputs] = [sizes[0]!, sizes.at(-1)!];
  // Panels of long batches start 1 KiB apart modulo 4 KiB, so that a strip of all panels does not crowd into a few cache sets.
  const rowBytes = 32 * pad(maxBatch, 4);
  const stride = rowBytes < 4096 ? rowBytes : pad(rowBytes, 4096) + 1024;
  // Nothing is at 0: that address stands for "none", and the zeros there serve as bias where there is none.
  let bytes = 64;
  const take = (size: number): number => {
    const at = bytes;
    bytes += pad(size, 64);
    return at;
  };
  const takeValues = (columns: number): number => take(Math.ceil(columns / 8) * stride);
  const input = takeValues(width);
  let block = 0;
  const layers = sizes.slice(1).map((m, l): LayerMap => {
    const n = sizes[l]!;
    const panel = 32 * (pad(n, 4) + 1);
    const weights = block;
    block += Math.ceil(m / 8) * panel;
    return {
      inputs: n,
      outputs: m,
      weights,
      panel,
      bias: weights + panel - 32,
      values: takeValues(m),
      slopes: l + 2 === sizes.length ? 0 : takeValues(m),
      transposed: l === 0 ? 0 : take(Math.ceil(n / 8) * 32 * pad(m, 4)),
    };
  });
  const [P, G, M, V, E] = [take(block), take(block), take(block), take(block), take(emaDecay > 0 ? block : 0)] as const;
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) });
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels;
  const floats = new Float32Array(memory.buffer);
  const count = countParameters(architecture);
  const places = unpaddedPlaces(layers, count);
  const gather = (address: number): Float32Array => Float32Array.from(places, (place) => floats[address / 4 + place]!);
  const scatter = (address: number, values: Float32Array | undefined): void =>
    places.forEach((place, i) => {
      floats[address / 4 + place] = values?.[i] ?? 0;
    });
  const kind = KINDS[architecture.activation];
  const last = layers.at(-1)!;
  let step = 0;
  let averageStep = 0;

  const placeIn =
    (address: number) =>
    (i: number, j: number): number =>
      (address + (j >> 3) * stride) / 4 + 8 * i + (j & 7);
  const [inputPlace, outputPlace] = [placeIn(input), placeIn(last.values)];
  /** Copies rows `from`… of the inputs into panels, zeros up to a multiple of 4 rows, and runs the net over them. */
  const runForward = (inputs: Float32Array, from: number, rows: number, training: boolean): void => {
    const all = pad(rows, 4);
    for (let k = 0; k < width; k++) {
      let at = inputPlace(0, k);
      for (let i = from; i < from + rows; i++, at += 8) floats[at] = inputs[i * width + k]!;
      for (let i = rows; i < all; i++, at += 8) floats[at] = 0;
    }
    let a = input;
    for (const layer of layers) {
      const { inputs: n, outputs: m, weights, panel, bias, values } = layer;
      const slopes = training ? layer.slopes : 0;
      kernels.layer(layer === last ? 0 : kind, a, stride, P + weights, panel, P + bias, values, slopes, all, n, m);
      a = values;
    }
  };
  const runBackward = (rows: number): void => {
    for (let l = layers.length - 1; l >= 0; l--) {
      const { inputs: n, outputs: m, weights, panel, values, transposed } = layers[l]!;
      const below = layers[l - 1];
      kernels.gradient(below?.values ?? input, stride, values, G + weights, panel, rows, n, m);
      if (below === undefined) break;
      const outPanel = 32 * pad(m, 4);
      kernels.transpose(P + weights, panel, transposed, outPanel, n, m);
      kernels.layer(MULTIPLY, values, stride, transposed, outPanel, 0, below.values, below.slopes, rows, m, n);
    }
  };
  const lossAndGradient = (inputs: Float32Array, targets: Float32Array, weights: Float32Array | undefined, rows: number): number => {
    checkBatch(architecture, inputs, targets, weights, rows, maxBatch);
    runForward(inputs, 0, rows, true);
    const loss = lossGradient(floats, targets, weights, rows, outputs, floats, outputPlace);
    const all = pad(rows, 4);
    for (let i = rows; i < all; i++) for (let j = 0; j < outputs; j++) floats[outputPlace(i, j)] = 0;
    runBackward(all);
    return loss;
  };
  return {
    kind: 'wasm',
    architecture,
    parameterCount: count,
    maxBatch,
    parameters: () => gather(P),
    setParameters(values) {
      checkLength('parameters', values, count);
      scatter(P, values);
    },
    forward(inputs, rows, out) {
      checkForward(architecture, inputs, rows, out);
      for (let from = 0; from < rows; from += maxBatch) {
        const size = Math.min(maxBatch, rows - from);
        runForward(inputs, from, size, false);
        for (let i = 0; i < size; i++) for (let j = 0; j < outputs; j++) out[(from + i) * outputs + j] = floats[outputPlace(i, j)]!;
      }
    },
    gradient(inputs, targets, weights, rows) {
      const loss = lossAndGradient(inputs, targets, weights, rows);
      return { loss, gradient: gather(G) };
    },
    trainStep(inputs, targets, weights, rows, options) {
      const { alpha1, alpha2, rate, correction, epsilon } = adamFactors(options, step + 1);
      const loss = lossAndGradient(inputs, targets, weights, rows);
      const scale = options.clipNorm === undefined ? 1 : clipScale(options, kernels.sumSquares(G, block / 4));
      step++;
      if (emaDecay > 0) averageStep++;
      kernels.adam(P, G, M, V, E, block / 4, scale, alpha1, alpha2, rate, correction, epsilon, emaDecay > 0 ? 1 - emaDecay : 0);
      return loss;
    },
    resetOptimiser() {
      for (const address of emaDecay > 0 ? [M, V, E] : [M, V]) scatter(address, undefined);
      step = 0;
      averageStep = 0;
    },
    averaged: () => (averageStep === 0 ? undefined : gather(E).map((x) => x / (1 - integerPower(emaDecay, averageStep)))),
    state: (): MlpState => ({
      parameters: gather(P),
      firstMoment: gather(M),
      secondMoment: gather(V),
      step,
      ...(emaDecay > 0 ? { average: gather(E) } : {}),
      averageStep,
    }),
    restore(state) {
      for (const values of [state.parameters, state.firstMoment, state.secondMoment]) checkLength('state', values, count);
      if (state.average !== undefined) checkLength('state', state.average, count);
      scatter(P, state.parameters);
      scatter(M, state.firstMoment);
      scatter(V, state.secondMoment);
      if (emaDecay > 0) scatter(E, state.average);
      step = state.step;
      averageStep = emaDecay > 0 && state.average !== undefined ? state.averageStep : 0;
    },
  };
}

/** Where each parameter of the unpadded list lies in the padded block, in floats. */
function unpaddedPlaces(layers: readonly LayerMap[], count: number): Int32Array {
  const places = new Int32Array(count);
  let at = 0;
  for (const { inputs, outputs, weights, panel, bias } of layers) {
    const column = (j: number): number => ((j >> 3) * panel) / 4 + (j & 7);
    for (let k = 0; k < inputs; k++) for (let j = 0; j < outputs; j++) places[at++] = weights / 4 + 8 * k + column(j);
    for (let j = 0; j < outputs; j++) places[at++] = bias / 4 + column(j);
  }
  return places;
}
