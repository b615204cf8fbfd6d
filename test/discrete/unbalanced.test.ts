import { describe, expect, it } from 'vitest';
import { squaredEuclidean } from '../../src/costs/index.ts';
import { entropicProblem } from '../../src/couplings/index.ts';
import { sinkhorn } from '../../src/discrete/index.ts';
import { DomainError } from '../../src/errors.ts';
import { type DiscreteMarginal, discreteMarginal } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { softMinRows } from '../../src/numerics/soft-min.ts';
import { randomMarginal } from './oracles.ts';
import { softMinColumns } from './soft-min-columns.ts';

const INF = Number.POSITIVE_INFINITY;
const scaled = ({ points, weights }: DiscreteMarginal, factor: number): DiscreteMarginal =>
  discreteMarginal({ points, weights: weights.map((w) => factor * w) });
const sides = (p: number, q: number) => ({
  source: p === INF ? ('exact' as const) : { kl: p },
  target: q === INF ? ('exact' as const) : { kl: q },
});
const damping = (rho: number, epsilon: number): number => (rho === INF ? 1 : rho / (rho + epsilon));

/** Alternating damped soft-minima, nothing else: the iteration of Chizat et al. without the translation. Steps until nothing moves. */
function referee(source: DiscreteMarginal, target: DiscreteMarginal, epsilon: number, p: number, q: number, still: number, most = 200_000) {
  const costs = squaredEuclidean().between(source.points, target.points);
  const [logA, logB] = [source.weights.map(Math.log), target.weights.map(Math.log)];
  const [f, g] = [new Float64Array(logA.length), new Float64Array(logB.length)];
  const [df, dg] = [damping(p, epsilon), damping(q, epsilon)];
  let steps = 0;
  for (let moved = INF; moved > still && steps < most; steps++) {
    const before = g.slice();
    softMinRows(
      costs,
      g.map((v, j) => v + epsilon * logB[j]!),
      epsilon,
      f,
    );
    f.forEach((v, i) => (f[i] = df * v));
    softMinColumns(
      costs,
      f.map((v, i) => v + epsilon * logA[i]!),
      epsilon,
      g,
    );
    g.forEach((v, j) => (g[j] = dg * v));
    moved = Math.max(...g.map((v, j) => Math.abs(v - before[j]!)));
  }
  return { f, g, steps };
}

