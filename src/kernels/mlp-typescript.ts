import { type AdamOptions, adamFactors, adamStep, clipScale, integerPower } from './adam.ts';
import {
  type Activation,
  checkBatch,
  checkForward,
  checkLength,
  countParameters,
  isResidual,
  layerSizes,
  type MlpArchitecture,
} from './mlp-architecture.ts';
import type { MlpEngine, MlpState } from './mlp-engine.ts';

const SLOPE = Math.fround(0.01);
/** Rows evaluated at a time. */
const BLOCK = 512;

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
    const layers = runForward(architecture, parameters, inputs, rows);
    return runBackward(architecture, parameters, layers, targets, weights, rows);
  };
  return {
    kind: 'typescript',
    architecture,
    parameterCount: count,
    maxBatch,
    threads: () => 1,
    parameters: () => Float32Array.from(parameters),
    setParameters(values) {
      checkLength('parameters', values, count);
      parameters.set(values);
    },
    forward(inputs, rows, out, { shared, parameters: visiting } = {}) {
      checkForward(architecture, inputs, rows, out, shared);
      if (visiting !== undefined) checkLength('parameters', visiting, count);
      const [n, m] = [sizes[0]! - (shared?.length ?? 0), sizes.at(-1)!];
      for (let from = 0; from < rows; from += BLOCK) {
        const size = Math.min(BLOCK, rows - from);
        const block = inputs.subarray(from * n, (from + size) * n);
        const layers = runForward(architecture, visiting ?? parameters, shared === undefined ? block : withShared(shared, block, n), size);
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
    release() {},
  };
}

/** Rows of `n` inputs of their own with the shared ones in front. */
function withShared(shared: Float32Array, own: Float32Array, n: number): Float32Array {
  const width = shared.length + n;
  const out = new Float32Array((own.length / n) * width);
  for (let i = 0; i * n < own.length; i++) {
    out.set(shared, i * width);
    out.set(own.subarray(i * n, (i + 1) * n), i * width + shared.length);
  }
  return out;
}

/** Pre-activation and output of a layer, `rows × size`. */
interface Layer {
  readonly before: Float32Array;
  readonly output: Float32Array;
}

function runForward(architecture: MlpArchitecture, p: Float32Array, inputs: Float32Array, rows: number): Layer[] {
  const { activation } = architecture;
  const sizes = layerSizes(architecture);
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
    const output = last ? before : before.map((x) => activate(activation, x));
    if (isResidual(architecture, l)) for (let i = 0; i < output.length; i++) output[i] = output[i]! + from[i]!;
    layers.push({ before, output });
    at += m * (n + 1);
  }
  return layers;
}

function runBackward(
  architecture: MlpArchitecture,
  p: Float32Array,
  layers: readonly Layer[],
  targets: Float32Array,
  weights: Float32Array | undefined,
  rows: number,
): { loss: number; gradient: Float32Array } {
  const { activation, outputs } = architecture;
  const sizes = layerSizes(architecture);
  const sums = new Float64Array(p.length);
  // With respect to the sums of a layer, and to its output.
  let delta = new Float32Array(rows * outputs);
  let ahead = delta;
  const loss = lossGradient(layers.at(-1)!.output, targets, weights, rows, delta);
  let at = p.length;
  for (let l = sizes.length - 2; l >= 0; l--) {
    const [n, m] = [sizes[l]!, sizes[l + 1]!];
    at -= m * (n + 1);
    const { before, output } = layers[l]!;
    const [next, behind] = [new Float32Array(l === 0 ? 0 : rows * n), new Float32Array(l === 0 ? 0 : rows * n)];
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < m; j++) sums[at + n * m + j]! += delta[i * m + j]!;
      for (let k = 0; k < n; k++) {
        const x = output[i * n + k]!;
        const row = at + k * m;
        for (let j = 0; j < m; j++) sums[row + j]! += x * delta[i * m + j]!;
        if (l === 0) continue;
        let sum = isResidual(architecture, l) ? ahead[i * n + k]! : 0;
        for (let j = 0; j < m; j++) sum += delta[i * m + j]! * p[row + j]!;
        behind[i * n + k] = sum;
        next[i * n + k] = sum * slope(activation, before[i * n + k]!);
      }
    }
    delta = next;
    ahead = behind;
  }
  return { loss, gradient: Float32Array.from(sums) };
}

/** The mean of w_i |out_i − y_i|². Its gradient 2 w_i (out_i − y_i)/rows goes to `delta`. */
function lossGradient(
  out: Float32Array,
  targets: Float32Array,
  weights: Float32Array | undefined,
  rows: number,
  delta: Float32Array,
): number {
  const outputs = delta.length / rows;
  let loss = 0;
  for (let i = 0; i < rows; i++) {
    const w = weights === undefined ? 1 : weights[i]!;
    for (let at = i * outputs; at < (i + 1) * outputs; at++) {
      const error = out[at]! - targets[at]!;
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
