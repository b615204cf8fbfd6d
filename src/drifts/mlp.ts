import { FormatError } from '../errors.ts';
import { initialParameters, type MlpArchitecture } from '../kernels/mlp-architecture.ts';
import { type AdamOptions, createMlpEngine, type MlpEngine, type MlpState, mlpEngineBytes } from '../kernels/mlp-engine.ts';
import { requireInteger, requireKnownOptions } from '../numerics/vectors.ts';
import type { ChainDrift, DriftModel, DriftModelContext, DriftModelSpec } from './drift-model.ts';
import { type InputFeatures, inputFeatures } from './input-features.ts';
import { packModelState, unpackModelState } from './model-state.ts';
import { outputScales, PERCEPTRON_OPTIONS, type PerceptronOptions, requirePerceptron } from './perceptron-options.ts';
import { timeFeatureRow } from './time-features.ts';

/** Options of `driftModels.mlp`. */
export interface MlpOptions extends PerceptronOptions {
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
  requireKnownOptions(PATH, options, [...PERCEPTRON_OPTIONS, 'threads']);
  const { threads = 'auto', ...perceptron } = options;
  const shape = requirePerceptron(PATH, perceptron);
  if (threads !== 'auto') requireInteger(`${PATH}: threads`, threads, 1);
  return Object.freeze({
    kind: 'mlp',
    // Not the threads: they change nothing.
    description: Object.freeze({ kind: 'mlp', ...shape }),
    make: (context: DriftModelContext) => makeMlp(context, { ...shape, threads }),
  });
}

/** Bytes that a model of {@link mlp} with these options holds: its engine, and the rows of a batch on their way there. */
export function mlpBytes(options: MlpOptions, { dimension, batchSize }: Pick<DriftModelContext, 'dimension' | 'batchSize'>): number {
  const { hidden, activation, residual, timeFeatures, ema } = requirePerceptron(PATH, options);
  const inputs = timeFeatureRow(timeFeatures, 0).length + dimension;
  const maxBatch = Math.max(batchSize, LEAST_BATCH);
  const architecture = { inputs, hidden, outputs: dimension, activation, residual };
  return (
    mlpEngineBytes(architecture, { maxBatch, emaDecay: ema, threads: options.threads ?? 'auto' }) + 4 * maxBatch * (inputs + dimension + 1)
  );
}

function makeMlp(context: DriftModelContext, options: Resolved): DriftModel {
  const { hidden, activation, residual, outputScale, initialWeights, timeFeatures, ema, clipNorm, threads } = options;
  const { dimension, driftScale, batchSize, random } = context;
  const scales = outputScales(PATH, context, outputScale);
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
