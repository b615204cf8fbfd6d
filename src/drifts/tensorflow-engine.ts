import { type AdamOptions, adamFactors, integerPower } from '../kernels/adam.ts';
import type { MlpEngine, MlpState } from '../kernels/mlp-engine.ts';
import { flatten, type NetworkMaker, type NetworkValues, readValues, sizeOf, writeValues } from './tensorflow-network.ts';
import type { TensorFlowOperations, TensorFlowTensor, TensorFlowVariable } from './tensorflow-types.ts';

/** Everything needed to go on with the same bits: what the embedded engine keeps, and the numbers that training does not change. */
export interface TensorFlowState extends MlpState {
  readonly average: Float32Array;
  readonly fixed: Float32Array;
}

/** The embedded engine's interface on TensorFlow.js; `weights` are always given. */
export interface TensorFlowEngine
  extends Pick<MlpEngine, 'parameterCount' | 'forward' | 'gradient' | 'trainStep' | 'resetOptimiser' | 'averaged'> {
  readonly fixedCount: number;
  /** Shapes of the variables that training changes. */
  readonly shapes: readonly (readonly number[])[];
  values(): NetworkValues;
  setParameters(values: Float32Array): void;
  state(): TensorFlowState;
  restore(state: TensorFlowState): void;
  /** Frees every tensor; the engine is not used afterwards. */
  dispose(): void;
}

/** Rows evaluated at a time. */
const BLOCK = 2048;

/**
 * Trains a network on the mean of w_i |net(x_i) − y_i|² by Adam with bias correction and clipping, and keeps an exponential average of its
 * parameters; the arithmetic of the embedded engine, in TensorFlow.js. The optimiser works on all parameters as one vector, and every call
 * is one `tf.tidy`: the number of tensors stays what it was.
 *
 * @see [kingma2015]
 */
export function tensorflowEngine(
  tf: TensorFlowOperations,
  make: NetworkMaker,
  initial: NetworkValues,
  widths: { readonly inputs: number; readonly outputs: number },
  emaDecay: number,
): TensorFlowEngine {
  const { inputs: n, outputs: m } = widths;
  const network = make(initial);
  const { trainable } = network;
  const shapes = trainable.map(({ shape }) => shape);
  const sizes = shapes.map(sizeOf);
  const count = initial.trainable.length;
  const vector = (): TensorFlowVariable => tf.tidy(() => tf.variable(tf.zeros([count]), false));
  const [first, second, average] = [vector(), vector(), vector()];
  const moments = [first, second, average];
  let step = 0;
  let averageStep = 0;

  const matrix = (values: Float32Array, rows: number, columns: number): TensorFlowTensor =>
    tf.tensor(values.slice(0, rows * columns), [rows, columns]);
  /** Loss and its gradient as one vector; inside a tidy. */
  const slope = (inputs: Float32Array, targets: Float32Array, weights: Float32Array | undefined, rows: number) => {
    const [x, y] = [matrix(inputs, rows, n), matrix(targets, rows, m)];
    const w = matrix(weights ?? new Float32Array(rows).fill(1), rows, 1);
    const loss = (): TensorFlowTensor => tf.div(tf.sum(tf.mul(w, tf.square(tf.sub(network.apply(x, true), y)))), rows);
    const { value, grads } = tf.variableGrads(loss, [...trainable]);
    // A variable that the values do not depend on has no gradient.
    return {
      loss: value,
      gradient: flatten(
        tf,
        trainable.map(({ name, shape }) => grads[name] ?? tf.zeros(shape)),
      ),
    };
  };
  const setParameters = (values: TensorFlowTensor): void => {
    tf.split(values, sizes).forEach((part, i) => trainable[i]!.assign(tf.reshape(part, shapes[i]!)));
  };
  const fill = (variable: TensorFlowVariable, values: Float32Array): void => variable.assign(tf.tensor(values.slice(), [count]));
  const read = (variable: TensorFlowVariable): Float32Array => Float32Array.from(variable.dataSync());

  return {
    parameterCount: count,
    fixedCount: initial.fixed.length,
    shapes,
    values: () => readValues(tf, network),
    setParameters: (values) => tf.tidy(() => setParameters(tf.tensor(values.slice(), [count]))),
    forward(inputs, rows, out) {
      forward(tf, network, widths, inputs, rows, out);
    },
    gradient: (inputs, targets, weights, rows) =>
      tf.tidy(() => {
        const { loss, gradient } = slope(inputs, targets, weights, rows);
        return { loss: loss.dataSync()[0]!, gradient: Float32Array.from(gradient.dataSync()) };
      }),
    trainStep(inputs, targets, weights, rows, options) {
      const loss = tf.tidy(() => {
        const { alpha1, alpha2, rate, correction, epsilon } = adamFactors(options, step + 1);
        const { loss, gradient } = slope(inputs, targets, weights, rows);
        const g = clipped(tf, gradient, options);
        first.assign(tf.add(first, tf.mul(tf.sub(g, first), alpha1)));
        second.assign(tf.add(second, tf.mul(tf.sub(tf.square(g), second), alpha2)));
        const length = tf.add(tf.sqrt(tf.mul(second, correction)), epsilon);
        const next = tf.sub(flatten(tf, trainable), tf.div(tf.mul(first, rate), length));
        setParameters(next);
        if (emaDecay > 0) average.assign(tf.add(average, tf.mul(tf.sub(next, average), 1 - emaDecay)));
        return loss.dataSync()[0]!;
      });
      step++;
      if (emaDecay > 0) averageStep++;
      return loss;
    },
    resetOptimiser() {
      tf.tidy(() => moments.forEach((variable) => variable.assign(tf.zeros([count]))));
      step = 0;
      averageStep = 0;
    },
    averaged: () => (averageStep === 0 ? undefined : read(average).map((x) => x / (1 - integerPower(emaDecay, averageStep)))),
    state() {
      const { trainable: parameters, fixed: others } = readValues(tf, network);
      return {
        parameters,
        firstMoment: read(first),
        secondMoment: read(second),
        step,
        average: read(average),
        averageStep,
        fixed: others,
      };
    },
    restore(state) {
      writeValues(tf, network, { trainable: state.parameters, fixed: state.fixed });
      tf.tidy(() => [state.firstMoment, state.secondMoment, state.average].forEach((values, i) => fill(moments[i]!, values)));
      step = state.step;
      averageStep = state.averageStep;
    },
    dispose() {
      network.dispose();
      for (const variable of moments) variable.dispose();
    },
  };
}

/** out = net(inputs) in blocks. */
export function forward(
  tf: TensorFlowOperations,
  network: ReturnType<NetworkMaker>,
  { inputs: n, outputs: m }: { readonly inputs: number; readonly outputs: number },
  inputs: Float32Array,
  rows: number,
  out: Float32Array,
): void {
  for (let from = 0; from < rows; from += BLOCK) {
    const to = Math.min(rows, from + BLOCK);
    const values = tf.tidy(() => network.apply(tf.tensor(inputs.slice(from * n, to * n), [to - from, n]), false).dataSync());
    out.set(values, from * m);
  }
}

/** The gradient, scaled down to the allowed length when it is longer. */
function clipped(tf: TensorFlowOperations, gradient: TensorFlowTensor, { clipNorm }: AdamOptions): TensorFlowTensor {
  if (clipNorm === undefined) return gradient;
  return tf.mul(gradient, tf.minimum(tf.div(clipNorm, tf.sqrt(tf.sum(tf.square(gradient)))), 1));
}
