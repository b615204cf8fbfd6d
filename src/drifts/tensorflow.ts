import { DomainError, FormatError, ShapeError } from '../errors.ts';
import type { AdamOptions } from '../kernels/adam.ts';
import { type Activation, initialParameters } from '../kernels/mlp-architecture.ts';
import { requireInteger, requireKnownOptions, requirePositive } from '../numerics/vectors.ts';
import type { ChainDrift, DriftModel, DriftModelContext, DriftModelSpec } from './drift-model.ts';
import { type InputFeatures, inputFeatures } from './input-features.ts';
import { packModelState, unpackModelState } from './model-state.ts';
import { forward, type TensorFlowEngine, type TensorFlowState, tensorflowEngine } from './tensorflow-engine.ts';
import {
  type LayersTemplate,
  layersTemplate,
  type NetworkMaker,
  type NetworkValues,
  perceptronMaker,
  shapesText,
  type TensorFlowNetwork,
} from './tensorflow-network.ts';
import { transposeOperandsOnWasm } from './tensorflow-products.ts';
import type { TensorFlow, TensorFlowLayersModel, TensorFlowOperations } from './tensorflow-types.ts';
import { requireTimeFeatures, type TimeFeatures } from './time-features.ts';

/** Options of `driftModels.tensorflow`. */
export interface TensorFlowOptions {
  /** The namespace of TensorFlow.js: of `loadTensorFlow()` in `viaduct/tensorflow`, or your own import. */
  readonly tf: TensorFlow;
  /**
   * Your own `LayersModel` in place of the multilayer perceptron: `[null, d + 1 + timeFeatures]` to `[null, d]`. It is copied, with its
   * weights, for each direction. @defaultValue a multilayer perceptron
   */
  readonly model?: TensorFlowLayersModel;
  /** Sizes of the hidden layers; not with `model`. @defaultValue `[64, 64]` */
  readonly hidden?: readonly number[];
  /** x·sigmoid(x), max(x, 0.01x) or tanh x; not with `model`. @defaultValue `'silu'` */
  readonly activation?: Activation;
  /** Whether a hidden layer of the width of the one before is x + f(Wx + b) in place of f(Wx + b); not with `model`. @defaultValue `false` */
  readonly residual?: boolean;
  /** Features of time beside t/T: a number of sin(πjt/T), cos(πjt/T), j = 1, 2, …, or other frequencies. @defaultValue `8` */
  readonly timeFeatures?: TimeFeatures;
  /** Decay of the running average of weights that a half-step ends with, per training step; 0 for the last weights. @defaultValue `0.99` */
  readonly ema?: number;
  /** A longer gradient is scaled down to this Euclidean norm; 0 for never. @defaultValue `10` */
  readonly clipNorm?: number;
}

/** Constants of Adam, as `driftModels.mlp` has them. */
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;
const PATH = 'driftModels.tensorflow';
const KNOWN = ['tf', 'model', 'hidden', 'activation', 'residual', 'timeFeatures', 'ema', 'clipNorm'] as const;

/**
 * Describes the drift of `driftModels.mlp`, or one with your own network, on TensorFlow.js: the same features, first parameters, Adam,
 * clipping and average of weights, in the operations of whichever backend `tf` has. On the WebAssembly backend its matrix product is
 * replaced by one that transposes operands first, which makes training three times faster.
 *
 * @throws DomainError when an option is unknown or out of range; ShapeError when `model` does not map one matrix to one matrix. A run
 * throws ShapeError when the widths of `model` are not those of its problem
 * @example
 * ```ts
 * import { driftModels } from 'viaduct';
 * import { loadTensorFlow } from 'viaduct/tensorflow';
 * const { tf } = await loadTensorFlow({ prefer: 'cpu' });
 * console.log(driftModels.tensorflow({ tf, hidden: [32] }).kind); // → tensorflow
 * ```
 * @see [kingma2015]
 */
