import { Matrix } from 'ml-matrix';
import { composeKernels, type GaussianKernel } from '../numerics/affine.ts';
import { matrixExponential } from '../numerics/matrix-exponential.ts';
import type { VectorLike } from '../numerics/points.ts';
import { inverseSpd, symmetrise } from '../numerics/spd.ts';
import { type MatrixLike, requireKnownOptions, requirePositive, toMatrix, toVector } from '../numerics/vectors.ts';
import { linearProcess } from './linear-process.ts';
import type { Reference } from './reference.ts';

/**
 * The linear diffusion dX = (F X + b) dt + G dW on [0, T] with constant matrices.
 *
 * Transitions come from block matrix exponentials (Van Loan 1978): Φ = e^{Fh}, K = ∫_0^h e^{Fs} GGᵀ e^{Fᵀs} ds, over a step so short that
 * |F|h ≤ 1, doubled until it is the whole: the blocks of a long step would differ by e^{2|F|h} and cancel.
 *
 * @param options `drift` F: d × d; `bias` b: d numbers, default 0; `diffusion` G: d × d, GGᵀ positive definite; `horizon` T > 0, default 1
 * @throws NotPositiveDefiniteError when GGᵀ is singular
 * @example
 * ```ts
 * import { linearReference } from 'viaduct';
 * const rotation = linearReference({ drift: [[0, -1], [1, 0]], diffusion: [[1, 0], [0, 1]] });
 * console.log(rotation.transition(0, 1).matrix.get(1, 0).toFixed(6)); // → 0.841471
 * ```
 * @see [vanloan1978]
 */
export function linearReference(options: {
  readonly drift: MatrixLike;
  readonly bias?: VectorLike;
  readonly diffusion: MatrixLike;
  readonly horizon?: number;
}): Reference {
  requireKnownOptions('linearReference', options, ['drift', 'bias', 'diffusion', 'horizon']);
  const drift = toMatrix('linearReference: drift', options.drift);
  const d = drift.rows;
  toMatrix('linearReference: drift', options.drift, d, d);
  const bias = options.bias === undefined ? new Float64Array(d) : toVector('linearReference: bias', options.bias, d);
  const diffusion = toMatrix('linearReference: diffusion', options.diffusion, d, d);
  const noise = diffusion.mmul(diffusion.transpose());
  inverseSpd(noise, 'linearReference: diffusion·diffusionᵀ');
  return linearProcess({
    kind: 'linear',
    path: 'linearReference',
    dimension: d,
    horizon: requirePositive('linearReference: horizon', options.horizon ?? 1),
    coefficients: () => ({ matrix: drift.clone(), offset: Float64Array.from(bias) }),
    diffusion: () => diffusion.clone(),
    transition: (s, t) => doubled(drift, bias, noise, t - s),
  });
}

/** Φ, offset and K over a duration h of any length. */
function doubled(drift: Matrix, bias: Float64Array, noise: Matrix, h: number): GaussianKernel {
  const doublings = Math.max(0, Math.ceil(Math.log2(drift.norm('frobenius') * h)));
  let out = vanLoan(drift, bias, noise, h / 2 ** doublings);
  for (let i = 0; i < doublings; i++) out = composeKernels(out, out);
  return out;
}

/** The same over a short h: Φ and the offset from exp [[F, b], [0, 0]]h, K = Φ·(upper right block of exp [[−F, GGᵀ], [0, Fᵀ]]h). */
function vanLoan(drift: Matrix, bias: Float64Array, noise: Matrix, h: number): GaussianKernel {
  const d = drift.rows;
  const affine = Matrix.zeros(d + 1, d + 1).setSubMatrix(drift, 0, 0);
  bias.forEach((b, i) => {
    affine.set(i, d, b);
  });
  const moved = matrixExponential(affine.mul(h));
  const block = Matrix.zeros(2 * d, 2 * d)
    .setSubMatrix(Matrix.mul(drift, -1), 0, 0)
    .setSubMatrix(noise, 0, d)
    .setSubMatrix(drift.transpose(), d, d);
  const matrix = moved.subMatrix(0, d - 1, 0, d - 1);
  const upper = matrixExponential(block.mul(h)).subMatrix(0, d - 1, d, 2 * d - 1);
  return {
    matrix,
    offset: Float64Array.from({ length: d }, (_, i) => moved.get(i, d)),
    covariance: symmetrise(matrix.mmul(upper)),
  };
}
