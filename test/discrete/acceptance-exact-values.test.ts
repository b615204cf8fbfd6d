import { SingularValueDecomposition } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { costMatrix, halfSquaredEuclidean } from '../../src/costs/index.ts';
import { entropicProblem, type MarginalConstraint, transportProblem } from '../../src/couplings/index.ts';
import { exactTransport, sinkhorn } from '../../src/discrete/index.ts';
import { gaussianCoupling } from '../../src/gaussian/index.ts';
import { discreteMarginal, gaussianMarginal, histogram } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { isPlain, largestDifference, squaredDistances, sum, WAYS } from './every-way.ts';
import { hungarian, randomCosts, randomMarginal } from './oracles.ts';

const half = histogram([0.5, 0.5]);
const uniform = (n: number) => histogram(new Array<number>(n).fill(1 / n));

describe.each(WAYS)('$method on $engine', (way) => {
  it('case 1: 2 × 2 in closed form', () => {
    const cost = costMatrix([
      [0, 1],
      [1, 0],
    ]);
    for (const epsilon of [10, 1, 0.1, 0.01]) {
      const answer = sinkhorn(entropicProblem({ source: half, target: half, cost, epsilon }), { ...way, tolerance: 1e-12 });
      const stay = 1 / (2 * (1 + Math.exp(-1 / epsilon)));
      expect(answer.status).toBe('converged');
      expect(largestDifference(answer.plan().to1DArray(), [stay, 0.5 - stay, 0.5 - stay, stay])).toBeLessThan(1e-12);
      if (epsilon === 1) expect(Math.abs(answer.value.linear - 0.2689414213699951)).toBeLessThan(1e-12);
    }
  });

  it('case 2: 1 × 1, n ≠ m, one row, one column', () => {
    const solve = (a: number[], b: number[], C: number[][]) =>
      sinkhorn(entropicProblem({ source: histogram(a), target: histogram(b), cost: costMatrix(C), epsilon: 0.1 }), {
        ...way,
        tolerance: 1e-12,
      });
    const one = solve([1], [1], [[3]]);
    expect(largestDifference([one.value.linear, one.value.kl, one.value.entropy, one.value.dual], [3, 0, 0, 3])).toBeLessThan(1e-14);
    expect(
      largestDifference(
        solve([1], [0.2, 0.3, 0.5], [[1, 2, 3]])
          .plan()
          .to1DArray(),
        [0.2, 0.3, 0.5],
      ),
    ).toBeLessThan(1e-12);
    expect(
      largestDifference(
        solve([0.2, 0.3, 0.5], [1], [[1], [2], [-3]])
          .plan()
          .to1DArray(),
        [0.2, 0.3, 0.5],
      ),
    ).toBeLessThan(1e-12);
    // Two rows that cost the same are one row cut in two.
    const cut = solve(
      [0.3, 0.7],
      [0.2, 0.3, 0.5],
      [
        [1, 2, 3],
        [1, 2, 3],
      ],
    );
    expect(largestDifference(cut.plan().to1DArray(), [0.06, 0.09, 0.15, 0.14, 0.21, 0.35])).toBeLessThan(1e-12);
  });

  it('case 3: ε → ∞ gives a ⊗ b / mass', () => {
    const source = histogram([0.4, 1.1, 0.5]);
    const target = histogram([0.2, 0.8, 0.9, 0.1]);
    const cost = costMatrix(randomCosts(3, 4, 5));
    const plan = sinkhorn(entropicProblem({ source, target, cost, epsilon: 1e10 }), { ...way, tolerance: 1e-12 }).plan();
    const product = Array.from(source.weights).flatMap((a) => Array.from(target.weights, (b) => (a * b) / 2));
    expect(largestDifference(plan.to1DArray(), product)).toBeLessThan(1e-9);
  });

  it('case 4: 0 ≤ ⟨P, C⟩ − EMD ≤ ε min(H(a), H(b)); ⟨P, C⟩ does not fall when ε grows', () => {
    const random = randomSource(4);
    const [source, target] = [randomMarginal(11, 2, random), randomMarginal(14, 2, random)];
    const exact = exactTransport(transportProblem({ source, target })).value.linear;
    const entropy = (w: Float64Array): number => -sum(w.map((p) => p * Math.log(p)));
    let last = exact;
    for (const epsilon of [0.05, 0.2, 1, 5]) {
      const { linear } = sinkhorn(entropicProblem({ source, target, epsilon }), { ...way, tolerance: 1e-10 }).value;
      expect(linear).toBeGreaterThanOrEqual(last - 1e-9);
      expect(linear - exact).toBeLessThanOrEqual(epsilon * Math.min(entropy(source.weights), entropy(target.weights)));
      last = linear;
    }
  });

  it('case 5: a planted permutation, and random assignments with negative costs', () => {
    const n = 12;
    const planted = (i: number): number => (5 * i + 3) % n;
    const C = randomCosts(n, n, 6).map((row, i) => row.map((c, j) => (j === planted(i) ? -1 : 0.5 + Math.abs(c))));
    const solve = (costs: number[][], epsilon: number) =>
      sinkhorn(entropicProblem({ source: uniform(n), target: uniform(n), cost: costMatrix(costs), epsilon }), { ...way, tolerance: 1e-9 });
    const found = solve(C, 0.05);
    for (let i = 0; i < n; i++) expect(n * found.plan().get(i, planted(i))).toBeCloseTo(1, 8);
    expect(found.value.linear).toBeCloseTo(-1, 8);
    for (const seed of [7, 8]) {
      const costs = randomCosts(n, n, seed);
      const { value } = solve(costs, isPlain(way) ? 0.05 : 0.02);
      const best = hungarian(costs) / n;
      expect(
        exactTransport(transportProblem({ source: uniform(n), target: uniform(n), cost: costMatrix(costs) })).value.linear,
      ).toBeCloseTo(best, 12);
      expect(value.linear).toBeGreaterThanOrEqual(best - 1e-12);
      expect(value.linear - best).toBeLessThan((isPlain(way) ? 0.05 : 0.02) * Math.log(n));
    }
  });

  it('case 6: y = ∇φ(x) with φ convex: the identity is optimal', () => {
    const random = randomSource(16);
    const x = Array.from({ length: 15 }, () => [random.normal(), random.normal()]);
    // φ(x) = (x₀² + x₀x₁ + 2x₁²)/2 + log(1 + e^{3x₀})/3.
    const y = x.map(([u, v]) => [u! + v! / 2 + 1 / (1 + Math.exp(-3 * u!)), u! / 2 + 2 * v!]);
    const [source, target] = [discreteMarginal({ points: x }), discreteMarginal({ points: y })];
    const along = sum(squaredDistances(source.points, target.points).map((row, i) => row[i]!)) / 15;
    expect(exactTransport(transportProblem({ source, target })).value.linear).toBeCloseTo(along, 12);
    const { value } = sinkhorn(entropicProblem({ source, target, epsilon: 0.02 }), { ...way, tolerance: 1e-7, maxIterations: 20_000 });
    expect(value.linear).toBeGreaterThanOrEqual(along - 1e-12);
    expect(value.linear - along).toBeLessThan(0.02 * Math.log(15));
    // The dual alone proves it nearly: EMD ≥ dual − ε KL of any plan, here of the identity.
    expect(value.dual).toBeLessThanOrEqual(along + 0.02 * Math.log(15) + 1e-12);
  });

  it('case 7: Gaussians on a grid against the closed forms, balanced, unbalanced and half so', () => {
    const x = Array.from({ length: 81 }, (_, i) => -8 + i / 5);
    const at = (mean: number, variance: number, mass: number) => {
      const raw = x.map((t) => Math.exp(-((t - mean) ** 2) / (2 * variance)));
      return discreteMarginal({ points: x.map((t) => [t]), weights: raw.map((w) => (mass * w) / sum(raw)) });
    };
    const sides: { source?: MarginalConstraint; target?: MarginalConstraint; masses: [number, number] }[] = [
      { masses: [1, 1] },
      { source: { kl: 2 }, target: { kl: 2 }, masses: [1, 1.4] },
      { target: { kl: 0.7 }, masses: [1.2, 1] },
      { source: { kl: 1 }, target: { kl: 3 }, masses: [0.8, 1] },
    ];
    for (const { masses, ...marginals } of sides) {
      const options = { cost: halfSquaredEuclidean(), epsilon: 1, marginals };
      const gaussian = (mean: number, covariance: number, mass: number) => gaussianMarginal({ mean: [mean], covariance, mass });
      const exact = gaussianCoupling(
        entropicProblem({ source: gaussian(-0.3, 0.8, masses[0]), target: gaussian(0.4, 0.5, masses[1]), ...options }),
      );
      const problem = entropicProblem({ source: at(-0.3, 0.8, masses[0]), target: at(0.4, 0.5, masses[1]), ...options });
      const answer = sinkhorn(problem, { ...way, tolerance: 1e-12 });
      expect(answer.status).toBe('converged');
      expect(answer.value.primal).toBeCloseTo(exact.value.primal, 9);
      expect(answer.value.linear).toBeCloseTo(exact.value.linear, 9);
      expect(answer.value.kl).toBeCloseTo(exact.value.kl, 9);
      expect(answer.mass).toBeCloseTo(exact.mass, 9);
      const [have, want] = [answer.moments(), exact.moments()];
      expect(have.crossCovariance.get(0, 0)).toBeCloseTo(want.crossCovariance.get(0, 0), 8);
      expect(have.sourceCovariance.get(0, 0)).toBeCloseTo(want.sourceCovariance.get(0, 0), 8);
      expect(have.targetMean[0]).toBeCloseTo(want.targetMean[0]!, 8);
    }
  });

  it('case 24: sorted points on a line go to sorted points', () => {
    const random = randomSource(24);
    const line = (shift: number): number[] => Array.from({ length: 13 }, () => shift + 3 * random.normal());
    const [x, y] = [line(0), line(1)];
    const [source, target] = [x, y].map((v) => discreteMarginal({ points: v.map((t) => [t]) })) as [never, never];
    const sorted = (v: number[]): number[] => [...v].sort((a, b) => a - b);
    const exact = sum(sorted(x).map((t, k) => (t - sorted(y)[k]!) ** 2)) / 13;
    expect(exactTransport(transportProblem({ source, target })).value.linear).toBeCloseTo(exact, 12);
    const { linear } = sinkhorn(entropicProblem({ source, target, epsilon: 0.05 }), {
      ...way,
      tolerance: 1e-8,
      maxIterations: 30_000,
    }).value;
    expect(linear).toBeGreaterThanOrEqual(exact - 1e-12);
    expect(linear - exact).toBeLessThan(0.05 * Math.log(13));
  });

  it('case 26: coinciding clouds', () => {
    const same = discreteMarginal({ points: [2, 2, 2].map((t) => [t, -t]) });
    const answer = sinkhorn(entropicProblem({ source: same, target: same, epsilon: 1e-3 }), way);
    expect(answer.status).toBe('converged');
    expect(answer.value.linear).toBe(0);
    expect(largestDifference(answer.plan().to1DArray(), new Array<number>(9).fill(1 / 9))).toBeLessThan(1e-15);
  });
});

