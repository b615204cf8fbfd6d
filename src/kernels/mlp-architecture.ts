import { ShapeError } from '../errors.ts';

/** Nonlinearity of the hidden layers: x·sigmoid(x), max(x, 0.01x), or tanh x. */
export type Activation = 'silu' | 'leaky-relu' | 'tanh';

/** Fully connected layers inputs → hidden… → outputs, the last one linear; no hidden layer makes a linear map. */
export interface MlpArchitecture {
  readonly inputs: number;
  readonly hidden: readonly number[];
  readonly outputs: number;
  readonly activation: Activation;
}

/** Sizes of the layers, inputs first. */
export function layerSizes({ inputs, hidden, outputs }: MlpArchitecture): number[] {
  return [inputs, ...hidden, outputs];
}

/** Number of weights and biases. */
export function countParameters(architecture: MlpArchitecture): number {
  const sizes = layerSizes(architecture);
  return sizes.slice(1).reduce((sum, size, l) => sum + size * (sizes[l]! + 1), 0);
}

/**
 * Initial parameters: weights and biases uniform on ±1/√fan-in, as is usual for such networks; `zeroLast` makes the net start as 0.
 *
 * @param uniform draws from [0, 1)
 */
export function initialParameters(architecture: MlpArchitecture, uniform: () => number, zeroLast = false): Float32Array {
  const sizes = layerSizes(architecture);
  const out = new Float32Array(countParameters(architecture));
  let at = 0;
  for (let l = 0; l + 1 < sizes.length; l++) {
    const bound = zeroLast && l + 2 === sizes.length ? 0 : 1 / Math.sqrt(sizes[l]!);
    const end = at + sizes[l + 1]! * (sizes[l]! + 1);
    for (; at < end; at++) out[at] = bound * (2 * uniform() - 1);
  }
  return out;
}

/** Refuses arrays that are not `count` rows of the architecture. */
export function checkBatch(
  { inputs, outputs }: MlpArchitecture,
  x: Float32Array,
  y: Float32Array,
  weights: Float32Array | undefined,
  count: number,
  maxBatch: number,
): void {
  if (!(count >= 1 && count <= maxBatch)) throw new ShapeError(`mlp: a batch of ${count} rows, at most ${maxBatch} fit; split it`);
  if (x.length < count * inputs || y.length < count * outputs || (weights !== undefined && weights.length < count)) {
    throw new ShapeError(`mlp: ${count} rows need ${count * inputs} inputs and ${count * outputs} targets, got ${x.length} and ${y.length}`);
  }
}
