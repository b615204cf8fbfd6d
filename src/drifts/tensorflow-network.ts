import { DomainError, ShapeError } from '../errors.ts';
import { isResidual, layerSizes, type MlpArchitecture } from '../kernels/mlp-architecture.ts';
import type { TensorFlowLayersModel, TensorFlowOperations, TensorFlowTensor, TensorFlowVariable } from './tensorflow-types.ts';

/** A network on a TensorFlow.js backend; rows of features in, rows of drifts out. */
export interface TensorFlowNetwork {
  /** What training changes, in a fixed order. */
  readonly trainable: readonly TensorFlowVariable[];
  /** What else the values depend on: running means of normalising layers, frozen layers. */
  readonly fixed: readonly TensorFlowVariable[];
  /** Tells layers that behave otherwise in training (dropout, normalisation) which it is. */
  apply(x: TensorFlowTensor, training: boolean): TensorFlowTensor;
  dispose(): void;
}

/** Numbers of a network, variable after variable, each row-major. */
export interface NetworkValues {
  readonly trainable: Float32Array;
  readonly fixed: Float32Array;
}

/** Makes networks of one architecture. */
export type NetworkMaker = (values: NetworkValues) => TensorFlowNetwork;

/** Makes multilayer perceptrons; their numbers are listed as the embedded engine lists them: weights, then biases, layer by layer. */
export function perceptronMaker(tf: TensorFlowOperations, architecture: MlpArchitecture): NetworkMaker {
  const sizes = layerSizes(architecture);
  const shapes = sizes.slice(1).flatMap((m, l) => [[sizes[l]!, m], [m]]);
  return ({ trainable: values }) => {
    const trainable = tf.tidy(() => partsOf(values, shapes).map(([part, shape]) => tf.variable(tf.tensor(part, shape))));
    return {
      trainable,
      fixed: [],
      apply: (x) => perceptron(tf, architecture, trainable, x),
      dispose: () => trainable.forEach((variable) => variable.dispose()),
    };
  };
}

function perceptron(
  tf: TensorFlowOperations,
  architecture: MlpArchitecture,
  p: readonly TensorFlowVariable[],
  x: TensorFlowTensor,
): TensorFlowTensor {
  const { hidden, activation } = architecture;
  const affine = (l: number, values: TensorFlowTensor) => tf.add(tf.matMul(values, p[2 * l]!), p[2 * l + 1]!);
  let values = x;
  for (let l = 0; l < hidden.length; l++) {
    const next = activate(tf, activation, affine(l, values));
    values = isResidual(architecture, l) ? tf.add(values, next) : next;
  }
  return affine(hidden.length, values);
}

function activate(tf: TensorFlowOperations, kind: MlpArchitecture['activation'], x: TensorFlowTensor): TensorFlowTensor {
  if (kind === 'silu') return tf.mul(x, tf.sigmoid(x));
  return kind === 'tanh' ? tf.tanh(x) : tf.leakyRelu(x, 0.01);
}

/** The class of a `LayersModel`: what can be rebuilt from its configuration, and called on a matrix. */
interface ModelClass {
  fromConfig(
    cls: unknown,
    config: unknown,
  ): Omit<TensorFlowLayersModel, 'apply'> & {
    apply(x: TensorFlowTensor, options: { readonly training: boolean }): unknown;
  };
}

/** A user's model as it was when it was handed over, with what is needed to make copies of it. */
export interface LayersTemplate {
  readonly inputShape: readonly (number | null)[];
  readonly outputShape: readonly (number | null)[];
  /** Class and output shape of each layer, for reports. */
  readonly layers: readonly string[];
  readonly values: NetworkValues;
  readonly make: NetworkMaker;
}

/**
 * Reads a user's model; it is neither kept nor changed.
 *
 * @throws ShapeError when it has not one input and one output, both matrices with a row for each point
 */
