import { Matrix } from 'ml-matrix';
import { type LinearProcess, linearProcess } from './linear-process.ts';
import type { Reference } from './reference.ts';

/** A process whose coefficients are multiples of the identity: dX = (c_t (X − mean)) dt + g_t dW. */
export interface ScalarProcess {
  readonly kind: LinearProcess['kind'];
  readonly path: string;
  readonly horizon: number;
  /** What the drift pulls towards: a number for every coordinate, or a vector, which fixes the dimension. */
  readonly mean?: number | Float64Array;
  /** c_t. */
  readonly rate: (t: number) => number;
  /** g_t. */
  readonly diffusion: (t: number) => number;
  /** τ_t/τ_s = exp ∫_s^t c. */
  readonly contraction: (s: number, t: number) => number;
  /** Variance of X_t given X_s, free of cancellation. */
  readonly variance: (s: number, t: number) => number;
}

/** Makes the reference of a scalar process. */
export function scalarProcess(process: ScalarProcess): Reference {
  const { mean = 0, rate, diffusion, contraction, variance } = process;
  const pull = (factor: number, dimension: number): Float64Array =>
    typeof mean === 'number' ? new Float64Array(dimension).fill(factor === 0 ? 0 : factor * mean) : mean.map((m) => factor * m);
  return linearProcess({
    kind: process.kind,
    path: process.path,
    horizon: process.horizon,
    ...(typeof mean === 'number' ? {} : { dimension: mean.length }),
    diffusion,
    coefficients: (t, dimension) => ({ matrix: Matrix.eye(dimension, dimension, rate(t)), offset: pull(-rate(t), dimension) }),
    transition(s, t, dimension) {
      const tau = contraction(s, t);
      return {
        matrix: Matrix.eye(dimension, dimension, tau),
        offset: pull(1 - tau, dimension),
        covariance: Matrix.eye(dimension, dimension, variance(s, t)),
      };
    },
  });
}
