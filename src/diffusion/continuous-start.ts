import type { Matrix } from 'ml-matrix';
import { inverse } from 'ml-matrix';
import { conditionalGaussian } from '../closed-forms/gaussian-joint.ts';
import { gradientOf, hessianAt, termShares } from '../closed-forms/mixture-quadratics.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { type GaussianMarginal, gaussianMarginal } from '../marginals/gaussian-marginal.ts';
import { type Affine, applyAffine } from '../numerics/affine.ts';
import { sampleCategories } from '../numerics/categorical.ts';
import { allocatePoints, type Points, row, takeRows, wrapPoints } from '../numerics/points.ts';
import { eigenSymmetric, fromEigen, inverseSpd, squareRoot } from '../numerics/spd.ts';
import { combine, dot, multiplyVector } from '../numerics/vectors.ts';
import { fixedNodes, type NormalNodes, randomNodes } from './normal-nodes.ts';
import type { StartFactor, StartLaw } from './start-law.ts';

const NEWTON_STEPS = 50;

/** Weighted draws of x₀ given X_t = x: rows, component after component, their weights of sum one, and log φ̂_t(x). */
interface Posterior {
  readonly points: Points;
  readonly weights: Float64Array;
  readonly logFactor: number;
}

/** A source component under the reference: x₀ given X_t = x is N(kernel(x), root rootᵀ) before φ_0 weighs it. */
interface Prior {
  readonly logWeight: number;
  readonly kernel: Affine;
  readonly root: Matrix;
  /** start ∘ (· ↦ kernel(x) + root ξ): matrix of ξ in the coordinates of φ_0. */
  readonly carried: Matrix;
  readonly evidence: GaussianMarginal;
}

/**
 * The start law of a mixture of Gaussians Σ_j w_j N(a_j, A_j). Given X_t = x and component j, x₀ = μ + Rξ with density ∝ N(ξ; 0, I)/φ_0, which
 * is log-concave because φ_0 is a Gaussian factor narrower than the noise times a log-convex one. Expectations are taken by
 * nodes of the Gaussian at the mode, weighted by what the density is above it: exact for one component of the potential.
 */
export function continuousStart(
  { reference, dimension }: BridgeProblem,
  parts: readonly (readonly [number, GaussianMarginal])[],
  factor: StartFactor,
): StartLaw {
  const precisions = parts.map(([, part]) => inverseSpd(part.covariance(), 'mixtureBridge: covariance of the source'));
  const means = parts.map(([, part]) => part.mean());
  const fixed = fixedNodes(dimension);
  const priors = (t: number): Prior[] => {
    const past = reference.transition(0, t, dimension);
    return parts.map(([weight, part], j) => {
      const a = means[j]!;
      const spread = part.covariance();
      const cross = spread.mmul(past.matrix.transpose());
      const covariance = past.matrix.mmul(cross).add(past.covariance);
      const mean = combine([1, multiplyVector(past.matrix, a)], [1, past.offset]);
      const kernel = conditionalGaussian(a, mean, spread, cross, covariance);
      const root = squareRoot(kernel.covariance);
      return {
        logWeight: Math.log(weight),
        kernel,
        root,
        carried: factor.start.matrix.mmul(root),
        evidence: gaussianMarginal({ mean, covariance }),
      };
    });
  };
  const posterior = (made: readonly Prior[], x: Points, i: number, z: NormalNodes): Posterior => {
    const at = wrapPoints(row(x, i), dimension);
    const blocks = made.map((prior) => weighted(prior, at, z, factor));
    const logs = blocks.map(({ log }) => log);
    const top = Math.max(...logs.map((log) => Math.max(...log)));
    const weights = Float64Array.from(
      logs.flatMap((log) => Array.from(log)),
      (log) => Math.exp(log - top),
    );
    const sum = weights.reduce((total, w) => total + w, 0);
    const points = allocatePoints(weights.length, dimension);
    blocks.forEach((block, j) => {
      points.data.set(block.points.data, j * z.points.data.length);
    });
    return {
      points,
      weights: weights.map((w) => w / sum),
      logFactor: top + Math.log(sum),
    };
  };
  const perRow = (t: number, x: Points, of: (given: Posterior) => Float64Array): Points => {
    const made = priors(t);
    const out = allocatePoints(x.count, dimension);
    for (let i = 0; i < x.count; i++) row(out, i).set(of(posterior(made, x, i, fixed)));
    return out;
  };
  return {
    logFactor(t, x) {
      const made = priors(t);
      return Float64Array.from({ length: x.count }, (_, i) => posterior(made, x, i, fixed).logFactor);
    },
    // By parts, ∇ of the integral over x₀ is Φ⁻ᵀE[∇log(p₀/φ_0)(x₀) | x]: finite at t = 0, where the kernel has no density.
    slope(t, x) {
      const back = inverse(reference.transition(0, t, dimension).matrix.transpose());
      const gradients = perRow(t, x, ({ points, weights }) => {
        const inside = gradientOf(factor.quadratics, applyAffine(factor.start, points));
        const out = multiplyVector(factor.start.matrix.transpose(), weightedRow(inside, weights)).map((g) => -g);
        // ∇log N(x₀; a_j, A_j) is linear, so the mean of each component's share is enough.
        const count = points.count / parts.length;
        means.forEach((a, j) => {
          const [from, to] = [j * count, (j + 1) * count];
          const share = weights.subarray(from, to);
          const mass = share.reduce((sum, w) => sum + w, 0);
          const centre = weightedRow(wrapPoints(points.data.subarray(from * dimension, to * dimension), dimension), share);
          const pull = multiplyVector(precisions[j]!, combine([mass, a], [-1, centre]));
          for (let c = 0; c < dimension; c++) out[c]! += pull[c]!;
        });
        return out;
      });
      return applyAffine({ matrix: back, offset: new Float64Array(dimension) }, gradients);
    },
    mean: (t, x) => perRow(t, x, ({ points, weights }) => weightedRow(points, weights)),
    draw(t, x, random) {
      const made = priors(t);
      const out = allocatePoints(x.count, dimension);
      for (let i = 0; i < x.count; i++) {
        const { points, weights } = posterior(made, x, i, randomNodes(dimension, random));
        row(out, i).set(takeRows(points, sampleCategories(weights, 1, random)).data);
      }
      return out;
    },
  };
}

