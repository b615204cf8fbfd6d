import { Matrix, solve } from 'ml-matrix';
import { DomainError } from '../errors.ts';
import { gradedMesh, integrate } from '../numerics/quadrature.ts';
import { eigenSymmetric, symmetrise, trace } from '../numerics/spd.ts';
import { combine, dot, multiplyVector } from '../numerics/vectors.ts';
import type { GaussianJoint } from './gaussian-joint.ts';
import type { GaussianProcess } from './linear-bridge.ts';

/** Nodes and coefficients of the three-stage Gauss collocation method, order 6. */
const ROOT15 = Math.sqrt(15);
const NODES = [0.5 - ROOT15 / 10, 0.5, 0.5 + ROOT15 / 10] as const;
const STAGES = [
  [5 / 36, 2 / 9 - ROOT15 / 15, 5 / 36 - ROOT15 / 30],
  [5 / 36 + ROOT15 / 24, 2 / 9, 5 / 36 - ROOT15 / 24],
  [5 / 36 + ROOT15 / 30, 2 / 9 + ROOT15 / 15, 5 / 36],
] as const;
const WEIGHTS = [5 / 18, 4 / 9, 5 / 18] as const;

/** Collocation steps on each panel of the graded mesh: error below 1e-11 of √(AB) in C'. */
const STEPS = 16;

/** A Gaussian Markov process over Brownian motion with what it spends. */
export interface MarkovianProjection extends GaussianProcess {
  /** E∫|f|²dt/(2σ²): KL of the process against Brownian motion with the same start. */
  energy(): number;
}

/**
 * The Markovian projection of a Gaussian coupling of the end points filled in with Brownian bridges: the process with the marginals
 * Σ_u = (1−u)²A + u²B + u(1−u)(C + Cᵀ + εI) and drift J_u(x − μ_u) + μ', J_u = [Cᵀ + uB − (1−u)A − u(C + Cᵀ) − εuI] Σ_u⁻¹, u = t/T,
 * ε = σ²T. Its own coupling has C' = A Φᵀ with Φ' = J Φ.
 *
 * @see [shi2023] [peluchetti2023]
 */
export function markovianProjection(coupling: GaussianJoint, epsilon: number, horizon: number): MarkovianProjection {
  const { sourceMean: a, targetMean: b, sourceCovariance: A, targetCovariance: B, crossCovariance: C } = coupling;
  const identity = Matrix.eye(a.length);
  const mixed = Matrix.add(C, C.transpose()).add(Matrix.mul(identity, epsilon));
  const covariance = (u: number): Matrix =>
    symmetrise(
      Matrix.mul(A, (1 - u) * (1 - u))
        .add(Matrix.mul(B, u * u))
        .add(Matrix.mul(mixed, u * (1 - u))),
    );
  const slope = (u: number): Matrix => {
    const rate = C.transpose()
      .add(Matrix.mul(B, u))
      .sub(Matrix.mul(A, 1 - u))
      .sub(Matrix.mul(mixed, u));
    return solve(covariance(u), rate.transpose()).transpose();
  };
  const nodes = gradedMesh(settlingTime(A, B, epsilon), settlingTime(B, A, epsilon));
  const flow = (u: number, v: number): Matrix => {
    let out = identity;
    for (let i = 0; i + 1 < nodes.length; i++) {
      const [from, to] = [Math.max(u, nodes[i]!), Math.min(v, nodes[i + 1]!)];
      const h = (to - from) / STEPS;
      for (let k = 0; k < STEPS && to > from; k++) out = collocationStep(slope, from + k * h, h).mmul(out);
    }
    return out;
  };
  const share = (t: number): number => {
    if (t >= 0 && t <= horizon * (1 + 1e-12)) return Math.min(t / horizon, 1);
    throw new DomainError(`gaussianImf: time ${t} is outside [0, ${horizon}]; pass a time between 0 and the horizon`);
  };
  const mean = (t: number): Float64Array => combine([1 - share(t), a], [share(t), b]);
  const cross = A.mmul(flow(0, 1).transpose());
  const gap = combine([1, b], [-1, a]);
  return {
    joint: { sourceMean: a, sourceCovariance: A, targetMean: b, targetCovariance: B, crossCovariance: cross },
    mean,
    energy() {
      const spread = (u: number): number => {
        const j = slope(u);
        return trace(j.mmul(covariance(u)).mmul(j.transpose()));
      };
      const panels = nodes.slice(1).map((to, i) => integrate(spread, nodes[i]!, to, 2));
      return (dot(gap, gap) + panels.reduce((sum, x) => sum + x, 0)) / (2 * epsilon);
    },
    covariance: (t) => covariance(share(t)),
    crossCovariance: (s, t) => covariance(share(s)).mmul(flow(share(s), share(t)).transpose()),
    drift(t) {
      const matrix = slope(share(t)).div(horizon);
      return { matrix, offset: combine([1 / horizon, gap], [-1, multiplyVector(matrix, mean(t))]) };
    },
  };
}

/** The share of the horizon within which Σ leaves the smallest eigenvalue of its first value: λ_min/(ε + tr A + tr B), at most 1. */
function settlingTime(near: Matrix, far: Matrix, epsilon: number): number {
  const smallest = Math.max(eigenSymmetric(near).values[0]!, 0);
  return Math.max(smallest / (epsilon + trace(near) + trace(far)), 1e-12);
}

/** The map of one step of Φ' = J_u Φ: stages K_i = J(u + c_i h)(I + h Σ_j a_ij K_j) solved together. */
function collocationStep(slope: (u: number) => Matrix, u: number, h: number): Matrix {
  const slopes = NODES.map((c) => slope(u + c * h));
  const d = slopes[0]!.rows;
  const system = Matrix.eye(3 * d);
  const right = Matrix.zeros(3 * d, d);
  slopes.forEach((j, i) => {
    right.setSubMatrix(j, i * d, 0);
    STAGES[i]!.forEach((weight, k) => {
      const block = Matrix.mul(j, -h * weight);
      if (i === k) block.add(Matrix.eye(d));
      system.setSubMatrix(block, i * d, k * d);
    });
  });
  const stages = solve(system, right);
  const out = Matrix.eye(d);
  WEIGHTS.forEach((weight, i) => {
    out.add(stages.subMatrix(i * d, (i + 1) * d - 1, 0, d - 1).mul(h * weight));
  });
  return out;
}
