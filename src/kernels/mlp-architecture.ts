import { ShapeError } from '../errors.ts';

/** Nonlinearity of the hidden layers: x·sigmoid(x), max(x, 0.01x), or tanh x. */
export type Activation = 'silu' | 'leaky-relu' | 'tanh';

/** Fully connected layers inputs → hidden… → outputs, the last one linear; no hidden layer makes a linear map. */
export interface MlpArchitecture {
  readonly inputs: number;
  readonly hidden: readonly number[];
  readonly outputs: number;
  readonly activation: Activation;
  /** Whether a hidden layer of the width of the one before is x + f(Wx + b) in place of f(Wx + b). @defaultValue `false` */
  readonly residual?: boolean;
}

/** Whether layer l, counted from 0, adds what it receives. */
export function isResidual({ hidden, residual = false }: MlpArchitecture, l: number): boolean {
  return residual && l > 0 && l < hidden.length && hidden[l] === hidden[l - 1];
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

/** Number of products in one evaluation of one row. */
export function countProducts(architecture: MlpArchitecture): number {
  const sizes = layerSizes(architecture);
  return sizes.slice(1).reduce((sum, size, l) => sum + size * sizes[l]!, 0);
}

/** How the weights of a layer are drawn, see {@link initialParameters}. */
export type InitialWeights = 'uniform' | 'orthogonal';

/**
 * Initial parameters: weights and biases uniform on ±1/√fan-in, as is usual for such networks; `zeroLast` makes the net start as 0.
 * `'orthogonal'` weights are uniform ones made orthogonal, of the same mean square: a layer that is wider than its inputs then keeps their
 * angles, where a uniform one not many times as wide nearly loses some directions.
 *
 * @param uniform draws from [0, 1)
 */
export function initialParameters(
  architecture: MlpArchitecture,
  uniform: () => number,
  zeroLast = false,
  weights: InitialWeights = 'uniform',
): Float32Array {
  const sizes = layerSizes(architecture);
  const out = new Float32Array(countParameters(architecture));
  let at = 0;
  for (let l = 0; l + 1 < sizes.length; l++) {
    const [rows, columns] = [sizes[l]!, sizes[l + 1]!];
    const bound = zeroLast && l + 2 === sizes.length ? 0 : 1 / Math.sqrt(rows);
    const end = at + columns * (rows + 1);
    for (let i = at; i < end; i++) out[i] = bound * (2 * uniform() - 1);
    if (weights === 'orthogonal' && bound > 0) orthogonalise(out.subarray(at, at + rows * columns), rows, columns, bound);
    at = end;
  }
  return out;
}

/** Makes the rows of a row-major matrix orthogonal, or its columns where they are fewer; the mean square is that of numbers uniform on ±bound. */
function orthogonalise(weights: Float32Array, rows: number, columns: number, bound: number): void {
  const [count, size] = rows <= columns ? [rows, columns] : [columns, rows];
  const place = (i: number, c: number): number => (rows <= columns ? i * columns + c : c * columns + i);
  const basis: Float64Array[] = [];
  for (let i = 0; i < count; i++) {
    const vector = Float64Array.from({ length: size }, (_, c) => weights[place(i, c)]!);
    // Twice is enough to remove what rounding leaves.
    for (let pass = 0; pass < 2; pass++) {
      for (const other of basis) {
        const along = vector.reduce((sum, value, c) => sum + value * other[c]!, 0);
        for (let c = 0; c < size; c++) vector[c]! -= along * other[c]!;
      }
    }
    const length = Math.hypot(...vector);
    basis.push(vector.map((value) => value / length));
  }
  const factor = bound * Math.sqrt(size / 3);
  basis.forEach((vector, i) => {
    vector.forEach((value, c) => {
      weights[place(i, c)] = factor * value;
    });
  });
}

/** Refuses a training batch that is not `count` rows of the architecture. */
export function checkBatch(
  { inputs, outputs }: MlpArchitecture,
  x: Float32Array,
  y: Float32Array,
  weights: Float32Array | undefined,
  count: number,
  maxBatch: number,
): void {
  if (!(Number.isInteger(count) && count >= 1 && count <= maxBatch)) {
    throw new ShapeError(`mlp: a batch must have 1 to ${maxBatch} rows, got ${count}; split it`);
  }
  if (x.length < count * inputs || y.length < count * outputs) {
    throw new ShapeError(
      `mlp: ${count} rows need ${count * inputs} inputs and ${count * outputs} targets, got ${x.length} and ${y.length}; pass full rows`,
    );
  }
  if (weights !== undefined && weights.length < count) {
    throw new ShapeError(`mlp: ${count} rows need ${count} weights, got ${weights.length}; pass one a row`);
  }
}

/** Refuses arrays of an evaluation that do not hold `count` rows of the architecture, less the inputs that they share. */
export function checkForward(
  { inputs, outputs }: MlpArchitecture,
  x: Float32Array,
  count: number,
  out: Float32Array,
  shared: Float32Array | undefined,
): void {
  if (!(Number.isInteger(count) && count >= 0)) throw new ShapeError(`mlp: count must be a whole number ≥ 0, got ${count}; round it`);
  const own = inputs - (shared?.length ?? 0);
  if (own < 1) throw new ShapeError(`mlp: rows share ${shared!.length} of ${inputs} inputs; leave them one of their own`);
  if (x.length < count * own || out.length < count * outputs) {
    const [needs, got] = [`${count * own} inputs and room for ${count * outputs} outputs`, `${x.length} and ${out.length}`];
    throw new ShapeError(`mlp: ${count} rows need ${needs}, got ${got}; pass full rows`);
  }
}

/** Refuses parameters, or a part of a state, of another architecture. */
export function checkLength(name: string, values: Float32Array, count: number): void {
  if (values.length !== count) {
    throw new ShapeError(`mlp: ${name} must have ${count} values, got ${values.length}; the architectures must be the same`);
  }
}
