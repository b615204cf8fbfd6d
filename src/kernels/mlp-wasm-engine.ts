import { type Activation, checkBatch, countParameters, layerSizes, type MlpArchitecture } from './mlp-architecture.ts';
import type { AdamOptions, MlpEngine, MlpState } from './mlp-engine.ts';
import { lossGradient } from './mlp-typescript.ts';

/** Exports of assembly/mlp.ts. */
interface Kernels {
  packLeft(a: number, rowStride: number, depthStride: number, rows: number, depth: number, out: number): void;
  packRight(b: number, depthStride: number, columnStride: number, depth: number, columns: number, out: number): void;
  product(a: number, b: number, c: number, rows: number, depth: number, columns: number, stride: number): void;
  activate(kind: number, z: number, a: number, bias: number, rows: number, columns: number): void;
  activateBack(kind: number, d: number, z: number, count: number): void;
  columnSums(d: number, rows: number, columns: number, out: number): void;
  sumSquares(g: number, count: number): number;
  adam(
    p: number, g: number, m: number, v: number, average: number, count: number,
    scale: number, beta1: number, beta2: number, rate: number, correction: number, epsilon: number, ema: number,
  ): void;
}

/** Byte addresses of one layer; sizes padded. */
interface LayerAddresses {
  readonly inputs: number;
  readonly outputs: number;
  /** Within the parameter block, and the same offset within gradients and moments. */
  readonly weights: number;
  readonly bias: number;
  readonly before: number;
  readonly output: number;
  readonly delta: number;
}

const KINDS: Record<Activation, number> = { silu: 1, 'leaky-relu': 2, tanh: 3 };
const pad = (n: number, to: number): number => Math.ceil(n / to) * to;