describe('unbalanced transport', () => {
  const random = randomSource(31);
  const [source, target] = [randomMarginal(12, 2, random), scaled(randomMarginal(15, 2, random), 1.7)];

  it.each([
    [0.5, 0.5, 0.3],
    [2, 0.2, 0.3],
    [1, 1, 0.02],
    [INF, 0.7, 0.3],
    [0.7, INF, 0.1],
  ])('finds the fixed point of the damped iteration: penalties %f, %f at ε = %f', (p, q, epsilon) => {
    const want = referee(source, target, epsilon, p, q, 1e-14);
    for (const method of ['auto', 'sinkhorn', 'log'] as const) {
      const made = sinkhorn(entropicProblem({ source, target, epsilon, marginals: sides(p, q) }), { tolerance: 1e-12, method });
      expect(made.status).toBe('converged');
      // Fixed-point residual: one more turn moves nothing.
      made.potentials.f.forEach((f, i) => {
        expect(Math.abs(f - want.f[i]!)).toBeLessThan(1e-9);
      });
      made.potentials.g.forEach((g, j) => {
        expect(Math.abs(g - want.g[j]!)).toBeLessThan(1e-9);
      });
      expect(made.value.gap).toBeGreaterThan(-1e-12);
      expect(made.value.gap).toBeLessThan(1e-9);
    }
  });

  it('measures a penalised side against a·exp(−f/ρ), an exact one against its weights', () => {
    const made = sinkhorn(entropicProblem({ source, target, epsilon: 0.2, marginals: { source: { kl: 0.5 } } }), {
      maxIterations: 3,
      method: 'sinkhorn',
    });
    const rows = made.apply(new Float64Array(15).fill(1));
    const columns = made.applyTranspose(new Float64Array(12).fill(1));
    const { f } = made.potentials;
    const { source: left, target: right } = made.marginalError();
    expect(left).toBeCloseTo(
      rows.reduce((s, r, i) => s + Math.abs(r - source.weights[i]! * Math.exp(-f[i]! / 0.5)), 0),
      12,
    );
    expect(right).toBeCloseTo(columns.reduce((s, c, j) => s + Math.abs(c - target.weights[j]!), 0) / 1.7, 12);
    expect(made.error).toBe(left + right);
    expect(made.error).toBeGreaterThan(1e-9);
  });

  it('ρ → ∞ is balanced, ρ → 0 is a ⊗ b e^{−C/ε}, and one exact side stays exact', () => {
    const equal = scaled(target, 1 / 1.7);
    const balanced = sinkhorn(entropicProblem({ source, target: equal, epsilon: 0.3 }), { tolerance: 1e-11 });
    const stiff = sinkhorn(entropicProblem({ source, target: equal, epsilon: 0.3, marginals: sides(1e7, 1e7) }));
    expect(stiff.status).toBe('converged');
    expect(stiff.plan().get(3, 4)).toBeCloseTo(balanced.plan().get(3, 4), 7);
    expect(stiff.value.linear).toBeCloseTo(balanced.value.linear, 6);
    const loose = sinkhorn(entropicProblem({ source, target, epsilon: 0.3, marginals: sides(1e-9, 1e-9) }));
    const C = squaredEuclidean().between(source.points, target.points);
    expect(loose.plan().get(2, 5)).toBeCloseTo(source.weights[2]! * target.weights[5]! * Math.exp(-C[2 * 15 + 5]! / 0.3), 9);
    const semi = sinkhorn(entropicProblem({ source, target, epsilon: 0.3, marginals: sides(INF, 0.4) }), { tolerance: 1e-12 });
    semi.apply(new Float64Array(15).fill(1)).forEach((r, i) => {
      expect(r).toBeCloseTo(source.weights[i]!, 12);
    });
  });

  it('takes a few steps where masses differ by a thousand and penalties are stiff: the translation is what does it', () => {
    const heavy = scaled(target, 1000);
    const [epsilon, rho] = [0.5, 50];
    const plain = referee(source, heavy, epsilon, rho, rho, 1e-9 * rho);
    const steps = Object.fromEntries(
      (['auto', 'sinkhorn'] as const).map((method) => {
        const made = sinkhorn(entropicProblem({ source, target: heavy, epsilon, marginals: sides(rho, rho) }), { method });
        expect(made.status).toBe('converged');
        made.potentials.g.forEach((g, j) => {
          expect(Math.abs(g - plain.g[j]!)).toBeLessThan(1e-4);
        });
        return [method, made.iterations];
      }),
    );
    expect(plain.steps).toBeGreaterThan(500);
    expect(steps['sinkhorn']).toBeLessThan(plain.steps / 5);
    expect(steps['auto']).toBeLessThan(60);
  });

  it('is honest at ε small, penalties large and masses 10³ apart', () => {
    for (const [rho, epsilon] of [
      [1e4, 0.01],
      [100, 0.002],
      [0.01, 0.001],
    ] as const) {
      const made = sinkhorn(entropicProblem({ source, target: scaled(target, 1000), epsilon, marginals: sides(rho, rho) }), {
        maxIterations: 5000,
      });
      expect(Number.isFinite(made.value.primal) && Number.isFinite(made.error)).toBe(true);
      expect(made.status === 'converged').toBe(made.error <= 1e-9);
      expect(made.error).toBeLessThan(1e-6);
      expect(made.value.gap).toBeLessThan(1e-6 * Math.abs(made.value.primal));
    }
  });

  it('refuses penalties that are none', () => {
    for (const kl of [0, -1, Number.NaN, INF]) {
      expect(() => entropicProblem({ source, target, epsilon: 1, marginals: { source: { kl } } })).toThrow(DomainError);
    }
  });
});
