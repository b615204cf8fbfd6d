import { inverse, Matrix } from 'ml-matrix';
import { jointFromKernel } from '../closed-forms/gaussian-joint.ts';
import { type LogSumOfQuadratics, termShares } from '../closed-forms/mixture-quadratics.ts';
import { type BridgeProblem, bridgeProblem } from '../couplings/bridge-problem.ts';
import { DomainError, ShapeError } from '../errors.ts';
import { type GaussianMarginal, gaussianMarginal } from '../marginals/gaussian-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { sampledMarginal } from '../marginals/sampled-marginal.ts';
import { flatten, type GaussianKernel } from '../numerics/affine.ts';
import { sampleCategories } from '../numerics/categorical.ts';
import { sampleKernel } from '../numerics/gaussian-draws.ts';
import {
  allocatePoints,
  type Points,
  type PointsLike,
  requireDimension,
  row,
  takeRows,
  toPoints,
  type VectorLike,
  wrapPoints,
} from '../numerics/points.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { inverseSpd, logDeterminant, symmetrise } from '../numerics/spd.ts';
import {
  combine,
  dot,
  type MatrixLike,
  multiplyVector,
  requireInteger,
  requireKnownOptions,
  requirePositive,
  toVector,
} from '../numerics/vectors.ts';
import { brownian } from '../references/brownian.ts';

/** A bridge problem whose solution is known in closed form, with everything about it. */
export interface EntropicBenchmark {
  readonly source: Marginal;
  /** The law of X_1 under the constructed plan: Gaussian for one component and a Gaussian source, otherwise known by sampling, moments estimated. */
  readonly target: Marginal;
  /** Brownian motion with σ² = ε. */
  readonly problem: BridgeProblem;
  /** π*(· | x₀) = Σ_k weights_k N(means_k, covariances_k). */
  conditional(x0: VectorLike): {
    readonly weights: Float64Array;
    readonly means: readonly Float64Array[];
    readonly covariances: readonly Matrix[];
  };
  /** One draw of π*(· | x₀) for each row. */
  sampleConditional(x0: PointsLike, random: RandomSource): Points;
  /** The optimal drift ε∇log Σ_k w_k N(x; μ_k, Σ_k + (1 − t)εI). */
  drift(t: number, x: PointsLike): Points;
}

/** A benchmark drawn from a seed, or given by its parts. */
export type EntropicBenchmarkOptions =
  | { readonly dimension: number; readonly components: number; readonly epsilon: number; readonly seed: number }
  | {
      readonly epsilon: number;
      readonly source: Marginal;
      readonly weights: VectorLike;
      readonly means: PointsLike;
      readonly covariances: readonly MatrixLike[];
    };

const SEEDED = ['dimension', 'components', 'epsilon', 'seed'] as const;
const GIVEN = ['epsilon', 'source', 'weights', 'means', 'covariances'] as const;

/**
 * Builds a Schrödinger bridge problem with known solution: choose p₀ and a potential φ(x₁) = Σ_k w_k N(x₁; μ_k, Σ_k), and let p₁ be what the
 * plan π*(x₁ | x₀) ∝ N(x₁; x₀, εI) φ(x₁) makes of p₀.
 *
 * From a seed: p₀ = N(0, I), centres uniform on the sphere of radius 5, Σ_k random with eigenvalues in [½, 2], weights uniform on the simplex.
 *
 * @throws ShapeError when weights, means and covariances differ in number
 * @example
 * ```ts
 * import { entropicBenchmark } from 'viaduct';
 * const benchmark = entropicBenchmark({ dimension: 2, components: 3, epsilon: 1, seed: 1 });
 * console.log(benchmark.conditional([0, 0]).weights.length); // → 3
 * ```
 * @see [gushchin2023]
 */
