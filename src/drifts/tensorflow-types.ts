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
  /** One input: a row for each point. */
  readonly inputs: readonly { readonly shape: readonly (number | null)[] }[];
  /** One output: a row for each point. */
  readonly outputs: readonly { readonly shape: readonly (number | null)[] }[];
  /** Named in the description of the drift model. */
  readonly layers: readonly TensorFlowLayer[];
  /** What training changes. */
  readonly trainableWeights: readonly TensorFlowWeight[];
  /** What it does not change: running means of normalising layers, frozen layers. */
  readonly nonTrainableWeights: readonly TensorFlowWeight[];
  /** What `fromConfig` of its class rebuilds it from. */
  getConfig(): unknown;
  /** Its values; the real one takes more than tensors, so it is typed to fit. */
  apply(...given: never): unknown;
  /** Frees its weights. */
  dispose(): unknown;
}

/** A layer, as far as it is described. */
export interface TensorFlowLayer {
  /** Its class. */
  getClassName(): string;
  /** Shape of what it gives. */
  readonly outputShape: unknown;
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