export function tensorflow(options: TensorFlowOptions): DriftModelSpec {
  requireKnownOptions(PATH, options, KNOWN);
  const { model, ema = 0.99, clipNorm = 10 } = options;
  const tf = options.tf as unknown as TensorFlowOperations;
  if (typeof tf?.variableGrads !== 'function') {
    throw new DomainError(`${PATH}: tf must be the namespace of TensorFlow.js; pass that of loadTensorFlow() in viaduct/tensorflow`);
  }
  const timeFeatures = requireTimeFeatures(`${PATH}: timeFeatures`, options.timeFeatures ?? 8);
  if (!(ema >= 0 && ema < 1)) throw new DomainError(`${PATH}: ema must be in [0, 1), got ${ema}; pass 0.99, say, or 0 for no average`);
  if (clipNorm !== 0) requirePositive(`${PATH}: clipNorm`, clipNorm);
  const { shape, start } = model === undefined ? perceptronOf(tf, options) : layersOf(options, layersTemplate(tf, model));
  const identity = { kind: 'tensorflow', ...shape, timeFeatures, ema };
  return Object.freeze({
    kind: 'tensorflow',
    description: Object.freeze({ ...identity, clipNorm }),
    make(context: DriftModelContext) {
      transposeOperandsOnWasm(tf);
      const features = inputFeatures(context, timeFeatures);
      const { make, initial } = start(context, features.width);
      const engine = tensorflowEngine(tf, make, initial, { inputs: features.width, outputs: context.dimension }, ema);
      const adam = clipNorm === 0 ? ADAM : { ...ADAM, clipNorm };
      return tensorflowModel(tf, context, features, make, engine, adam, { ...identity, shapes: engine.shapes });
    },
  });
}

/** How the networks of one direction are made, and what they start from. */
interface Start {
  readonly make: NetworkMaker;
  readonly initial: NetworkValues;
}
interface Architecture {
  /** Plain data that identifies it. */
  readonly shape: { readonly [key: string]: unknown };
  start(context: DriftModelContext, inputs: number): Start;
}

function perceptronOf(tf: TensorFlowOperations, options: TensorFlowOptions): Architecture {
  const { activation = 'silu', residual = false } = options;
  if (options.hidden !== undefined && !Array.isArray(options.hidden)) {
    throw new DomainError(`${PATH}: hidden is no list of sizes but ${String(options.hidden)}; pass [64, 64], say`);
  }
  const hidden = Array.from(options.hidden ?? [64, 64], (size, i) => requireInteger(`${PATH}: hidden[${i}]`, size, 1));
  if (!['silu', 'leaky-relu', 'tanh'].includes(activation)) {
    throw new DomainError(`${PATH}: unknown activation '${String(activation)}'; use 'silu', 'leaky-relu' or 'tanh'`);
  }
  if (typeof residual !== 'boolean') throw new DomainError(`${PATH}: residual must be true or false, got ${String(residual)}; pass true`);
  return {
    shape: { hidden: Object.freeze(hidden), activation, residual },
    start({ dimension, random }, inputs) {
      const architecture = { inputs, hidden, outputs: dimension, activation, residual };
      const trainable = initialParameters(architecture, random.split('weights').uniform, true);
      return { make: perceptronMaker(tf, architecture), initial: { trainable, fixed: new Float32Array(0) } };
    },
  };
}

function layersOf(options: TensorFlowOptions, { inputShape, outputShape, layers, values, make }: LayersTemplate): Architecture {
  for (const name of ['hidden', 'activation', 'residual'] as const) {
    if (options[name] !== undefined) throw new DomainError(`${PATH}: ${name} has no meaning with model; leave out one of them`);
  }
  return {
    shape: { layers: Object.freeze([...layers]) },
    start({ dimension }, inputs) {
      if (inputShape[1] === inputs && outputShape[1] === dimension) return { make, initial: values };
      const [own, needed] = [
        shapesText([inputShape, outputShape], ' to '),
        shapesText(
          [
            [null, inputs],
            [null, dimension],
          ],
          ' to ',
        ),
      ];
      throw new ShapeError(
        `${PATH}: model maps ${own}, this problem needs ${needed} (t, ${inputs - dimension - 1} time features and ${dimension} coordinates); change the model or timeFeatures`,
      );
    },
  };
}

