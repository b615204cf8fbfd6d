import { describe, expect, it } from 'vitest';
import { entropicProblem } from '../../src/couplings/index.ts';
import { type Barycenter, barycenter, sinkhornDivergence } from '../../src/discrete/index.ts';
import { type DiscreteMarginal, discreteMarginal, gridMarginal } from '../../src/marginals/index.ts';

const bins = 60;
const at = Array.from({ length: bins }, (_, i) => (i + 0.5) / bins);
const shaped = (density: (x: number) => number): DiscreteMarginal => {
  const raw = at.map(density);
  const total = raw.reduce((sum, w) => sum + w, 0);
  return discreteMarginal({ points: at.map((x) => [x]), weights: raw.map((w) => w / total) });
};
const bump = (mean: number, sd: number) => (x: number) => Math.exp(-((x - mean) ** 2) / (2 * sd ** 2)) + 1e-6;
const box = (from: number, to: number) => (x: number) => (x > from && x < to ? 1 : 1e-5);
const boxes = [shaped(box(0.1, 0.3)), shaped(box(0.5, 0.9))];
const mixtures = [
  shaped((x) => bump(0.2, 0.05)(x) + bump(0.5, 0.06)(x)),
  shaped((x) => bump(0.6, 0.05)(x) + bump(0.9, 0.05)(x)),
  shaped(bump(0.5, 0.1)),
];

/** Σ_k w_k S_ε and its derivative in the weights, by another solver. */
function objective({ marginal, weights }: Barycenter, measures: readonly DiscreteMarginal[], epsilon: number, shifted?: Float64Array) {
  const source = shifted === undefined ? marginal : discreteMarginal({ points: marginal.points, weights: shifted });
  const slope = new Float64Array(bins);
  let value = 0;
  measures.forEach((target, k) => {
    const divergence = sinkhornDivergence(entropicProblem({ source, target, epsilon }), { tolerance: 1e-12, maxIterations: 5000 });
    value += weights[k]! * divergence.value;
    divergence.gradients().a.forEach((v, s) => {
      slope[s]! += weights[k]! * v;
    });
  });
  return { value, slope };
}

describe('debiased barycenters whose blur spans several bins', () => {
  it.each([
    ['boxes, 3 bins', boxes, 3],
    ['boxes, 6 bins', boxes, 6],
    ['mixtures, 3 bins', mixtures, 3],
    ['mixtures, 6 bins', mixtures, 6],
  ] as const)('converge in a hundred steps to the minimum: %s', (_, measures, width) => {
    const epsilon = (width / bins) ** 2;
    const made = barycenter({ measures, epsilon, debiased: true }, { tolerance: 1e-9, maxIterations: 120 });
    expect(made.status).toBe('converged');
    expect(made.error).toBeLessThanOrEqual(1e-9);
    // The derivative is one number where there is mass, and nowhere less: a minimum, since the objective is convex.
    const { value, slope } = objective(made, measures, epsilon);
    const level = made.marginal.weights.reduce((sum, w, s) => sum + w * slope[s]!, 0);
    made.marginal.weights.forEach((w, s) => {
      expect(slope[s]! - level).toBeGreaterThan(-1e-5 * epsilon);
      if (w > 1e-3) expect(Math.abs(slope[s]! - level)).toBeLessThan(1e-5 * epsilon);
    });
    const even = new Float64Array(bins).fill(1 / bins);
    for (const t of [0.02, 0.2]) {
      const mixed = made.marginal.weights.map((w, s) => (1 - t) * w + t * even[s]!);
      expect(objective(made, measures, epsilon, mixed).value).toBeGreaterThan(value);
    }
  });

  it('on a grid as on points, and stopped on the way with finite weights', () => {
    const epsilon = (5 / bins) ** 2;
    const grids = mixtures.map(({ weights }) => gridMarginal({ shape: [bins], spacing: 1 / bins, origin: [0.5 / bins], weights }));
    const [one, other] = [mixtures, grids].map((measures) =>
      barycenter({ measures, epsilon, debiased: true }, { tolerance: 1e-10, maxIterations: 150 }),
    );
    expect(other!.status).toBe('converged');
    one!.marginal.weights.forEach((w, s) => {
      expect(other!.marginal.weights[s]).toBeCloseTo(w, 5);
    });
    for (const maxIterations of [30, 60, 64, 66]) {
      const made = barycenter({ measures: mixtures, epsilon, debiased: true }, { tolerance: 1e-13, maxIterations });
      expect(made.marginal.weights.every((w) => w >= 0 && Number.isFinite(w))).toBe(true);
      expect(made.couplings.every(({ plan }) => plan().to1DArray().every(Number.isFinite))).toBe(true);
      expect(made.error).toBeLessThan(1);
    }
  });
});
