import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { staticProblem } from '../../src/couplings/static-problem.ts';
import { type ErrorBudget, errorBudget } from '../../src/diagnostics/error-budget.ts';
import { bridgeMatching } from '../../src/diffusion/bridge-matching.ts';
import { mixtureBridge } from '../../src/diffusion/mixture-bridge.ts';
import { restoreBridge } from '../../src/diffusion/restore-bridge.ts';
import { scoreModel } from '../../src/diffusion/score-model.ts';
import { sinkhornFlowMatching } from '../../src/diffusion/sinkhorn-flow-matching.ts';
import { linear } from '../../src/drifts/linear.ts';
import { DomainError } from '../../src/errors.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { gaussianCoupling } from '../../src/gaussian/gaussian-coupling.ts';
import { gaussianImf } from '../../src/gaussian/gaussian-imf.ts';
import { gaussianIpf } from '../../src/gaussian/gaussian-ipf.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { brownian } from '../../src/references/brownian.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { studentQuantile } from '../laws/statistics.ts';

const problem = bridgeProblem({
  source: gaussianMarginal({ mean: [-0.4], covariance: 1 }),
  target: gaussianMarginal({ mean: [0.5], covariance: 0.7 }),
  reference: brownian({ sigma: 1 }),
});
const grid = timeGrid.fromSteps([0.1, 0.25, 0.2, 0.3, 0.15]);
const training = { grid, drift: linear(), innerSteps: 5, batchSize: 8000, cache: 4000, seed: 1 };
const bridge = gaussianBridge(problem).moments();

function part(
  budget: ErrorBudget,
  halfStep: number,
  moment: 'targetMean' | 'crossCovariance' | 'sourceCovariance' | 'targetCovariance',
  name: 'ipf' | 'discretisation' | 'regressionFresh' | 'regressionAccumulated',
): number {
  return budget.rows.find((row) => row.halfStep === halfStep && row.moment === moment)![name][0]!;
}

/** Whether the regression parts are what sampling explains: |fresh + accumulated| within Student's t of the seeds. */
function withinSampling(budget: ErrorBudget): void {
  const limit = studentQuantile(0.001 / budget.rows.length, budget.runs - 1);
  for (const row of budget.rows) {
    row.standardError.forEach((error, i) => {
      const total = Math.abs(row.regressionFresh[i]! + row.regressionAccumulated[i]!);
      if (error > 1e-14) expect(total / error, `${row.halfStep} ${row.moment}`).toBeLessThan(limit);
      else expect(total).toBeLessThan(1e-10);
    });
  }
}

describe('errorBudget of every scheme', () => {
  test('bridgeMatching: IMF from independent pairs', async () => {
    const run = await bridgeMatching(problem, { ...training, iterations: 2 });
    const budget = await errorBudget(run, { seeds: [2, 3, 4, 5, 6, 7] });
    expect(budget.rows.map(({ halfStep }) => halfStep)).toEqual([1, 2, 3, 4].flatMap((i) => Array(5).fill(i)));
    const imf = gaussianImf(problem);
    for (const i of [1, 2, 3, 4]) {
      const exact = imf.iterate(i).moments().crossCovariance.get(0, 0) - bridge.crossCovariance.get(0, 0);
      expect(part(budget, i, 'crossCovariance', 'ipf')).toBeCloseTo(exact, 4);
    }
    expect(Math.abs(part(budget, 1, 'crossCovariance', 'discretisation'))).toBeGreaterThan(1e-3);
    withinSampling(budget);
  });

  test('bridgeMatching from the plan of the bridge has nothing left to iterate', async () => {
    const run = await bridgeMatching(problem, { ...training, iterations: 1, coupling: gaussianCoupling(staticProblem(problem)) });
    const budget = await errorBudget(run);
    expect(Math.abs(part(budget, 1, 'crossCovariance', 'ipf'))).toBeLessThan(1e-4);
  });

  test('scoreModel: the first iterate of IPF', async () => {
    const run = await scoreModel(problem, training);
    const budget = await errorBudget(run, { seeds: [2, 3, 4, 5, 6, 7] });
    const exact = gaussianIpf(problem).iterate(1).moments().sourceCovariance.get(0, 0) - bridge.sourceCovariance.get(0, 0);
    expect(part(budget, 1, 'sourceCovariance', 'ipf')).toBeCloseTo(exact, 12);
    withinSampling(budget);
  });

  test('sinkhornFlowMatching: one row a moment, the plan handed in', async () => {
    const run = await sinkhornFlowMatching(problem, { ...training, coupling: gaussianCoupling(staticProblem(problem)) });
    const budget = await errorBudget(run, { seeds: [2, 3, 4, 5, 6, 7] });
    expect(budget.rows.map(({ halfStep }) => halfStep)).toEqual([0, 0, 0, 0, 0]);
    expect(Math.abs(part(budget, 0, 'crossCovariance', 'ipf'))).toBeLessThan(1e-4);
    // E[X_T | X_t] is a martingale, so Euler keeps the cross-covariance; the spread at the end it does not.
    expect(Math.abs(part(budget, 0, 'crossCovariance', 'discretisation'))).toBeLessThan(1e-12);
    expect(Math.abs(part(budget, 0, 'targetCovariance', 'discretisation'))).toBeGreaterThan(1e-3);
    withinSampling(budget);
  });

  test('mixtureBridge: one row a moment, no grid and no iteration', async () => {
    const run = await mixtureBridge(problem, { components: 3, samples: 4000, seed: 1 });
    const budget = await errorBudget(run, { seeds: [2, 3, 4, 5] });
    expect(budget.rows).toHaveLength(5);
    expect(part(budget, 0, 'crossCovariance', 'ipf')).toBe(0);
    expect(part(budget, 0, 'crossCovariance', 'discretisation')).toBe(0);
    const fit = part(budget, 0, 'targetCovariance', 'regressionFresh');
    expect(Math.abs(fit)).toBeGreaterThan(1e-9);
    expect(Math.abs(fit)).toBeLessThan(0.05);
    const one = await errorBudget(await mixtureBridge(problem, { components: 1, samples: 4000, seed: 1 }));
    expect(Math.abs(part(one, 0, 'targetCovariance', 'regressionFresh'))).toBeLessThan(1e-10);
  });

  test('pairs of mini-batches follow no known law, restored runs no seed: both are named', async () => {
    const run = await sinkhornFlowMatching(problem, {
      ...training,
      innerSteps: 1,
      cache: 256,
      coupling: (_x, _y, small) => gaussianLike(small),
    });
    await expect(errorBudget(run)).rejects.toThrow(/mini-batches/);
    const matched = await bridgeMatching(problem, { ...training, iterations: 1 });
    const restored = restoreBridge(problem, matched.toBytes());
    await expect(restored.repeat(3)).rejects.toThrow(DomainError);
    expect((await matched.repeat(1)).digest).toBe(matched.digest);
    expect((await matched.repeat(2)).digest).not.toBe(matched.digest);
  });
});

/** The identity pairing of a mini-batch: any coupling will do. */
function gaussianLike(small: Parameters<typeof gaussianCoupling>[0]) {
  const { source, target } = small;
  return gaussianCoupling({
    ...small,
    source: gaussianMarginal({ mean: source.mean(), covariance: source.covariance() }),
    target: gaussianMarginal({ mean: target.mean(), covariance: target.covariance() }),
  });
}
