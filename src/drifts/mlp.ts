import { DomainError, FormatError } from '../errors.ts';
import { type Activation, type InitialWeights, initialParameters, type MlpArchitecture } from '../kernels/mlp-architecture.ts';
import { type AdamOptions, createMlpEngine, type MlpEngine, type MlpState } from '../kernels/mlp-engine.ts';
import { requireInteger, requireKnownOptions, requirePositive } from '../numerics/vectors.ts';
import type { ChainDrift, DriftModel, DriftModelContext, DriftModelSpec } from './drift-model.ts';
import { type InputFeatures, inputFeatures } from './input-features.ts';
import { packModelState, unpackModelState } from './model-state.ts';
import { requireTimeFeatures, type TimeFeatures } from './time-features.ts';

/** Options of `driftModels.mlp`. */
export interface MlpOptions {
  /** Sizes of the hidden layers. @defaultValue `[64, 64]` */
  readonly hidden?: readonly number[];
  /** x·sigmoid(x), max(x, 0.01x) or tanh x. @defaultValue `'silu'` */
  readonly activation?: Activation;
  /** Whether a hidden layer of the width of the one before is x + f(Wx + b) in place of f(Wx + b). @defaultValue `false` */
  readonly residual?: boolean;
  /**
   * The size s_k of one unit of the net's output: `'constant'`, the size s that drifts of the problem have, at all times; `'noise'`,
   * s/√(1 − t/T) forward and s/√(t/T) backward, as the noise of end-point targets grows towards the end of a direction: the net then
   * predicts noise, and all times weigh the same. For target `endpoint` and bridge matching, above all in many dimensions.
   * @defaultValue `'constant'`
   */
  readonly outputScale?: 'constant' | 'noise';
  /**
   * How weights are drawn at first: `'uniform'` on ±1/√fan-in, or `'orthogonal'`, which keeps all directions of a point alike; in many
   * dimensions it learns faster. @defaultValue `'uniform'`
   */
  readonly initialWeights?: InitialWeights;
  /** Features of time beside t/T: a number of sin(πjt/T), cos(πjt/T), j = 1, 2, …, or other frequencies. @defaultValue `8` */
  readonly timeFeatures?: TimeFeatures;
  /** Decay of the running average of weights that a half-step ends with, per training step; 0 for the last weights. @defaultValue `0.99` */
  readonly ema?: number;
  /** A longer gradient is scaled down to this Euclidean norm; 0 for never. @defaultValue `10` */
  readonly clipNorm?: number;
  /**
   * Threads, the caller included; same bits for any number. `'auto'`: those of the machine when net and batch are large enough to profit.
   * Worker threads of Node; elsewhere one. @defaultValue `'auto'`
   */
  readonly threads?: number | 'auto';
}

type Resolved = Required<MlpOptions>;

/** Constants of Adam. */
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;
const PATH = 'driftModels.mlp';
const KNOWN = ['hidden', 'activation', 'residual', 'outputScale', 'initialWeights', 'timeFeatures', 'ema', 'clipNorm', 'threads'] as const;

/** Rows standardised at a time, and rows for which room is made at least. */
const BLOCK = 2048;
const LEAST_BATCH = 512;

/**
 * Describes a multilayer perceptron drift, f(t_k, x) = s_k·net(t/T, sin πt/T, cos πt/T, …, (x − center)/scale), trained by Adam in single
 * precision. Inputs are standardised by the pooled moments of the marginals and s_k is the size that drifts of the problem have, so that one
 * learning rate fits all problems. The last layer starts at zero, later half-steps start from the net before, and evaluation after a
 * half-step uses the exponential average of the weights.
 *
 * @throws DomainError when an option is unknown or out of range
 * @example
 * ```ts
 * import { driftModels } from 'viaduct';
 * const { description } = driftModels.mlp({ hidden: [32, 32], residual: true, timeFeatures: { kind: 'fourier', count: 4, scale: 1 } });
 * console.log(description.hidden, description.ema); // → [ 32, 32 ] 0.99
 * ```
 * @see [kingma2015]
 * @see [he2016]
 * @see [saxe2014]
 */
