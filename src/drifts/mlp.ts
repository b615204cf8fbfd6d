import { DomainError, FormatError } from '../errors.ts';
import { type Activation, initialParameters, type MlpArchitecture } from '../kernels/mlp-architecture.ts';
import { type AdamOptions, createMlpEngine, type MlpEngine, type MlpState } from '../kernels/mlp-engine.ts';
import { requireInteger, requireKnownOptions } from '../numerics/vectors.ts';
import type { ChainDrift, DriftModel, DriftModelContext, DriftModelSpec } from './drift-model.ts';

/** Options of `driftModels.mlp`. */
export interface MlpOptions {
  /** Sizes of the hidden layers. @defaultValue `[64, 64]` */
  readonly hidden?: readonly number[];
  /** x·sigmoid(x), max(x, 0.01x) or tanh x. @defaultValue `'silu'` */
  readonly activation?: Activation;
  /** Number of features sin(πjt/T), cos(πjt/T), j = 1, 2, …, beside t/T itself. @defaultValue `8` */
  readonly timeFeatures?: number;
}

/** Constants of Adam and of the running average of weights, which evaluation uses after each half-step. */
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clipNorm: 10 } as const;
const AVERAGE_DECAY = 0.99;

/** Rows evaluated at a time. */
const BLOCK = 512;

/**
 * Describes a multilayer perceptron drift, f(t, x) = s·net((x − center)/scale, t/T, sin πt/T, cos πt/T, …), trained by Adam in single
 * precision. Inputs are standardised by the pooled moments of the marginals and s is the size that drifts of the problem have, so that one
 * learning rate fits all problems. The last layer starts at zero, later half-steps start from the net before, and evaluation after a
 * half-step uses the exponential average of the weights.
 *
 * @throws DomainError when a size is not a whole number ≥ 1 or the activation is unknown
 * @example
 * ```ts
 * import { driftModels } from 'viaduct';
 * console.log(driftModels.mlp({ hidden: [32] }).description); // → { kind: 'mlp', hidden: [ 32 ], activation: 'silu', timeFeatures: 8 }
 * ```
 * @see [kingma2015]
 */
export function mlp(options: MlpOptions = {}): DriftModelSpec {
  requireKnownOptions('driftModels.mlp', options, ['hidden', 'activation', 'timeFeatures']);
  const { activation = 'silu' } = options;
  const hidden = Array.from(options.hidden ?? [64, 64], (size, i) => requireInteger(`driftModels.mlp: hidden[${i}]`, size, 1));
  const timeFeatures = requireInteger('driftModels.mlp: timeFeatures', options.timeFeatures ?? 8, 0);
  if (!['silu', 'leaky-relu', 'tanh'].includes(activation)) {
    throw new DomainError(`driftModels.mlp: unknown activation '${String(activation)}'; use 'silu', 'leaky-relu' or 'tanh'`);
  }
  const description = Object.freeze({ kind: 'mlp', hidden: Object.freeze(hidden), activation, timeFeatures });
  return Object.freeze({
    kind: 'mlp',
    description,
    make: (context: DriftModelContext) => makeMlp(context, { hidden, activation, timeFeatures }),
  });
}

function makeMlp(context: DriftModelContext, { hidden, activation, timeFeatures }: Required<MlpOptions>): DriftModel {
  const { dimension, driftScale, batchSize, random } = context;
  const features = inputFeatures(context, timeFeatures);
  const architecture = { inputs: features.width, hidden, outputs: dimension, activation };
  const engine = createMlpEngine(architecture, { maxBatch: Math.max(batchSize, BLOCK), emaDecay: AVERAGE_DECAY });
  const uniform = random.split('weights').uniform;
  engine.setParameters(initialParameters(architecture, uniform, true));
  const evaluate = evaluator(() => engine, features, dimension, driftScale);
  return {
    dimension,
    evaluate,
    affine: () => undefined,
    bytes: () => bytesOf(engine.parameters()),
    begin: () => engine.resetOptimiser(),
    step({ count, transitions, inputs, targets, weights }, learningRate) {
      const rows = new Float32Array(count * features.width);
      for (let i = 0; i < count; i++) features.write(transitions[i]!, inputs, i, rows, i);
      const scaled = targets.map((y) => y / driftScale);
      const adam: AdamOptions = { ...ADAM, learningRate };
      return driftScale * driftScale * engine.trainStep(rows, scaled, weights, count, adam);
    },
    finish() {
      const averaged = engine.averaged();
      if (averaged !== undefined) engine.setParameters(averaged);
    },
    freeze() {
      const parameters = engine.parameters();
      return frozen(architecture, parameters, features, dimension, driftScale);
    },
    save: () => saveState(engine.state()),
    load: (bytes) => engine.restore(loadState(bytes, engine.parameterCount)),
  };
}

