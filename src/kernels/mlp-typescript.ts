import { type Activation, checkBatch, countParameters, layerSizes, type MlpArchitecture } from './mlp-architecture.ts';
import type { AdamOptions, MlpEngine, MlpState } from './mlp-engine.ts';

const SLOPE = Math.fround(0.01);

/** The same engine in plain TypeScript: the oracle of the WebAssembly one, and what runs where SIMD is missing. Sums are in doubles. */
export function typescriptEngine(architecture: MlpArchitecture, maxBatch: number, emaDecay: number): MlpEngine {
  const sizes = layerSizes(architecture);
  const count = countParameters(architecture);
  let parameters = new Float32Array(count);
  let first = new Float32Array(count);
  let second = new Float32Array(count);
  let average = new Float32Array(count);
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
      parameters.set(values);
    },
    forward(inputs, rows, out) {
      for (let from = 0; from < rows; from += maxBatch) {
        const size = Math.min(maxBatch, rows - from);
        const block = inputs.subarray(from * sizes[0]!, (from + size) * sizes[0]!);
        const layers = runForward(sizes, architecture.activation, parameters, block, size);
        out.set(layers.at(-1)!.output.subarray(0, size * sizes.at(-1)!), from * sizes.at(-1)!);
      }
    },
    gradient,
    trainStep(inputs, targets, weights, rows, options) {
      const { loss, gradient: g } = gradient(inputs, targets, weights, rows);
      const scale = clipScale(g, options);
      step++;
      adamStep(parameters, g, first, second, scale, step, options);
      if (emaDecay > 0) {
        averageStep++;
        for (let i = 0; i < count; i++) average[i] = emaDecay * average[i]! + (1 - emaDecay) * parameters[i]!;
      }
      return loss;
    },
    resetOptimiser() {
      first = new Float32Array(count);
      second = new Float32Array(count);
      average = new Float32Array(count);
      step = 0;
      averageStep = 0;
    },
    averaged: () => (averageStep === 0 ? undefined : average.map((x) => x / (1 - emaDecay ** averageStep))),
    state: (): MlpState => ({
      parameters: Float32Array.from(parameters),
      firstMoment: Float32Array.from(first),
      secondMoment: Float32Array.from(second),
      step,
      ...(emaDecay > 0 ? { average: Float32Array.from(average) } : {}),
      averageStep,
    }),
    restore(state) {
      parameters = Float32Array.from(state.parameters);
      first = Float32Array.from(state.firstMoment);
      second = Float32Array.from(state.secondMoment);
      if (state.average !== undefined) average = Float32Array.from(state.average);
      step = state.step;
      averageStep = state.averageStep;
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
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < m; j++) {
        let sum = p[at + n * m + j]!;
        for (let k = 0; k < n; k++) sum += from[i * n + k]! * p[at + k * m + j]!;
        before[i * m + j] = sum;
      }
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
  const gradient = new Float32Array(p.length);
  const outputs = sizes.at(-1)!;
  const { loss, delta: outer } = lossGradient(layers.at(-1)!.output, targets, weights, rows, outputs);
  let delta = outer;
  let at = p.length;
  for (let l = sizes.length - 2; l >= 0; l--) {
    const [n, m] = [sizes[l]!, sizes[l + 1]!];
    at -= m * (n + 1);
    const from = layers[l]!.output;
    for (let j = 0; j < m; j++) {
      let bias = 0;
      for (let i = 0; i < rows; i++) bias += delta[i * m + j]!;
      gradient[at + n * m + j] = bias;
      for (let k = 0; k < n; k++) {
        let sum = 0;
        for (let i = 0; i < rows; i++) sum += from[i * n + k]! * delta[i * m + j]!;
        gradient[at + k * m + j] = sum;
      }
    }
    if (l === 0) break;
    const next = new Float32Array(rows * n);
    for (let i = 0; i < rows; i++) {
      for (let k = 0; k < n; k++) {
        let sum = 0;
        for (let j = 0; j < m; j++) sum += delta[i * m + j]! * p[at + k * m + j]!;
        next[i * n + k] = sum * slope(activation, layers[l]!.before[i * n + k]!);
      }
    }
    delta = next;
  }
  return { loss, gradient };
}

/** The mean of w_i |out_i − y_i|² and its gradient 2 w_i (out_i − y_i)/rows; `stride` is the row length of `out` and the gradient. */
export function lossGradient(
  out: Float32Array,
  targets: Float32Array,
  weights: Float32Array | undefined,
  rows: number,
  outputs: number,
  delta: Float32Array = new Float32Array(rows * outputs),
  stride: number = outputs,
): { loss: number; delta: Float32Array } {
  let loss = 0;
  for (let i = 0; i < rows; i++) {
    const w = weights === undefined ? 1 : weights[i]!;
    for (let j = 0; j < outputs; j++) {
      const error = out[i * stride + j]! - targets[i * outputs + j]!;
      loss += w * error * error;
      delta[i * stride + j] = (2 * w * error) / rows;
    }
  }
  return { loss: loss / rows, delta };
}

/** The factor that brings the gradient to the allowed norm. */
function clipScale(gradient: Float32Array, { clipNorm }: AdamOptions): number {
  if (clipNorm === undefined) return 1;
  let squares = 0;
  for (let i = 0; i < gradient.length; i++) squares += gradient[i]! * gradient[i]!;
  return squares > clipNorm * clipNorm ? clipNorm / Math.sqrt(squares) : 1;
}

function adamStep(
  p: Float32Array,
  g: Float32Array,
  m: Float32Array,
  v: Float32Array,
  scale: number,
  step: number,
  { learningRate, beta1, beta2, epsilon }: AdamOptions,
): void {
  const rate = learningRate / (1 - beta1 ** step);
  const correction = 1 / (1 - beta2 ** step);
  for (let i = 0; i < p.length; i++) {
    const d = scale * g[i]!;
    m[i] = beta1 * m[i]! + (1 - beta1) * d;
    v[i] = beta2 * v[i]! + (1 - beta2) * d * d;
    p[i]! -= (rate * m[i]!) / (Math.sqrt(correction * v[i]!) + epsilon);
  }
}

function activate(kind: Activation, x: number): number {
  if (kind === 'silu') return x / (1 + Math.exp(-x));
  if (kind === 'leaky-relu') return x > 0 ? x : SLOPE * x;
  return Math.tanh(x);
}

function slope(kind: Activation, x: number): number {
  if (kind === 'leaky-relu') return x > 0 ? 1 : SLOPE;
  if (kind === 'tanh') return 1 - Math.tanh(x) ** 2;
  const s = 1 / (1 + Math.exp(-x));
  return s * (1 + x * (1 - s));
}