export function mlp(options: MlpOptions = {}): DriftModelSpec {
  requireKnownOptions(PATH, options, KNOWN);
  const {
    activation = 'silu',
    residual = false,
    outputScale = 'constant',
    initialWeights = 'uniform',
    ema = 0.99,
    clipNorm = 10,
    threads = 'auto',
  } = options;
  if (options.hidden !== undefined && !Array.isArray(options.hidden)) {
    throw new DomainError(`${PATH}: hidden is no list of sizes but ${String(options.hidden)}; pass [64, 64], say`);
  }
  const hidden = Array.from(options.hidden ?? [64, 64], (size, i) => requireInteger(`${PATH}: hidden[${i}]`, size, 1));
  const timeFeatures = requireTimeFeatures(`${PATH}: timeFeatures`, options.timeFeatures ?? 8);
  if (!['silu', 'leaky-relu', 'tanh'].includes(activation)) {
    throw new DomainError(`${PATH}: unknown activation '${String(activation)}'; use 'silu', 'leaky-relu' or 'tanh'`);
  }
  if (typeof residual !== 'boolean') throw new DomainError(`${PATH}: residual must be true or false, got ${String(residual)}; pass true`);
  if (outputScale !== 'constant' && outputScale !== 'noise') {
    throw new DomainError(`${PATH}: outputScale is '${String(outputScale)}'; use 'constant' or 'noise'`);
  }
  if (initialWeights !== 'uniform' && initialWeights !== 'orthogonal') {
    throw new DomainError(`${PATH}: initialWeights is '${String(initialWeights)}'; use 'uniform' or 'orthogonal'`);
  }
  if (!(ema >= 0 && ema < 1)) throw new DomainError(`${PATH}: ema must be in [0, 1), got ${ema}; pass 0.99, say, or 0 for no average`);
  if (clipNorm !== 0) requirePositive(`${PATH}: clipNorm`, clipNorm);
  if (threads !== 'auto') requireInteger(`${PATH}: threads`, threads, 1);
  const shape = { hidden: Object.freeze(hidden), activation, residual, outputScale, initialWeights, timeFeatures, ema, clipNorm };
  return Object.freeze({
    kind: 'mlp',
    // Not the threads: they change nothing.
    description: Object.freeze({ kind: 'mlp', ...shape }),
    make: (context: DriftModelContext) => makeMlp(context, { ...shape, threads }),
  });
}

function makeMlp(context: DriftModelContext, options: Resolved): DriftModel {
  const { hidden, activation, residual, outputScale, initialWeights, timeFeatures, ema, clipNorm, threads } = options;
  const { dimension, driftScale, batchSize, random } = context;
  const scales = outputScales(context, outputScale);
  const features = inputFeatures(context, timeFeatures);
  const architecture: MlpArchitecture = { inputs: features.width, hidden, outputs: dimension, activation, residual };
  const maxBatch = Math.max(batchSize, LEAST_BATCH);
  const engine = createMlpEngine(architecture, { maxBatch, emaDecay: ema, threads });
  engine.setParameters(initialParameters(architecture, random.split('weights').uniform, true, initialWeights));
  const identity = { kind: 'mlp', architecture, timeFeatures, ema, ...(outputScale === 'constant' ? {} : { outputScale }) };
  const adam: Omit<AdamOptions, 'learningRate'> = clipNorm === 0 ? ADAM : { ...ADAM, clipNorm };
  const rows = new Float32Array(maxBatch * features.width);
  const scaled = new Float32Array(maxBatch * dimension);
  const weighed = new Float32Array(maxBatch);
  return {
    dimension,
    evaluate: evaluator(engine, features, dimension, scales),
    affine: () => undefined,
    bytes: () => bytesOf(engine.parameters()),
    begin: () => engine.resetOptimiser(),
    step({ count, transitions, inputs, targets, weights }, learningRate) {
      for (let i = 0; i < count; i++) features.write(transitions[i]!, inputs, i, rows, i);
      for (let i = 0, at = 0; i < count; i++) {
        const scale = scales[transitions[i]!]!;
        weighed[i] = weights[i]! * (scale / driftScale) ** 2;
        for (let c = 0; c < dimension; c++, at++) scaled[at] = targets[at]! / scale;
      }
      return driftScale * driftScale * engine.trainStep(rows, scaled, weighed, count, { ...adam, learningRate });
    },
    finish() {
      const averaged = engine.averaged();
      if (averaged !== undefined) engine.setParameters(averaged);
    },
    freeze() {
      const parameters = engine.parameters();
      return {
        dimension,
        evaluate: evaluator(engine, features, dimension, scales, parameters),
        affine: () => undefined,
        bytes: () => bytesOf(parameters),
      };
    },
    save: () => saveState(identity, engine.state()),
    load: (bytes) => engine.restore(loadState(identity, bytes, engine.parameterCount)),
    // Ends its threads only: frozen drifts may still use the engine.
    dispose: () => engine.release(),
  };
}

