import type { Matrix } from 'ml-matrix';
import type { GaussianKernel } from '../numerics/affine.ts';
import type { Points, PointsLike } from '../numerics/points.ts';
import type { TimeGrid } from './time-grid.ts';

/** X_t given X_s = x and X_u = z is N(fromStart·x + fromEnd·z + offset, covariance). */
export interface ReferenceBridge {
  readonly fromStart: Matrix;
  readonly fromEnd: Matrix;
  readonly offset: Float64Array;
  readonly covariance: Matrix;
}

/** How a chain steps: `euler` has mean x + γ·drift(t, x) and covariance γ·g(t)²; `exact` has the transition density. */
export type Scheme = 'euler' | 'exact';

/**
 * A linear diffusion dX = (A_t X + c_t) dt + g_t dW on [0, horizon]: the process that a bridge stays closest to.
 *
 * Scalar references (A_t and g_t multiples of the identity) fit every dimension; where matrices are returned, `dimension` says how large
 * they shall be (1 when absent). Matrix-valued ones have their own dimension and refuse any other.
 */
export interface Reference {
  readonly kind:
    | 'brownian'
    | 'ornstein-uhlenbeck'
    | 'variance-exploding'
    | 'variance-preserving'
    | 'sub-variance-preserving'
    | 'linear'
    | 'simulated';
  /** Present when the coefficients fix it. */
  readonly dimension?: number;
  /** T > 0. */
  readonly horizon: number;
  /** eps* = κ(T, T)/τ_T: the regularisation of the equivalent static problem with cost ½|x − y|²; absent for matrix-valued references. */
  readonly effectiveEpsilon?: number;
  /** A_t x + c_t, one row a point. */
  drift(t: number, x: PointsLike): Points;
  /** The coefficients of the drift, (A_t, c_t). */
  driftCoefficients(t: number, dimension?: number): { readonly matrix: Matrix; readonly offset: Float64Array };
  /** g_t: a number for scalar references, else a matrix. */
  diffusion(t: number): number | Matrix;
  /** g_t g_tᵀ. */
  diffusionCovariance(t: number, dimension?: number): Matrix;
  /** X_t | X_s = x is N(matrix·x + offset, covariance), 0 ≤ s ≤ t ≤ T. */
  transition(s: number, t: number, dimension?: number): GaussianKernel;
  /** X_t | X_s, X_u, s ≤ t ≤ u. */
  bridge(s: number, t: number, u: number, dimension?: number): ReferenceBridge;
  /** The Markov chain on the nodes of a grid whose horizon is this reference's. */
  discretise(grid: TimeGrid, options?: { readonly scheme?: Scheme }): ReferenceChain;
}

/** A linear-Gaussian Markov chain x_{k+1} | x_k ~ N(matrix·x_k + offset, covariance), k = 0 … steps − 1. */
export interface ReferenceChain {
  readonly grid: TimeGrid;
  readonly scheme: Scheme;
  readonly reference: Reference;
  readonly dimension?: number;
  /** K/Φ of the whole chain; absent for matrix-valued references. */
  readonly effectiveEpsilon?: number;
  /** The transition from node k to node k + 1. */
  kernel(k: number, dimension?: number): GaussianKernel;
  /** The composed transition from node i to node j ≥ i. */
  transition(i: number, j: number, dimension?: number): GaussianKernel;
}