/** The engine on WebAssembly SIMD: one memory an engine, all arrays padded to the tiles of the kernels. */
export function wasmEngine(module: WebAssembly.Module, architecture: MlpArchitecture, maxBatch: number, emaDecay: number): MlpEngine {
  const sizes = layerSizes(architecture);
  const padded = sizes.map((n) => pad(n, 8));
  const rowsMax = pad(maxBatch, 4);
  let bytes = 0;
  const take = (floats: number): number => {
    const at = bytes;
    bytes += pad(4 * floats, 64);
    return at;
  };
  // 1 KiB of nothing first, so that no address is 0.
  take(256);
  const block = padded.slice(1).reduce((sum, m, l) => sum + m * (padded[l]! + 1), 0);
  const [P, G, M, V, E] = [take(block), take(block), take(block), take(block), take(emaDecay > 0 ? block : 0)] as const;
  const input = take(rowsMax * padded[0]!);
  let offset = 0;
  const layers: LayerAddresses[] = [];
  for (let l = 0; l + 1 < sizes.length; l++) {
    const [n, m] = [padded[l]!, padded[l + 1]!];
    const activation = take(rowsMax * m);
    const output = l + 2 === sizes.length ? activation : take(rowsMax * m);
    layers.push({ inputs: n, outputs: m, weights: offset, bias: offset + 4 * n * m, before: activation, output, delta: take(rowsMax * m) });
    offset += 4 * m * (n + 1);
  }
  const widest = Math.max(...padded);
  const left = take(Math.max(rowsMax * widest, widest * rowsMax));
  const right = take(Math.max(widest * widest, rowsMax * widest));
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) + 1 });
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels;
  const floats = new Float32Array(memory.buffer);
  const view = (address: number, length: number): Float32Array => floats.subarray(address / 4, address / 4 + length);
  const count = countParameters(architecture);
  const places = unpaddedPlaces(sizes, padded, count);
  const gather = (address: number): Float32Array => Float32Array.from(places, (place) => floats[address / 4 + place]!);
  const scatter = (address: number, values: Float32Array): void => {
    places.forEach((place, i) => {
      floats[address / 4 + place] = values[i]!;
    });
  };
  const kind = KINDS[architecture.activation];
  let step = 0;
  let averageStep = 0;

  const multiply = (rows: number, depth: number, columns: number, to: number): void =>
    kernels.product(left, right, to, rows, depth, columns, 4 * columns);

  const loadInputs = (inputs: Float32Array, from: number, rows: number): void => {
    const [n, width] = [sizes[0]!, padded[0]!];
    const to = input / 4;
    for (let i = 0; i < rows; i++) for (let k = 0; k < n; k++) floats[to + i * width + k] = inputs[(from + i) * n + k]!;
    floats.fill(0, to + rows * width, to + pad(rows, 4) * width);
  };
  const runForward = (rows: number): void => {
    let from = input;
    layers.forEach(({ inputs: n, outputs: m, weights, bias, before, output }, l) => {
      kernels.packLeft(from, 4 * n, 4, rows, n, left);
      kernels.packRight(P + weights, 4 * m, 4, n, m, right);
      multiply(rows, n, m, before);
      kernels.activate(l + 1 === layers.length ? 0 : kind, before, output, P + bias, rows, m);
      from = output;
    });
  };
  const runBackward = (rows: number): void => {
    for (let l = layers.length - 1; l >= 0; l--) {
      const { inputs: n, outputs: m, weights, bias, delta } = layers[l]!;
      const from = l === 0 ? input : layers[l - 1]!.output;
      kernels.columnSums(delta, rows, m, G + bias);
      kernels.packLeft(from, 4, 4 * n, n, rows, left);
      kernels.packRight(delta, 4 * m, 4, rows, m, right);
      multiply(n, rows, m, G + weights);
      if (l === 0) break;
      const below = layers[l - 1]!;
      kernels.packLeft(delta, 4 * m, 4, rows, m, left);
      kernels.packRight(P + weights, 4, 4 * m, m, n, right);
      multiply(rows, m, n, below.delta);
      kernels.activateBack(kind, below.delta, below.before, rows * n);
    }
  };
  const last = layers.at(-1)!;
  const lossAndGradient = (inputs: Float32Array, targets: Float32Array, weights: Float32Array | undefined, rows: number): number => {
    checkBatch(architecture, inputs, targets, weights, rows, maxBatch);
    loadInputs(inputs, 0, rows);
    const all = pad(rows, 4);
    runForward(all);
    const delta = view(last.delta, all * last.outputs).fill(0);
    const { loss } = lossGradient(view(last.output, all * last.outputs), targets, weights, rows, sizes.at(-1)!, delta, last.outputs);
    runBackward(all);
    return loss;
  };
  const clip = ({ clipNorm }: AdamOptions): number => {
    if (clipNorm === undefined) return 1;
    const norm = Math.sqrt(kernels.sumSquares(G, block));
    return norm > clipNorm ? clipNorm / norm : 1;
  };
  return {
    kind: 'wasm',
    architecture,
    parameterCount: count,
    maxBatch,
    parameters: () => gather(P),
    setParameters: (values) => scatter(P, values),
    forward(inputs, rows, out) {
      const outputs = sizes.at(-1)!;
      for (let from = 0; from < rows; from += maxBatch) {
        const size = Math.min(maxBatch, rows - from);
        loadInputs(inputs, from, size);
        runForward(pad(size, 4));
        const result = last.output / 4;
        for (let i = 0; i < size; i++) {
          for (let j = 0; j < outputs; j++) out[(from + i) * outputs + j] = floats[result + i * last.outputs + j]!;
        }
      }
    },
    gradient(inputs, targets, weights, rows) {
      const loss = lossAndGradient(inputs, targets, weights, rows);
      return { loss, gradient: gather(G) };
    },
    trainStep(inputs, targets, weights, rows, options) {
      const loss = lossAndGradient(inputs, targets, weights, rows);
      step++;
      if (emaDecay > 0) averageStep++;
      const { learningRate, beta1, beta2, epsilon } = options;
      const rate = learningRate / (1 - beta1 ** step);
      kernels.adam(P, G, M, V, E, block, clip(options), beta1, beta2, rate, 1 / (1 - beta2 ** step), epsilon, emaDecay);
      return loss;
    },
    resetOptimiser() {
      for (const address of [M, V]) view(address, block).fill(0);
      if (emaDecay > 0) view(E, block).fill(0);
      step = 0;
      averageStep = 0;
    },
    averaged: () => (averageStep === 0 ? undefined : gather(E).map((x) => x / (1 - emaDecay ** averageStep))),
    state: (): MlpState => ({
      parameters: gather(P),
      firstMoment: gather(M),
      secondMoment: gather(V),
      step,
      ...(emaDecay > 0 ? { average: gather(E) } : {}),
      averageStep,
    }),
    restore(state) {
      scatter(P, state.parameters);
      scatter(M, state.firstMoment);
      scatter(V, state.secondMoment);
      if (state.average !== undefined && emaDecay > 0) scatter(E, state.average);
      step = state.step;
      averageStep = state.averageStep;
    },
  };
}

/** Where each parameter of the unpadded list lies in the padded block. */
function unpaddedPlaces(sizes: readonly number[], padded: readonly number[], count: number): Int32Array {
  const places = new Int32Array(count);
  let at = 0;
  let offset = 0;
  for (let l = 0; l + 1 < sizes.length; l++) {
    const [n, m] = [padded[l]!, padded[l + 1]!];
    for (let k = 0; k < sizes[l]!; k++) for (let j = 0; j < sizes[l + 1]!; j++) places[at++] = offset + k * m + j;
    for (let j = 0; j < sizes[l + 1]!; j++) places[at++] = offset + n * m + j;
    offset += m * (n + 1);
  }
  return places;
}