export function entropicBenchmark(options: EntropicBenchmarkOptions): EntropicBenchmark {
  requireKnownOptions('entropicBenchmark', options, 'seed' in options ? SEEDED : GIVEN);
  const epsilon = requirePositive('entropicBenchmark: epsilon', options.epsilon);
  const { source, weights, components } = 'seed' in options ? drawn(options) : given(options);
  const dimension = source.dimension;
  const identity = Matrix.eye(dimension);
  // S_k = (I/ε + Σ_k⁻¹)⁻¹ and the affine maps m_k(x₀) = S_k(x₀/ε + Σ_k⁻¹μ_k).
  const posteriors = components.map((component) => {
    const precision = inverseSpd(component.covariance(), 'entropicBenchmark: covariances');
    const covariance = symmetrise(inverse(Matrix.add(precision, Matrix.mul(identity, 1 / epsilon))));
    return {
      matrix: Matrix.mul(covariance, 1 / epsilon),
      offset: multiplyVector(covariance, multiplyVector(precision, component.mean())),
      covariance,
    };
  });
  const widened = (variance: number): GaussianMarginal[] =>
    components.map((c) => gaussianMarginal({ mean: c.mean(), covariance: Matrix.add(c.covariance(), Matrix.mul(identity, variance)) }));
  const start = logMixture(widened(epsilon), weights);
  const draw = (x: Points, random: RandomSource): Points => {
    const labels = responsibilities(start, x).map((shares) => sampleCategories(shares, 1, random)[0]!);
    const out = allocatePoints(x.count, dimension);
    posteriors.forEach((posterior, k) => {
      const rows = [...labels.keys()].filter((i) => labels[i] === k);
      const drawn = rows.length > 0 ? sampleKernel(posterior, takeRows(x, rows), random) : undefined;
      rows.forEach((i, r) => {
        row(out, i).set(row(drawn!, r));
      });
    });
    return out;
  };
  const target =
    posteriors.length === 1 && source.kind === 'gaussian'
      ? gaussianImage(source, posteriors[0]!)
      : sampledMarginal({ dimension, draw: (count, random) => draw(source.sample(count, random), random) });
  return Object.freeze({
    source,
    target,
    problem: bridgeProblem({ source, target, reference: brownian({ sigma: Math.sqrt(epsilon) }) }),
    conditional(x0: VectorLike) {
      const x = wrapPoints(toVector('entropicBenchmark.conditional: x0', x0, dimension), dimension);
      return {
        weights: responsibilities(start, x)[0]!.slice(),
        means: posteriors.map(({ matrix, offset }) => combine([1, multiplyVector(matrix, x.data)], [1, offset])),
        covariances: posteriors.map(({ covariance }) => covariance.clone()),
      };
    },
    sampleConditional(x0: PointsLike, random: RandomSource) {
      const at = toPoints('entropicBenchmark.sampleConditional', x0);
      requireDimension('entropicBenchmark.sampleConditional', at, dimension);
      return draw(at, random);
    },
    drift(t: number, x: PointsLike) {
      if (!(t >= 0 && t <= 1)) throw new DomainError(`entropicBenchmark.drift: time ${t} is outside [0, 1]; pass a time between 0 and 1`);
      const at = toPoints('entropicBenchmark.drift', x);
      requireDimension('entropicBenchmark.drift', at, dimension);
      const wide = widened((1 - t) * epsilon);
      const precisions = wide.map((component) => inverseSpd(component.covariance(), 'entropicBenchmark: covariances'));
      const shares = responsibilities(logMixture(wide, weights), at);
      const out = allocatePoints(at.count, dimension);
      for (let i = 0; i < at.count; i++) {
        const into = row(out, i);
        wide.forEach((component, k) => {
          const pull = multiplyVector(precisions[k]!, combine([1, component.mean()], [-1, row(at, i)]));
          for (let c = 0; c < dimension; c++) into[c]! += epsilon * shares[i]![k]! * pull[c]!;
        });
      }
      return out;
    },
  });
}

/** The law of x₁ when x₀ is Gaussian and there is one component: Gaussian too. */
function gaussianImage(source: Marginal, kernel: GaussianKernel): GaussianMarginal {
  const { targetMean, targetCovariance } = jointFromKernel(source.mean(), source.covariance(), kernel);
  return gaussianMarginal({ mean: targetMean, covariance: targetCovariance });
}

