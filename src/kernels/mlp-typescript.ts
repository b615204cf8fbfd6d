import { type AdamOptions, adamFactors, adamStep, clipScale, integerPower } from './adam.ts';
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

const SLOPE = Math.fround(0.01);

/** The same engine in plain TypeScript: the oracle of the WebAssembly one, and what runs where SIMD is missing. Sums are in doubles. */
export function typescriptEngine(architecture: MlpArchitecture, maxBatch: number, emaDecay: number): MlpEngine {
  const sizes = layerSizes(architecture);
  const count = countParameters(architecture);
  const parameters = new Float32Array(count);
  const first = new Float32Array(count);
  const second = new Float32Array(count);
  const average = new Float32Array(count);
  let step = 0;
  let averageStep = 0;

  const gradient = (inputs: Float32Array, targets: Float32Array, weights: Float32Array | undefined, rows: number) => {
    checkBatch(architecture, inputs, targets, weights, rows, maxBatch);
    const layers = runForward(sizes, architecture.activation, parameters, inputs, rows);
    return runBackward(sizes, architecture.activation, parameters, layers, targets, weights, rows);
  };
  return {
    kind: 'typescript',
    architecture,
    parameterCount: count,
    maxBatch,
    parameters: () => Float32Array.from(parameters),
    setParameters(values) {
      checkLength('parameters', values, count);
      parameters.set(values);
    },
    forward(inputs, rows, out) {
      checkForward(architecture, inputs, rows, out);
      const [n, m] = [sizes[0]!, sizes.at(-1)!];
      for (let from = 0; from < rows; from += maxBatch) {
        const size = Math.min(maxBatch, rows - from);
        const layers = runForward(sizes, architecture.activation, parameters, inputs.subarray(from * n, (from + size) * n), size);
        out.set(layers.at(-1)!.output, from * m);
      }
    },
    gradient,
    trainStep(inputs, targets, weights, rows, options: AdamOptions) {
      const factors = adamFactors(options, step + 1);
      const { loss, gradient: g } = gradient(inputs, targets, weights, rows);
      step++;
      adamStep(parameters, g, first, second, clipScale(options, sumSquares(g)), factors);
      if (emaDecay > 0) {
        averageStep++;
        for (let i = 0; i < count; i++) average[i] = average[i]! + (1 - emaDecay) * (parameters[i]! - average[i]!);
      }
      return loss;
    },
    resetOptimiser() {
      for (const values of [first, second, average]) values.fill(0);
      step = 0;
      averageStep = 0;
    },
    averaged: () => (averageStep === 0 ? undefined : average.map((x) => x / (1 - integerPower(emaDecay, averageStep)))),
    state: (): MlpState => ({
      parameters: Float32Array.from(parameters),
      firstMoment: Float32Array.from(first),
      secondMoment: Float32Array.from(second),
      step,
      ...(emaDecay > 0 ? { average: Float32Array.from(average) } : {}),
      averageStep,
    }),
    restore(state) {
      const saved = [state.parameters, state.firstMoment, state.secondMoment, state.average ?? new Float32Array(count)];
      for (const values of saved) checkLength('state', values, count);
      for (const [i, values] of [parameters, first, second, average].entries()) values.set(saved[i]!);
      step = state.step;
      averageStep = emaDecay > 0 && state.average !== undefined ? state.averageStep : 0;
    },
  };
}

/** Pre-activation and output of a layer, `rows × size`. */
interface Layer {
  readonly before: Float32Array;
  readonly output: Float32Array;
}

function runForward(sizes: readonly number[], activation: Activation, p: Float32Array, inputs: Float32Array, rows: number): Layer[] {
  const layers: Layer[] = [{ before: inputs, output: inputs }];
  let at = 0;
  for (let l = 0; l + 1 < sizes.length; l++) {
    const [n, m] = [sizes[l]!, sizes[l + 1]!];
    const from = layers[l]!.output;
    const before = new Float32Array(rows * m);
    const sums = new Float64Array(m);
    for (let i = 0; i < rows; i++) {
      sums.set(p.subarray(at + n * m, at + n * m + m));
      for (let k = 0; k < n; k++) {
        const x = from[i * n + k]!;
        const row = at + k * m;
        for (let j = 0; j < m; j++) sums[j]! += x * p[row + j]!;
      }
      before.set(sums, i * m);
    }
    const last = l + 2 === sizes.length;
    layers.push({ before, output: last ? before : before.map((x) => activate(activation, x)) });
    at += m * (n + 1);
  }
  return layers;
}

function runBackward(
  sizes: readonly number[],
  activation: Activation,
  p: Float32Array,
  layers: readonly Layer[],
  targets: Float32Array,
  weights: Float32Array | undefined,
  rows: number,
): { loss: number; gradient: Float32Array } {
  const sums = new Float64Array(p.length);
  const outputs = sizes.at(-1)!;
  let delta = new Float32Array(rows * outputs);
  const loss = lossGradient(layers.at(-1)!.output, targets, weights, rows, outputs, delta, (i, j) => i * outputs + j);
  let at = p.length;
  for (let l = sizes.length - 2; l >= 0; l--) {
    const [n, m] = [sizes[l]!, sizes[l + 1]!];
    at -= m * (n + 1);
    const { before, output } = layers[l]!;
    const next = new Float32Array(l === 0 ? 0 : rows * n);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < m; j++) sums[at + n * m + j]! += delta[i * m + j]!;
      for (let k = 0; k < n; k++) {
        const x = output[i * n + k]!;
        const row = at + k * m;
        for (let j = 0; j < m; j++) sums[row + j]! += x * delta[i * m + j]!;
        if (l === 0) continue;
        let sum = 0;
        for (let j = 0; j < m; j++) sum += delta[i * m + j]! * p[row + j]!;
        next[i * n + k] = sum * slope(activation, before[i * n + k]!);
      }
    }
    delta = next;
  }
  return { loss, gradient: Float32Array.from(sums) };
}

/**
 * The mean of w_i |out_i − y_i|². Its gradient 2 w_i (out_i − y_i)/rows goes to `delta`, which may be `out`; `place` finds (i, j) in both.
 */
export function lossGradient(
  out: Float32Array,
  targets: Float32Array,
  weights: Float32Array | undefined,
  rows: number,
  outputs: number,
  delta: Float32Array,
  place: (i: number, j: number) => number,
): number {
  let loss = 0;
  for (let i = 0; i < rows; i++) {
    const w = weights === undefined ? 1 : weights[i]!;
    for (let j = 0; j < outputs; j++) {
      const at = place(i, j);
      const error = out[at]! - targets[i * outputs + j]!;
      loss += w * error * error;
      delta[at] = (2 * w * error) / rows;
    }
  }
  return loss / rows;
}

function sumSquares(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return sum;
}

function activate(kind: Activation, x: number): number {
  if (kind === 'silu') return x / (1 + Math.exp(-x));
  if (kind === 'leaky-relu') return x > 0 ? x : SLOPE * x;
  return Math.tanh(x);
}

function slope(kind: Activation, x: number): number {
  if (kind === 'leaky-relu') return x > 0 ? 1 : SLOPE;
  if (kind === 'tanh') return 1 - Math.tanh(x) * Math.tanh(x);
  const s = 1 / (1 + Math.exp(-x));
  return s * (1 + x * (1 - s));
}