/** s_k for every transition. */
function outputScales({ labels, horizon, direction, driftScale }: DriftModelContext, kind: Resolved['outputScale']): Float64Array {
  if (kind === 'constant') return new Float64Array(labels.length).fill(driftScale);
  return labels.map((t) => {
    const share = (direction === 'forward' ? horizon - t : t) / horizon;
    if (share > 0) return driftScale / Math.sqrt(share);
    throw new DomainError(`${PATH}: outputScale 'noise' needs a direction, and one network for both has two; use networks: 'two'`);
  });
}

/** Evaluates the net as it is, or with parameters of its own, which must not change. */
function evaluator(
  engine: MlpEngine,
  features: InputFeatures,
  dimension: number,
  scales: Float64Array,
  parameters?: Float32Array,
): ChainDrift['evaluate'] {
  let points = new Float32Array(0);
  let values = points;
  return (transition, x, out) => {
    const count = x.length / dimension;
    if (points.length < Math.min(BLOCK, count) * dimension) {
      points = new Float32Array(Math.min(BLOCK, count) * dimension);
      values = points.slice();
    }
    const scale = scales[transition]!;
    const shared = features.time(transition);
    const options = parameters === undefined ? { shared } : { shared, parameters };
    for (let from = 0; from < count; from += BLOCK) {
      const size = Math.min(BLOCK, count - from);
      features.writePoints(x, from, size, points);
      engine.forward(points, size, values, options);
      for (let i = 0, at = from * dimension; i < size * dimension; i++) out[at++] = scale * values[i]!;
    }
  };
}

function saveState(identity: { readonly [key: string]: unknown }, state: MlpState): Uint8Array {
  const { step, averageStep, parameters, firstMoment, secondMoment, average } = state;
  const arrays = { parameters, firstMoment, secondMoment, ...(average === undefined ? {} : { average }) };
  return packModelState({ identity, counters: { step, averageStep }, arrays });
}

function loadState(identity: { readonly [key: string]: unknown }, bytes: Uint8Array, count: number): MlpState {
  const { counters, arrays } = unpackModelState(PATH, identity, bytes);
  const part = (name: string): Float32Array => {
    const values = arrays[name];
    if (values?.length === count) return values;
    throw new FormatError(
      `${PATH}: the state has ${values?.length ?? 'no'} ${name}, this net ${count}; load what save() of the same model gave`,
    );
  };
  const moments = { parameters: part('parameters'), firstMoment: part('firstMoment'), secondMoment: part('secondMoment') };
  const { step = 0, averageStep = 0 } = counters;
  return { ...moments, step, averageStep, ...(arrays['average'] === undefined ? {} : { average: part('average') }) };
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.slice().buffer);
}