/** The drift with fixed parameters; its engine is made when it is first asked. */
function frozen(
  architecture: MlpArchitecture,
  parameters: Float32Array,
  features: InputFeatures,
  dimension: number,
  driftScale: number,
): ChainDrift {
  let engine: MlpEngine | undefined;
  const own = (): MlpEngine => {
    if (engine === undefined) {
      engine = createMlpEngine(architecture, { maxBatch: BLOCK });
      engine.setParameters(parameters);
    }
    return engine;
  };
  return {
    dimension,
    evaluate: evaluator(own, features, dimension, driftScale),
    affine: () => undefined,
    bytes: () => bytesOf(parameters),
  };
}

function evaluator(engine: () => MlpEngine, features: InputFeatures, dimension: number, driftScale: number): ChainDrift['evaluate'] {
  const rows = new Float32Array(BLOCK * features.width);
  const values = new Float32Array(BLOCK * dimension);
  return (transition, x, out) => {
    const count = x.length / dimension;
    for (let from = 0; from < count; from += BLOCK) {
      const size = Math.min(BLOCK, count - from);
      for (let i = 0; i < size; i++) features.write(transition, x, from + i, rows, i);
      engine().forward(rows, size, values);
      for (let i = 0; i < size * dimension; i++) out[from * dimension + i] = driftScale * values[i]!;
    }
  };
}

/** What the net sees of a row. */
interface InputFeatures {
  readonly width: number;
  /** Writes the features of row i of x at transition k into row `to` of `rows`. */
  write(k: number, x: Float64Array | Float32Array, i: number, rows: Float32Array, to: number): void;
}

/** The standardised point, 2t/T − 1, and sin(πjt/T), cos(πjt/T) for j = 1, 2, … as many as asked for; t is the label of the transition. */
function inputFeatures({ dimension, labels, horizon, center, scale }: DriftModelContext, timeFeatures: number): InputFeatures {
  const width = dimension + 1 + timeFeatures;
  const times = Array.from(labels, (label) => {
    const t = label / horizon;
    const waves = Array.from({ length: timeFeatures }, (_, j) => {
      const angle = Math.PI * t * (1 + Math.floor(j / 2));
      return j % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    });
    return Float32Array.of(2 * t - 1, ...waves);
  });
  return {
    width,
    write(k, x, i, rows, to) {
      const at = to * width;
      for (let c = 0; c < dimension; c++) rows[at + c] = (x[i * dimension + c]! - center[c]!) / scale[c]!;
      rows.set(times[k]!, at + dimension);
    },
  };
}

/** Two counters and four arrays of parameters, in this order. */
function saveState({ parameters, firstMoment, secondMoment, step, average, averageStep }: MlpState): Uint8Array {
  const counters = bytesOf(Float64Array.of(step, averageStep));
  const parts = [counters, ...[parameters, firstMoment, secondMoment, average!].map(bytesOf)];
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function loadState(bytes: Uint8Array, count: number): MlpState {
  if (bytes.length !== 16 + 16 * count) {
    throw new FormatError(
      `driftModels.mlp: ${bytes.length} bytes are not the state of this net; load what save() of the same problem gave`,
    );
  }
  const buffer = Uint8Array.from(bytes).buffer;
  const [step, averageStep] = new Float64Array(buffer, 0, 2);
  const part = (i: number): Float32Array => new Float32Array(buffer, 16 + 4 * i * count, count);
  return { step: step!, averageStep: averageStep!, parameters: part(0), firstMoment: part(1), secondMoment: part(2), average: part(3) };
}

function bytesOf(values: Float32Array | Float64Array): Uint8Array {
  return new Uint8Array(values.slice().buffer);
}
