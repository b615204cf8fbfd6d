import type { MlpArchitecture } from '../../src/kernels/mlp-architecture.ts';

const ACTIVATIONS: Record<MlpArchitecture['activation'], (x: number) => number> = {
  silu: (x) => x / (1 + Math.exp(-x)),
  'leaky-relu': (x) => Math.max(x, 0.01 * x),
  tanh: Math.tanh,
};

/** Outputs of the net for one row, in doubles, written from the definition: an oracle that shares no code with the engines. */
export function referenceRow(
  { inputs, hidden, outputs, activation, residual = false }: MlpArchitecture,
  p: ArrayLike<number>,
  x: readonly number[],
): number[] {
  const sizes = [...hidden, outputs];
  let values = [...x];
  let at = 0;
  let n = inputs;
  sizes.forEach((m, l) => {
    // From hidden layer to hidden layer of the same width only.
    const adds = residual && l >= 1 && l + 1 < sizes.length && m === n;
    values = Array.from({ length: m }, (_, j) => {
      const sum = values.reduce((total, value, k) => total + value * p[at + k * m + j]!, p[at + n * m + j]!);
      return l + 1 === sizes.length ? sum : ACTIVATIONS[activation](sum) + (adds ? values[j]! : 0);
    });
    at += m * (n + 1);
    n = m;
  });
  return values;
}

/** (1/count) Σ_i w_i |net(x_i) − y_i|² in doubles. */
export function referenceLoss(
  architecture: MlpArchitecture,
  p: ArrayLike<number>,
  x: Float32Array,
  y: Float32Array,
  weights: Float32Array | undefined,
  count: number,
): number {
  const { inputs, outputs } = architecture;
  let loss = 0;
  for (let i = 0; i < count; i++) {
    const out = referenceRow(architecture, p, Array.from(x.subarray(i * inputs, (i + 1) * inputs)));
    for (let j = 0; j < outputs; j++) loss += (weights?.[i] ?? 1) * (out[j]! - y[i * outputs + j]!) ** 2;
  }
  return loss / count;
}

/** Central differences of the reference loss in doubles. */
export function referenceGradient(
  architecture: MlpArchitecture,
  p: Float32Array,
  x: Float32Array,
  y: Float32Array,
  weights: Float32Array | undefined,
  count: number,
): Float64Array {
  const h = 1e-6;
  return Float64Array.from(p, (_, i) => {
    const at = (shift: number): number => {
      const moved = Float64Array.from(p);
      moved[i]! += shift;
      return referenceLoss(architecture, moved, x, y, weights, count);
    };
    return (at(h) - at(-h)) / (2 * h);
  });
}