/** log Σ_k w_k N(x; component k). */
function logMixture(components: readonly GaussianMarginal[], weights: Float64Array): LogSumOfQuadratics {
  const dimension = components[0]!.dimension;
  const path = 'entropicBenchmark: covariances';
  const terms = components.map((component, k) => {
    const [mean, covariance] = [component.mean(), component.covariance()];
    const precision = inverseSpd(covariance, path);
    const linear = multiplyVector(precision, mean);
    const constant =
      Math.log(weights[k]!) - 0.5 * (dimension * Math.log(2 * Math.PI) + logDeterminant(covariance, path) + dot(mean, linear));
    return { constant, linear, curvature: flatten(precision).map((p) => -p) };
  });
  const joined = (parts: readonly Float64Array[]): Float64Array => Float64Array.from(parts.flatMap((part) => [...part]));
  return {
    dimension,
    constants: Float64Array.from(terms, ({ constant }) => constant),
    linears: joined(terms.map(({ linear }) => linear)),
    curvatures: joined(terms.map(({ curvature }) => curvature)),
  };
}

/** w_k N(x_i; component k), normalised over k. */
function responsibilities(mixture: LogSumOfQuadratics, x: Points): Float64Array[] {
  const terms = mixture.constants.length;
  const { shares } = termShares(mixture, x);
  return Array.from({ length: x.count }, (_, i) => shares.subarray(i * terms, (i + 1) * terms));
}

interface Parts {
  readonly source: Marginal;
  readonly weights: Float64Array;
  readonly components: GaussianMarginal[];
}

function given(options: Extract<EntropicBenchmarkOptions, { source: Marginal }>): Parts {
  const means = toPoints('entropicBenchmark: means', options.means);
  const { weights, covariances, source } = options;
  if (weights.length !== means.count || covariances.length !== means.count || means.dimension !== source.dimension) {
    throw new ShapeError(
      `entropicBenchmark: ${weights.length} weights, ${means.count} means, ${covariances.length} covariances in dimension ${source.dimension}; make them fit`,
    );
  }
  return {
    source,
    weights: Float64Array.from(weights, (w, k) => requirePositive(`entropicBenchmark: weights[${k}]`, w)),
    components: covariances.map((covariance, k) => gaussianMarginal({ mean: row(means, k), covariance })),
  };
}

function drawn({ dimension, components, seed }: Extract<EntropicBenchmarkOptions, { seed: number }>): Parts {
  requireInteger('entropicBenchmark: dimension', dimension, 1);
  requireInteger('entropicBenchmark: components', components, 1);
  const random = randomSource(seed).split('entropic benchmark');
  const normals = (count: number): Float64Array => random.fillNormal(new Float64Array(count));
  const made = Array.from({ length: components }, () => {
    const direction = normals(dimension);
    const length = Math.sqrt(direction.reduce((sum, x) => sum + x * x, 0));
    return gaussianMarginal({ mean: direction.map((x) => (5 * x) / length), covariance: randomCovariance(dimension, random) });
  });
  // Gaps of exponential draws: uniform on the simplex.
  const gaps = Float64Array.from({ length: components }, () => -Math.log(1 - random.uniform()));
  const sum = gaps.reduce((a, b) => a + b, 0);
  return {
    source: gaussianMarginal({ mean: new Float64Array(dimension), covariance: 1 }),
    weights: gaps.map((g) => g / sum),
    components: made,
  };
}

/** Q diag(λ) Qᵀ, λ uniform on [½, 2], Q from Gram–Schmidt of normal draws. */
function randomCovariance(dimension: number, random: RandomSource): Matrix {
  const basis: Float64Array[] = [];
  while (basis.length < dimension) {
    let v = random.fillNormal(new Float64Array(dimension));
    for (const b of basis) {
      const along = v.reduce((sum, x, i) => sum + x * b[i]!, 0);
      v = v.map((x, i) => x - along * b[i]!);
    }
    const length = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
    basis.push(v.map((x) => x / length));
  }
  const out = Matrix.zeros(dimension, dimension);
  for (const b of basis) {
    const value = 0.5 + 1.5 * random.uniform();
    for (let i = 0; i < dimension; i++) for (let j = 0; j < dimension; j++) out.set(i, j, out.get(i, j) + value * b[i]! * b[j]!);
  }
  return symmetrise(out);
}
