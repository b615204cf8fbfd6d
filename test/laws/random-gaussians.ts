import { Matrix } from 'ml-matrix';
import { type GaussianMarginal, gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import type { RandomSource } from '../../src/numerics/random.ts';
import {
  brownian,
  linearReference,
  ornsteinUhlenbeck,
  type Reference,
  subVariancePreserving,
  varianceExploding,
  variancePreserving,
} from '../../src/references/index.ts';

/** GGᵀ + 0.3·I with standard normal entries in G. */
export function randomCovariance(dimension: number, random: RandomSource): Matrix {
  const factor = randomMatrix(dimension, random);
  return factor.mmul(factor.transpose()).add(Matrix.eye(dimension, dimension, 0.3));
}

/** Standard normal entries. */
export function randomMatrix(dimension: number, random: RandomSource): Matrix {
  return Matrix.from1DArray(dimension, dimension, Array.from(random.fillNormal(new Float64Array(dimension * dimension))));
}

/** A Gaussian with a random mean and covariance. */
export function randomGaussian(dimension: number, random: RandomSource, mass = 1): GaussianMarginal {
  return gaussianMarginal({ mean: random.fillNormal(new Float64Array(dimension)), covariance: randomCovariance(dimension, random), mass });
}

/** Every linear reference, with coefficients that leave nothing at a special value. */
export const everyReference: readonly (readonly [string, (dimension: number, random: RandomSource) => Reference])[] = [
  ['brownian', () => brownian({ sigma: 1.2, horizon: 1.4 })],
  ['variance exploding', () => varianceExploding({ sigmaMin: 0.1, sigmaMax: 3 })],
  ['Ornstein–Uhlenbeck', () => ornsteinUhlenbeck({ rate: 1.5, mean: 0.4, sigma: Math.SQRT2, horizon: 0.8 })],
  ['variance preserving', () => variancePreserving({ betaMin: 0.1, betaMax: 8 })],
  ['sub-variance preserving', () => subVariancePreserving({ betaMin: 0.1, betaMax: 8 })],
  [
    'matrix-valued',
    (dimension, random) =>
      linearReference({
        drift: randomMatrix(dimension, random).mul(0.6),
        bias: random.fillNormal(new Float64Array(dimension)),
        diffusion: randomCovariance(dimension, random).mul(0.5),
        horizon: 0.9,
      }),
  ],
];