/** Draws around the mode and logarithms of w_j·evidence·N(ξ; 0, I)/φ_0 over the density they come from. */
function weighted(prior: Prior, x: Points, nodes: NormalNodes, factor: StartFactor): { points: Points; log: Float64Array } {
  const centre = applyAffine(prior.kernel, x);
  const origin = applyAffine(factor.start, centre).data;
  const { mode, covarianceRoot, logDet } = modeOf(prior.carried, origin, factor);
  const z = nodes.points;
  const xi = applyAffine({ matrix: covarianceRoot, offset: mode }, z);
  const normaliser = termShares(factor.quadratics, applyAffine({ matrix: prior.carried, offset: origin }, xi)).values;
  const base = prior.logWeight + prior.evidence.logDensity(x)[0]! + logDet;
  const log = normaliser.map((value, n) => {
    const [own, from] = [row(xi, n), row(z, n)];
    return base + nodes.logWeights[n]! - value - 0.5 * (dot(own, own) - dot(from, from));
  });
  return { points: applyAffine({ matrix: prior.root, offset: centre.data }, xi), log };
}

/** The mode of −½|ξ|² − log φ_0(origin + Gξ) by damped Newton steps, with H^{-1/2} of the Hessian there. */
function modeOf(
  g: Matrix,
  origin: Float64Array,
  { quadratics }: StartFactor,
): { mode: Float64Array; covarianceRoot: Matrix; logDet: number } {
  const d = origin.length;
  const turned = g.transpose();
  const at = (xi: Float64Array): Points => wrapPoints(combine([1, origin], [1, multiplyVector(g, xi)]), d);
  const value = (xi: Float64Array): number => 0.5 * dot(xi, xi) + termShares(quadratics, at(xi)).values[0]!;
  let xi = new Float64Array(d);
  let current = value(xi);
  const curvature = (): ReturnType<typeof eigenSymmetric> => {
    const hessian = turned.mmul(hessianAt(quadratics, at(xi).data)).mmul(g);
    for (let r = 0; r < d; r++) hessian.set(r, r, hessian.get(r, r) + 1);
    return eigenSymmetric(hessian);
  };
  let eigen = curvature();
  for (let n = 0; n < NEWTON_STEPS; n++) {
    const gradient = combine([1, xi], [1, multiplyVector(turned, gradientOf(quadratics, at(xi)).data)]);
    const move = multiplyVector(
      fromEigen(eigen, (v) => 1 / Math.max(v, 1e-9)),
      gradient,
    );
    const promise = dot(gradient, move);
    if (!(promise > 1e-14)) break;
    let s = 1;
    let next = combine([1, xi], [-s, move]);
    let reached = value(next);
    for (; reached > current - 0.1 * s * promise && s > 1e-8; reached = value(next)) {
      s /= 2;
      next = combine([1, xi], [-s, move]);
    }
    if (!(reached <= current)) break;
    [xi, current] = [next as Float64Array<ArrayBuffer>, reached];
    eigen = curvature();
  }
  return {
    mode: xi,
    covarianceRoot: fromEigen(eigen, (v) => 1 / Math.sqrt(Math.max(v, 1e-9))),
    logDet: eigen.values.reduce((sum, v) => sum - 0.5 * Math.log(Math.max(v, 1e-9)), 0),
  };
}

function weightedRow(points: Points, weights: Float64Array): Float64Array {
  const out = new Float64Array(points.dimension);
  weights.forEach((w, n) => {
    for (let c = 0; c < out.length; c++) out[c]! += w * points.data[n * out.length + c]!;
  });
  return out;
}