describe('case 10: all ways agree', () => {
  const random = randomSource(10);
  const [source, target] = [randomMarginal(30, 2, random), randomMarginal(37, 2, random)];
  const problem = entropicProblem({ source, target, epsilon: { ofMeanCost: 0.03 } });
  const reference = sinkhorn(problem, { method: 'log', engine: 'typescript', tolerance: 1e-13 });
  const P = reference.plan();
  // ρ, the second canonical correlation of the plan, is what conditions it: Sinkhorn's error falls by ρ² a step.
  const normalised = P.clone();
  source.weights.forEach((a, i) => {
    target.weights.forEach((b, j) => {
      normalised.set(i, j, P.get(i, j) / Math.sqrt(a * b));
    });
  });
  const [first, rho] = new SingularValueDecomposition(normalised.transpose()).diagonal as [number, number];

  it('the reference has a correlation below 1', () => {
    expect(reference.status).toBe('converged');
    expect(first).toBeCloseTo(1, 10);
    expect(rho).toBeLessThan(1 - 1e-4);
  });

  it.each(WAYS)('$method on $engine', (way) => {
    const answer = sinkhorn(problem, { ...way, tolerance: 1e-12 });
    expect(answer.status).toBe('converged');
    const distance = sum(answer.plan().sub(P).to1DArray().map(Math.abs));
    expect(distance).toBeLessThan((10 * 1e-12) / (1 - rho * rho));
    for (const name of ['linear', 'kl', 'entropy', 'primal', 'dual'] as const) {
      expect(Math.abs(answer.value[name] - reference.value[name])).toBeLessThan(1e-10 * Math.max(1, Math.abs(reference.value[name])));
    }
  });
});
