import { DomainError } from '../errors.ts';

/** Constants of Adam. @see [kingma2015] */
export interface AdamOptions {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** The gradient is scaled down to this Euclidean norm when it is longer; absent: never. */
  readonly clipNorm?: number;
}

/**
 * Factors of one step: m += α₁(g − m), v += α₂(g² − v), p −= rate·m / (√(v·correction) + ε). The rate and the correction undo the bias
 * of moments that start at zero.
 */
export interface AdamFactors {
  readonly alpha1: number;
  readonly alpha2: number;
  readonly rate: number;
  readonly correction: number;
  readonly epsilon: number;
}

/**
 * The factors of step `step` = 1, 2, …
 *
 * @throws DomainError on constants with which the step would not be finite
 */
export function adamFactors({ learningRate, beta1, beta2, epsilon, clipNorm }: AdamOptions, step: number): AdamFactors {
  if (!(learningRate >= 0 && Number.isFinite(learningRate))) {
    throw new DomainError(`mlp: learningRate must be finite and ≥ 0, got ${learningRate}; pass 1e-3, say`);
  }
  if (!(beta1 >= 0 && beta1 < 1)) throw new DomainError(`mlp: beta1 must be in [0, 1), got ${beta1}; pass 0.9, say`);
  if (!(beta2 >= 0 && beta2 < 1)) throw new DomainError(`mlp: beta2 must be in [0, 1), got ${beta2}; pass 0.999, say`);
  if (!(Math.fround(epsilon) > 0 && Number.isFinite(epsilon))) {
    throw new DomainError(`mlp: epsilon must be > 0 in single precision, got ${epsilon}; pass 1e-8, say`);
  }
  if (clipNorm !== undefined && !(clipNorm > 0)) {
    throw new DomainError(`mlp: clipNorm must be > 0, got ${clipNorm}; leave it out for no clipping`);
  }
  return {
    alpha1: 1 - beta1,
    alpha2: 1 - beta2,
    rate: learningRate / (1 - integerPower(beta1, step)),
    correction: 1 / (1 - integerPower(beta2, step)),
    epsilon,
  };
}

/** The factor that brings a gradient of the given squared norm to the allowed length. */
export function clipScale({ clipNorm }: AdamOptions, squares: number): number {
  return clipNorm !== undefined && squares > clipNorm * clipNorm ? clipNorm / Math.sqrt(squares) : 1;
}

/** xⁿ by squaring: Math.pow has different last bits in different runtimes. */
export function integerPower(x: number, n: number): number {
  let result = 1;
  for (let power = x, left = n; left > 0; left = Math.floor(left / 2), power *= power) {
    if (left % 2 === 1) result *= power;
  }
  return result;
}

/** One Adam step on the parameters and moments, in place. */
export function adamStep(p: Float32Array, g: Float32Array, m: Float32Array, v: Float32Array, scale: number, factors: AdamFactors): void {
  const { alpha1, alpha2, rate, correction, epsilon } = factors;
  for (let i = 0; i < p.length; i++) {
    const d = scale * g[i]!;
    m[i] = m[i]! + alpha1 * (d - m[i]!);
    v[i] = v[i]! + alpha2 * (d * d - v[i]!);
    p[i] = p[i]! - (rate * m[i]!) / (Math.sqrt(correction * v[i]!) + epsilon);
  }
}
