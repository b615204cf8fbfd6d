import { DomainError, FormatError, ShapeError } from '../errors.ts';
import type { AdamOptions } from '../kernels/adam.ts';
import { initialParameters } from '../kernels/mlp-architecture.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';
import type { ChainDrift, DriftModel, DriftModelContext, DriftModelSpec } from './drift-model.ts';
import { type InputFeatures, inputFeatures } from './input-features.ts';
import { packModelState, unpackModelState } from './model-state.ts';
import { outputScales, PERCEPTRON_OPTIONS, type PerceptronOptions, requirePerceptron } from './perceptron-options.ts';
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

/** Options of `driftModels.tensorflow`: those of `driftModels.mlp` but the threads. */
export interface TensorFlowOptions extends PerceptronOptions {
  /** The namespace of TensorFlow.js: of `loadTensorFlow()` in `viaduct/tensorflow`, or your own import. */
  readonly tf: TensorFlow;
  /**
   * Your own `LayersModel` in place of the multilayer perceptron: `[null, d + 1 + timeFeatures]` to `[null, d]`. It is copied, with its
   * weights, for each direction; `hidden`, `activation`, `residual` and `initialWeights` have no meaning then.
   * @defaultValue a multilayer perceptron
   */
  readonly model?: TensorFlowLayersModel;
}

/** Constants of Adam, as `driftModels.mlp` has them. */
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;
const PATH = 'driftModels.tensorflow';
/** What a model of one's own has decided already. */
const OF_PERCEPTRON = ['hidden', 'activation', 'residual', 'initialWeights'] as const;

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
  requireKnownOptions(PATH, options, ['tf', 'model', ...PERCEPTRON_OPTIONS]);
  const { tf: namespace, model, ...perceptron } = options;
  const tf = namespace as unknown as TensorFlowOperations;
  if (typeof tf?.variableGrads !== 'function') {
    throw new DomainError(`${PATH}: tf must be the namespace of TensorFlow.js; pass that of loadTensorFlow() in viaduct/tensorflow`);
  }
  const resolved = requirePerceptron(PATH, perceptron);
  const { timeFeatures, ema, clipNorm, outputScale } = resolved;
  const { shape, start } = model === undefined ? perceptronOf(tf, resolved) : layersOf(options, layersTemplate(tf, model));
  const identity = { kind: 'tensorflow', ...shape, timeFeatures, ema, ...(outputScale === 'constant' ? {} : { outputScale }) };
  return Object.freeze({
    kind: 'tensorflow',
    description: Object.freeze({ ...identity, clipNorm }),
    make(context: DriftModelContext) {
      transposeOperandsOnWasm(tf);
      const features = inputFeatures(context, timeFeatures);
      const { make, initial } = start(context, features.width);
      const scales = outputScales(PATH, context, outputScale);
      const engine = tensorflowEngine(tf, make, initial, { inputs: features.width, outputs: context.dimension }, ema);
      const adam = clipNorm === 0 ? ADAM : { ...ADAM, clipNorm };
      return tensorflowModel(tf, context, features, scales, make, engine, adam, { ...identity, shapes: engine.shapes });
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

function perceptronOf(tf: TensorFlowOperations, options: Required<PerceptronOptions>): Architecture {
  const { hidden, activation, residual, initialWeights } = options;
  return {
    shape: { hidden, activation, residual, ...(initialWeights === 'uniform' ? {} : { initialWeights }) },
    start({ dimension, random }, inputs) {
      const architecture = { inputs, hidden, outputs: dimension, activation, residual };
      const trainable = initialParameters(architecture, random.split('weights').uniform, true, initialWeights);
      return { make: perceptronMaker(tf, architecture), initial: { trainable, fixed: new Float32Array(0) } };
    },
  };
}

function layersOf(options: TensorFlowOptions, { inputShape, outputShape, layers, values, make }: LayersTemplate): Architecture {
  for (const name of OF_PERCEPTRON) {
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
  scales: Float64Array,
  make: NetworkMaker,
  engine: TensorFlowEngine,
  adam: Omit<AdamOptions, 'learningRate'>,
  identity: { readonly [key: string]: unknown },
): DriftModel {
  const { dimension, driftScale } = context;
  const widths = { inputs: features.width, outputs: dimension };
  const visitor = visitingNetwork(make);
  const evaluator = (run: TensorFlowEngine['forward']): ChainDrift['evaluate'] => evaluate(run, features, dimension, scales);
  return {
    dimension,
    evaluate: evaluator(engine.forward),
    affine: () => undefined,
    bytes: () => bytesOf(engine.values()),
    begin: () => engine.resetOptimiser(),
    step({ count, transitions, inputs, targets, weights }, learningRate) {
      const rows = new Float32Array(count * features.width);
      for (let i = 0; i < count; i++) features.write(transitions[i]!, inputs, i, rows, i);
      const scaled = new Float32Array(count * dimension);
      const weighed = new Float32Array(count);
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

/**
 * One network that the frozen drifts of a model use in turn, so that a run of many half-steps holds no more tensors than one of few. After the
 * run it lasts as long as the calculation that wanted it, a simulation of many steps, say.
 */
function visitingNetwork(make: NetworkMaker) {
  let network: TensorFlowNetwork | undefined;
  let owner: NetworkValues | undefined;
  let closed = false;
  let leaving = false;
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
      // After the run nobody will close it again: it is freed once the code that runs now has returned.
      if (closed && !leaving) {
        leaving = true;
        void Promise.resolve().then(() => {
          leaving = false;
          free();
        });
      }
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
  scales: Float64Array,
): ChainDrift['evaluate'] {
  return (transition, x, out) => {
    const count = x.length / dimension;
    const rows = new Float32Array(count * features.width);
    for (let i = 0; i < count; i++) features.write(transition, x, i, rows, i);
    const values = new Float32Array(count * dimension);
    run(rows, count, values);
    const scale = scales[transition]!;
    for (let i = 0; i < values.length; i++) out[i] = scale * values[i]!;
  };
}

function bytesOf({ trainable, fixed }: NetworkValues): Uint8Array {
  const all = new Float32Array(trainable.length + fixed.length);
  all.set(trainable);
  all.set(fixed, trainable.length);
  return new Uint8Array(all.buffer);
}