function tensorflowModel(
  tf: TensorFlowOperations,
  context: DriftModelContext,
  features: InputFeatures,
  make: NetworkMaker,
  engine: TensorFlowEngine,
  adam: Omit<AdamOptions, 'learningRate'>,
  identity: { readonly [key: string]: unknown },
): DriftModel {
  const { dimension, driftScale } = context;
  const widths = { inputs: features.width, outputs: dimension };
  const visitor = visitingNetwork(make);
  const evaluator = (run: TensorFlowEngine['forward']): ChainDrift['evaluate'] => evaluate(run, features, dimension, driftScale);
  return {
    dimension,
    evaluate: evaluator(engine.forward),
    affine: () => undefined,
    bytes: () => bytesOf(engine.values()),
    begin: () => engine.resetOptimiser(),
    step({ count, transitions, inputs, targets, weights }, learningRate) {
      const rows = new Float32Array(count * features.width);
      for (let i = 0; i < count; i++) features.write(transitions[i]!, inputs, i, rows, i);
      const scaled = Float32Array.from({ length: count * dimension }, (_, i) => targets[i]! / driftScale);
      return driftScale * driftScale * engine.trainStep(rows, scaled, weights, count, { ...adam, learningRate });
    },
    finish() {
      const averaged = engine.averaged();
      if (averaged !== undefined) engine.setParameters(averaged);
    },
    freeze() {
      const values = engine.values();
      return {
        dimension,
        evaluate: evaluator((x, rows, out) => visitor.with(values, (network) => forward(tf, network, widths, x, rows, out))),
        affine: () => undefined,
        bytes: () => bytesOf(values),
      };
    },
    save: () => saveState(identity, engine.state()),
    load: (bytes) => engine.restore(loadState(identity, bytes, engine)),
    dispose() {
      engine.dispose();
      visitor.close();
    },
  };
}

function saveState(identity: { readonly [key: string]: unknown }, { step, averageStep, ...arrays }: TensorFlowState): Uint8Array {
  return packModelState({ identity, counters: { step, averageStep }, arrays });
}

function loadState(
  identity: { readonly [key: string]: unknown },
  bytes: Uint8Array,
  { parameterCount, fixedCount }: TensorFlowEngine,
): TensorFlowState {
  const { counters, arrays } = unpackModelState(PATH, identity, bytes);
  const part = (name: keyof TensorFlowState, count = parameterCount): Float32Array => {
    const values = arrays[name];
    if (values?.length === count) return values;
    throw new FormatError(
      `${PATH}: the state has ${values?.length ?? 'no'} ${name}, this net ${count}; load what save() of the same model gave`,
    );
  };
  const { step = 0, averageStep = 0 } = counters;
  return {
    parameters: part('parameters'),
    firstMoment: part('firstMoment'),
    secondMoment: part('secondMoment'),
    average: part('average'),
    fixed: part('fixed', fixedCount),
    step,
    averageStep,
  };
}

/** One network that the frozen drifts of a model use in turn, so that a run of many half-steps holds no more tensors than one of few. */
function visitingNetwork(make: NetworkMaker) {
  let network: TensorFlowNetwork | undefined;
  let owner: NetworkValues | undefined;
  let closed = false;
  const free = (): void => {
    network?.dispose();
    network = undefined;
    owner = undefined;
  };
  return {
    /** Runs with the network that has these values. */
    with(values: NetworkValues, run: (network: TensorFlowNetwork) => void): void {
      if (network === undefined || owner !== values) {
        free();
        network = make(values);
        owner = values;
      }
      run(network);
      // After the run nobody will close it again.
      if (closed) free();
    },
    close(): void {
      closed = true;
      free();
    },
  };
}

function evaluate(
  run: TensorFlowEngine['forward'],
  features: InputFeatures,
  dimension: number,
  driftScale: number,
): ChainDrift['evaluate'] {
  return (transition, x, out) => {
    const count = x.length / dimension;
    const rows = new Float32Array(count * features.width);
    for (let i = 0; i < count; i++) features.write(transition, x, i, rows, i);
    const values = new Float32Array(count * dimension);
    run(rows, count, values);
    for (let i = 0; i < values.length; i++) out[i] = driftScale * values[i]!;
  };
}

function bytesOf({ trainable, fixed }: NetworkValues): Uint8Array {
  const all = new Float32Array(trainable.length + fixed.length);
  all.set(trainable);
  all.set(fixed, trainable.length);
  return new Uint8Array(all.buffer);
}
