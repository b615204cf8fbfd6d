import { inverse, Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { endCondition } from '../../src/closed-forms/end-condition.ts';
import type { GaussianJoint } from '../../src/closed-forms/gaussian-joint.ts';
import { bridgePlan, gaussianPlan } from '../../src/closed-forms/gaussian-plan.ts';
import { linearBridge } from '../../src/closed-forms/linear-bridge.ts';
import { NotPositiveDefiniteError } from '../../src/errors.ts';
import { integrate } from '../../src/numerics/quadrature.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { combine, multiplyVector } from '../../src/numerics/vectors.ts';
import {
  brownian,
  ornsteinUhlenbeck,
  type Reference,
  subVariancePreserving,
  varianceExploding,
  variancePreserving,
} from '../../src/references/index.ts';
import { expectMatrix, expectVector } from '../laws/coupling-laws.ts';
import { everyReference, randomCovariance } from '../laws/random-gaussians.ts';

/** τ_t, κ(s, t) for s ≤ t and ζ_t (in every coordinate) of a scalar reference. */
interface Table {
  readonly tau: (t: number) => number;
  readonly kappa: (s: number, t: number) => number;
  readonly zeta: (t: number) => number;
  readonly epsilon: number;
}

const area = (t: number): number => 0.1 * t + (t * t * 7.9) / 2;
const none = (): number => 0;
const [rate, level, horizon] = [1.5, 0.4, 0.8];
const exploding = (t: number): number => 0.1 * 30 ** t;

const tables: readonly (readonly [string, Reference, Table])[] = [
  ['Brownian', brownian({ sigma: 1.2, horizon: 1.4 }), { tau: () => 1, kappa: (s) => 1.44 * s, zeta: none, epsilon: 1.44 * 1.4 }],
  [
    'variance exploding',
    varianceExploding({ sigmaMin: 0.1, sigmaMax: 3 }),
    { tau: () => 1, kappa: (s) => exploding(s) ** 2 - 0.01, zeta: none, epsilon: 9 - 0.01 },
  ],
  [
    'Ornstein–Uhlenbeck',
    ornsteinUhlenbeck({ rate, mean: level, sigma: Math.SQRT2, horizon }),
    {
      tau: (t) => Math.exp(-rate * t),
      kappa: (s, t) => (Math.exp(-rate * (t - s)) - Math.exp(-rate * (s + t))) / rate,
      zeta: (t) => level * (1 - Math.exp(-rate * t)),
      epsilon: (2 / rate) * Math.sinh(rate * horizon),
    },
  ],
  [
    'variance preserving',
    variancePreserving({ betaMin: 0.1, betaMax: 8 }),
    {
      tau: (t) => Math.exp(-area(t) / 2),
      kappa: (s, t) => Math.exp(-(area(t) - area(s)) / 2) * (1 - Math.exp(-area(s))),
      zeta: none,
      epsilon: 2 * Math.sinh(area(1) / 2),
    },
  ],
  [
    'sub-variance preserving',
    subVariancePreserving({ betaMin: 0.1, betaMax: 8 }),
    {
      tau: (t) => Math.exp(-area(t) / 2),
      kappa: (s, t) => Math.exp(-(area(t) - area(s)) / 2) * (1 - Math.exp(-area(s))) ** 2,
      zeta: none,
      epsilon: (1 - Math.exp(-area(1))) ** 2 * Math.exp(area(1) / 2),
    },
  ],
];

const random = randomSource(3);
const [a, b] = [random.fillNormal(new Float64Array(3)), random.fillNormal(new Float64Array(3))];
const [A, B] = [randomCovariance(3, random), randomCovariance(3, random)];

function solve(reference: Reference): GaussianJoint {
  return bridgePlan({ mean: a, covariance: A }, { mean: b, covariance: B }, reference.transition(0, reference.horizon, 3)).joint;
}

describe.each(tables)('the bridge over %s, by the scalar formulas', (_, reference, { tau, kappa, zeta, epsilon }) => {
  const T = reference.horizon;
  const joint = solve(reference);
  const process = linearBridge(reference, joint);
  const share = (t: number): number => kappa(t, T) / kappa(T, T);
  const rest = (t: number): number => tau(t) - share(t) * tau(T);

  it('has eps* = κ(T, T)/τ_T, and C of the static problem with eps*', () => {
    expect(reference.effectiveEpsilon! / epsilon).toBeCloseTo(1, 12);
    expect(kappa(T, T) / tau(T) / epsilon).toBeCloseTo(1, 12);
    expectMatrix(joint.crossCovariance, gaussianPlan(A, B, epsilon).cross, 1e-11);
  });

  it('has the mean r̄a + rb + ζ_t − rζ_T', () => {
    for (const t of [0, 0.1, 0.37, 0.63, 0.9, 1].map((u) => u * T)) {
      const [r, q] = [share(t), rest(t)];
      const expected = combine([q, a], [r, b]).map((x) => x + zeta(t) - r * zeta(T));
      expectVector(process.mean(t), expected, 1e-12);
    }
  });

  it('has the two-time covariance r̄r̄A + rrB + r̄rC + rr̄Cᵀ + κ(s,t) − rrκ(T,T)', () => {
    for (const [s, t] of [
      [0, 0.4],
      [0.1, 0.37],
      [0.37, 0.37],
      [0.37, 1],
      [0.63, 0.9],
      [0, 1],
      [1, 1],
    ].map((pair) => pair.map((u) => u * T))) {
      const [rs, rt, qs, qt] = [share(s!), share(t!), rest(s!), rest(t!)];
      const C = joint.crossCovariance;
      const expected = Matrix.mul(A, qs * qt)
        .add(Matrix.mul(B, rs * rt))
        .add(Matrix.mul(C, qs * rt))
        .add(C.transpose().mul(rs * qt))
        .add(Matrix.eye(3, 3, kappa(s!, t!) - rs * rt * kappa(T, T)));
      expectMatrix(process.crossCovariance(s!, t!), expected, 1e-11);
      if (s === t) expectMatrix(process.covariance(t!), expected, 1e-11);
    }
  });

  it('has the h-transform drift with Q = (B − CᵀA⁻¹C)⁻¹', () => {
    const C = joint.crossCovariance;
    const Q = inverse(Matrix.sub(B, C.transpose().mmul(inverse(A)).mmul(C)));
    const M = Matrix.sub(Q, Matrix.eye(3, 3, 1 / kappa(T, T)));
    const n = combine([1, multiplyVector(Q, b)], [-1 / epsilon, a]).map((x) => x - zeta(T) / kappa(T, T));
    for (const t of [0, 0.2, 0.5, 0.95, 1].map((u) => u * T)) {
      const x = Float64Array.of(0.3, -1.1, 0.8);
      const psi = tau(T) / tau(t);
      const K = kappa(T, T) - psi * psi * kappa(t, t);
      const carried = x.map((value) => psi * value + zeta(T) - psi * zeta(t));
      const damped = inverse(Matrix.eye(3).add(Matrix.mul(M, K)));
      const g2 = reference.diffusionCovariance(t, 3).get(0, 0);
      const pull = multiplyVector(damped, combine([1, n], [-1, multiplyVector(M, carried)]));
      const own = reference.driftCoefficients(t, 3);
      const expected = combine([1, multiplyVector(own.matrix, x)], [1, own.offset], [g2 * psi, pull]);
      const { matrix, offset } = process.drift(t);
      expectVector(combine([1, multiplyVector(matrix, x)], [1, offset]), expected, 1e-9);
    }
  });
});

describe.each(everyReference)('the bridge over any linear reference: %s', (_, make) => {
  const reference = make(3, randomSource(8));
  const T = reference.horizon;
  const joint = solve(reference);
  const process = linearBridge(reference, joint);

  it('has a drift that moves the two-time covariance: d/dt Cov(X_s, X_t) = Cov(X_s, X_t) Jᵀ', () => {
    const h = 1e-4 * T;
    const s = 0.05 * T;
    for (const t of [0.1, 0.37, 0.63, 0.9].map((u) => u * T)) {
      const weights = [1, -8, 8, -1].map((w) => w / (12 * h));
      const slope = Matrix.zeros(3, 3);
      [-2, -1, 1, 2].forEach((i, k) => {
        slope.add(process.crossCovariance(s, t + i * h).mul(weights[k]!));
      });
      expectMatrix(slope, process.crossCovariance(s, t).mmul(process.drift(t).matrix.transpose()), 1e-8);
    }
  });

  it('spends E∫|(ggᵀ)^{-1/2}(f − f_ref)|²/2 = KL(bridge | reference from the source)', () => {
    const transition = reference.transition(0, T, 3);
    const K = inverse(transition.covariance);
    const energy = integrate(
      (t) => {
        const [f, own] = [process.drift(t), reference.driftCoefficients(t, 3)];
        const matrix = Matrix.sub(f.matrix, own.matrix);
        const mean = Matrix.columnVector([...combine([1, multiplyVector(matrix, process.mean(t))], [1, f.offset], [-1, own.offset])]);
        const metric = inverse(reference.diffusionCovariance(t, 3));
        const spread = metric.mmul(matrix).mmul(process.covariance(t)).mmul(matrix.transpose()).trace();
        return (mean.transpose().mmul(metric).mmul(mean).get(0, 0) + spread) / 2;
      },
      0,
      T,
      80,
    );
    // KL of the conditionals N(y | x) against N(Φx + m, K), averaged over the source.
    const gain = joint.crossCovariance.transpose().mmul(inverse(A));
    const conditional = Matrix.sub(B, gain.mmul(joint.crossCovariance));
    const shift = Matrix.columnVector([...combine([1, b], [-1, multiplyVector(transition.matrix, a)], [-1, transition.offset])]);
    const off = Matrix.sub(gain, transition.matrix);
    const kl =
      0.5 *
      (K.mmul(conditional).trace() -
        3 +
        shift.transpose().mmul(K).mmul(shift).get(0, 0) +
        K.mmul(off).mmul(A).mmul(off.transpose()).trace() -
        Math.log(determinant(conditional) / determinant(transition.covariance)));
    expect(energy / kl).toBeCloseTo(1, 9);
  });
});

describe('the end condition', () => {
  it('needs a target that is not determined by the source', () => {
    const reference = brownian({ sigma: 1 });
    const joint = {
      sourceMean: a,
      targetMean: b,
      sourceCovariance: A,
      targetCovariance: Matrix.zeros(3, 3),
      crossCovariance: Matrix.zeros(3, 3),
    };
    expect(() => endCondition(joint, reference.transition(0, 1, 3))).toThrow(NotPositiveDefiniteError);
  });
});

function determinant(m: Matrix): number {
  const [p, q, r] = [0, 1, 2].map((i) => m.getRow(i));
  const cross = [q![1]! * r![2]! - q![2]! * r![1]!, q![2]! * r![0]! - q![0]! * r![2]!, q![0]! * r![1]! - q![1]! * r![0]!];
  return p!.reduce((sum, x, i) => sum + x * cross[i]!, 0);
}