export function layersTemplate(tf: TensorFlowOperations, model: TensorFlowLayersModel): LayersTemplate {
  if (!Array.isArray(model?.inputs) || !Array.isArray(model.outputs) || typeof model.getConfig !== 'function') {
    throw new DomainError(
      `driftModels.tensorflow: model is no LayersModel but ${String(model)}; pass tf.sequential() with its layers, say`,
    );
  }
  const [inputs, outputs] = [model.inputs.map(({ shape }) => shape), model.outputs.map(({ shape }) => shape)];
  if (inputs.length !== 1 || outputs.length !== 1 || inputs[0]!.length !== 2 || outputs[0]!.length !== 2) {
    throw new ShapeError(
      `driftModels.tensorflow: model must map one matrix to one matrix, got inputs ${shapesText(inputs)} and outputs ${shapesText(outputs)}; pass a model from [null, features] to [null, dimension]`,
    );
  }
  const modelClass = model.constructor as unknown as ModelClass;
  const config = model.getConfig();
  const make: NetworkMaker = (values) =>
    tf.tidy(() => {
      // Rebuilding consumes the configuration.
      const copy = modelClass.fromConfig(modelClass, structuredClone(config));
      const network = {
        trainable: variablesOf(copy.trainableWeights),
        fixed: variablesOf(copy.nonTrainableWeights),
        apply: (x: TensorFlowTensor, training: boolean) => copy.apply(x, { training }) as TensorFlowTensor,
        dispose: () => void copy.dispose(),
      };
      writeValues(tf, network, values);
      return network;
    });
  return {
    inputShape: inputs[0]!,
    outputShape: outputs[0]!,
    layers: model.layers.map((layer) => `${layer.getClassName()} ${JSON.stringify(layer.outputShape)}`),
    values: readValues(tf, { trainable: variablesOf(model.trainableWeights), fixed: variablesOf(model.nonTrainableWeights) }),
    make,
  };
}

/** The shapes as a person writes them. */
export function shapesText(shapes: readonly (readonly (number | null)[])[], between = ', '): string {
  return shapes.map((shape) => `[${shape.map((size) => size ?? 'null').join(', ')}]`).join(between);
}

function variablesOf(weights: TensorFlowLayersModel['trainableWeights']): TensorFlowVariable[] {
  return weights.map((weight) => weight.read() as TensorFlowVariable);
}

/** The numbers of a network, copied out. */
export function readValues(tf: TensorFlowOperations, { trainable, fixed }: Pick<TensorFlowNetwork, 'trainable' | 'fixed'>): NetworkValues {
  return { trainable: readFlat(tf, trainable), fixed: readFlat(tf, fixed) };
}

/** Puts numbers into a network. */
export function writeValues(
  tf: TensorFlowOperations,
  network: Pick<TensorFlowNetwork, 'trainable' | 'fixed'>,
  values: NetworkValues,
): void {
  tf.tidy(() => {
    for (const kind of ['trainable', 'fixed'] as const) {
      const shapes = network[kind].map(({ shape }) => shape);
      partsOf(values[kind], shapes).forEach(([part, shape], i) => network[kind][i]!.assign(tf.tensor(part, shape)));
    }
  });
}

function readFlat(tf: TensorFlowOperations, tensors: readonly TensorFlowTensor[]): Float32Array {
  if (tensors.length === 0) return new Float32Array(0);
  return tf.tidy(() => Float32Array.from(flatten(tf, tensors).dataSync()));
}

/** Tensors one after the other as one vector. */
export function flatten(tf: TensorFlowOperations, tensors: readonly TensorFlowTensor[]): TensorFlowTensor {
  return tf.concat(tensors.map((tensor) => tf.reshape(tensor, [sizeOf(tensor.shape)])));
}

/** Number of entries of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, n) => size * n, 1);
}

/** Copies: a backend may keep the array it is given. */
function partsOf(values: Float32Array, shapes: readonly number[][]): [Float32Array, number[]][] {
  let at = 0;
  return shapes.map((shape) => [values.slice(at, (at += sizeOf(shape))), shape]);
}
