// What drift models use of TensorFlow.js, as types of shape alone: whoever does not have it compiles all the same.

/** A tensor. */
export interface TensorFlowTensor {
  readonly shape: number[];
  dataSync(): ArrayLike<number>;
  dispose(): void;
}

/** A tensor whose values can be replaced. */
export interface TensorFlowVariable extends TensorFlowTensor {
  readonly name: string;
  assign(value: TensorFlowTensor): void;
}

/** A weight of a layer: `read()` gives its variable. */
export interface TensorFlowWeight {
  readonly name: string;
  read(): TensorFlowTensor;
}

/** A `LayersModel` (`tf.model`, `tf.sequential`, `tf.loadLayersModel`) as far as drift models use it. */
export interface TensorFlowLayersModel {
  readonly inputs: readonly { readonly shape: readonly (number | null)[] }[];
  readonly outputs: readonly { readonly shape: readonly (number | null)[] }[];
  readonly layers: readonly { getClassName(): string; readonly outputShape: unknown }[];
  readonly trainableWeights: readonly TensorFlowWeight[];
  readonly nonTrainableWeights: readonly TensorFlowWeight[];
  getConfig(): unknown;
  // The real one takes more than tensors; typed so that it fits.
  apply(...given: never): unknown;
  dispose(): unknown;
}

/** A kernel of a backend, as TensorFlow.js registers it. */
export interface TensorFlowKernel {
  readonly kernelName: string;
  readonly backendName: string;
  kernelFunc(parameters: { inputs: object; backend: unknown; attrs?: object }): unknown;
}

/** The operations that are used, as they are used. */
export interface TensorFlowOperations {
  getBackend(): string;
  memory(): { numTensors: number; numBytes: number };
  tidy<T>(run: () => T): T;
  tensor(values: Float32Array, shape: number[]): TensorFlowTensor;
  variable(initial: TensorFlowTensor, trainable?: boolean): TensorFlowVariable;
  variableGrads(
    loss: () => TensorFlowTensor,
    variables: TensorFlowVariable[],
  ): { value: TensorFlowTensor; grads: { [name: string]: TensorFlowTensor } };
  add(a: TensorFlowTensor, b: TensorFlowTensor | number): TensorFlowTensor;
  sub(a: TensorFlowTensor, b: TensorFlowTensor | number): TensorFlowTensor;
  mul(a: TensorFlowTensor, b: TensorFlowTensor | number): TensorFlowTensor;
  div(a: TensorFlowTensor | number, b: TensorFlowTensor | number): TensorFlowTensor;
  minimum(a: TensorFlowTensor, b: TensorFlowTensor | number): TensorFlowTensor;
  sqrt(x: TensorFlowTensor): TensorFlowTensor;
  square(x: TensorFlowTensor): TensorFlowTensor;
  sum(x: TensorFlowTensor): TensorFlowTensor;
  sigmoid(x: TensorFlowTensor): TensorFlowTensor;
  tanh(x: TensorFlowTensor): TensorFlowTensor;
  leakyRelu(x: TensorFlowTensor, slope: number): TensorFlowTensor;
  matMul(a: TensorFlowTensor, b: TensorFlowTensor): TensorFlowTensor;
  zeros(shape: number[]): TensorFlowTensor;
  concat(parts: TensorFlowTensor[]): TensorFlowTensor;
  split(x: TensorFlowTensor, sizes: number[]): TensorFlowTensor[];
  reshape(x: TensorFlowTensor, shape: number[]): TensorFlowTensor;
  getKernel(kernelName: string, backendName: string): TensorFlowKernel | undefined;
  registerKernel(kernel: TensorFlowKernel): void;
  unregisterKernel(kernelName: string, backendName: string): void;
}

/** The namespace `tf` of `@tensorflow/tfjs`, `@tensorflow/tfjs-node` or `@tensorflow/tfjs-node-gpu`: it has these functions and more. */
export type TensorFlow = Pick<TensorFlowOperations, 'getBackend' | 'memory'> & {
  readonly [name in keyof TensorFlowOperations]: (...given: never) => unknown;
};
