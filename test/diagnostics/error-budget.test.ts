import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import type { CouplingMoments } from '../../src/couplings/coupling.ts';
import { type ErrorBudget, type ErrorBudgetRow, errorBudget } from '../../src/diagnostics/error-budget.ts';
import { theoremChecks } from '../../src/diagnostics/theorem-checks.ts';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import type { DiffusionBridge } from '../../src/diffusion/diffusion-run.ts';
import type { ChainDrift, DriftModelSpec } from '../../src/drifts/drift-model.ts';
import { linear } from '../../src/drifts/linear.ts';
import { mlp } from '../../src/drifts/mlp.ts';
import { DomainError } from '../../src/errors.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { gaussianIpf } from '../../src/gaussian/gaussian-ipf.ts';
import { populationDsb } from '../../src/gaussian/population-dsb.ts';
import { dataMarginal } from '../../src/marginals/discrete-marginal.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { ornsteinUhlenbeck } from '../../src/references/ornstein-uhlenbeck.ts';
import { simulatedReference } from '../../src/references/simulated-reference.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { planarGaussians } from '../laws/planar-gaussians.ts';
import { studentQuantile } from '../laws/statistics.ts';

const TARGETS = ['mean', 'drift', 'simple', 'moment', 'endpoint'] as const;
const MOMENTS = ['sourceMean', 'targetMean', 'sourceCovariance', 'targetCovariance', 'crossCovariance'] as const;

const problem = planarGaussians();
const grid = timeGrid.fromSteps([0.1, 0.25, 0.2, 0.3, 0.15]);

function trained(
  target: (typeof TARGETS)[number],
  drift: DriftModelSpec = linear(),
  iterations = 2,
  paths = 4000,
): Promise<DiffusionBridge> {
  return diffusionBridge(problem, { iterations, grid, target, drift, innerSteps: 5, batchSize: 2 * paths, cache: paths, seed: 1 });
}

/** `linear()` whose drifts pass through `change`, which is told the direction and how many half-steps of it are done. */
function changed(change: (drift: ChainDrift, direction: 'forward' | 'backward', done: number) => ChainDrift): DriftModelSpec {
  return {
    ...linear(),
    make(context) {
      const model = linear().make(context);
      let done = 0;
      return {
        ...model,
        finish() {
          model.finish();
          done++;
        },
        freeze: () => change(model.freeze(), context.direction, done),
      };
    },
  };
}

/** The same drift, not known to be affine. */
const hidden = changed((drift) => ({ ...drift, affine: () => undefined }));

function entries(moments: CouplingMoments, name: (typeof MOMENTS)[number]): number[] {
  const value = moments[name];
  return value instanceof Float64Array ? Array.from(value) : value.to1DArray();
}

function at(budget: ErrorBudget, halfStep: number, moment: (typeof MOMENTS)[number]): ErrorBudgetRow {
  return budget.rows.find((row) => row.halfStep === halfStep && row.moment === moment)!;
}

function largest(budget: ErrorBudget, halfStep: number, part: 'regressionFresh' | 'regressionAccumulated'): number {
  return Math.max(...budget.rows.filter((row) => row.halfStep === halfStep).flatMap((row) => row[part].map(Math.abs)));
}

const add = (...parts: (readonly number[])[]): number[] => parts[0]!.map((_, i) => parts.reduce((sum, part) => sum + part[i]!, 0));

function close(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => {
    expect(Math.abs(value - expected[i]!), `entry ${i}: ${value} against ${expected[i]}`).toBeLessThanOrEqual(tolerance);
  });
}

describe('the parts are a telescope', () => {
  for (const target of TARGETS) {
    test(`target ${target}: bridge, IPF, infinite data, learned law, sample`, async () => {
      const run = await trained(target);
      const budget = await errorBudget(run);
      expect(budget.rows.map((row) => [row.halfStep, row.moment])).toEqual([1, 2, 3, 4].flatMap((i) => MOMENTS.map((name) => [i, name])));
      const bridge = gaussianBridge(problem).moments();
      const ipf = gaussianIpf(problem);
      const population = populationDsb(problem, grid, { target });
      for (const row of budget.rows) {
        const { halfStep, moment } = row;
        let sum = entries(bridge, moment);
        sum = add(sum, row.ipf);
        close(sum, entries(ipf.iterate(halfStep).moments(), moment), 1e-12);
        sum = add(sum, row.discretisation);
        close(sum, entries(population.iterate(halfStep).moments(), moment), 1e-12);
        sum = add(sum, row.regressionFresh, row.regressionAccumulated);
        close(sum, entries(run.iterate(halfStep).moments(), moment), 1e-12);
        // What is left is a sample of 4000 paths: never zero, never many standard errors.
        row.sampling.forEach((value, i) => {
          expect(value).not.toBe(0);
          expect(Math.abs(value) / row.standardError[i]!, `half-step ${halfStep}, ${moment}`).toBeLessThan(5);
        });
      }
      // The prescribed side: variances 1 and 0.6 over 4000 paths.
      close(at(budget, 2, 'sourceMean').standardError, [Math.sqrt(1 / 4000), Math.sqrt(0.6 / 4000)], 1e-3);
      expect(largest(budget, 1, 'regressionAccumulated')).toBeLessThan(1e-12);
      expect(largest(budget, 2, 'regressionAccumulated')).toBeGreaterThan(1e-4);
    });
  }
});

test('the first half-step inherits nothing, also where the chain of the reference is not the reference', async () => {
  const pulled = bridgeProblem({ source: problem.source, target: problem.target, reference: ornsteinUhlenbeck({ rate: 1, sigma: 1 }) });
  for (const target of TARGETS) {
    const run = await diffusionBridge(pulled, { iterations: 1, grid, target, drift: linear(), innerSteps: 2, cache: 2000 });
    const budget = await errorBudget(run);
    expect(largest(budget, 1, 'regressionAccumulated'), target).toBeLessThan(1e-12);
    expect(largest(budget, 2, 'regressionFresh'), target).toBeLessThan(0.2);
  }
});

describe('a learned law without closed form', () => {
  for (const target of TARGETS) {
    test(`target ${target}: simulation gives the exact parts`, async () => {
      const exact = await errorBudget(await trained(target));
      const sampled = await errorBudget(await trained(target, hidden), { paths: 20_000 });
      expect(sampled.rows).not.toEqual(exact.rows);
      sampled.rows.forEach((row, i) => {
        for (const part of ['regressionFresh', 'regressionAccumulated'] as const) close(row[part], exact.rows[i]![part], 1e-9);
      });
    });
  }
});

describe('a network', () => {
  test('its law is that of its paths', async () => {
    const run = await diffusionBridge(problem, {
      iterations: 1,
      target: 'mean',
      grid,
      drift: mlp({ hidden: [16] }),
      innerSteps: 150,
      cache: 4000,
      seed: 2,
    });
    const paths = 60_000;
    const budget = await errorBudget(run, { paths });
    const population = populationDsb(problem, grid, { target: 'mean' });
    for (const { halfStep, moment, regressionFresh, regressionAccumulated } of budget.rows) {
      const law = add(entries(population.iterate(halfStep).moments(), moment), regressionFresh, regressionAccumulated);
      const sampled = run.iterate(halfStep).moments({ samples: paths, random: randomSource(3) });
      const errors = entries(sampled.standardErrors!, moment);
      entries(sampled, moment).forEach((value, i) => {
        expect(Math.abs(value - law[i]!) / errors[i]!, `half-step ${halfStep}, ${moment}, entry ${i}`).toBeLessThan(5);
      });
    }
  });

  test('start and noise with exact moments leave little to chance', async () => {
    const run = await diffusionBridge(problem, {
      iterations: 1,
      target: 'mean',
      grid,
      drift: mlp({ hidden: [16] }),
      innerSteps: 150,
      cache: 4000,
      seed: 2,
    });
    // Another seed of the budget, the same drifts.
    const other = { ...run, options: { ...run.options, seed: 77 } };
    const [first, second] = [await errorBudget(run, { paths: 20_000 }), await errorBudget(other, { paths: 20_000 })];
    first.rows.forEach((row, i) => {
      // Independent paths would differ by 0.01 and more.
      close(row.regressionFresh, second.rows[i]!.regressionFresh, 4e-3);
    });
  });
});

describe('regression with least squares', () => {
  test('over 16 seeds no part is significant', async () => {
    const run = await trained('mean', linear(), 3, 3000);
    const told: number[] = [];
    const budget = await errorBudget(run, {
      seeds: Array.from({ length: 15 }, (_, i) => 100 + i),
      onProgress: (share) => told.push(share),
    });
    expect(budget.runs).toBe(16);
    expect(told.at(-1)).toBeCloseTo(1, 12);
    let compared = 0;
    let worst = 0;
    let squares = 0;
    for (const { regressionFresh, regressionAccumulated, standardError } of budget.rows) {
      add(regressionFresh, regressionAccumulated).forEach((value, i) => {
        // The prescribed side is no estimate.
        if (standardError[i]! < 1e-14) expect(Math.abs(value)).toBeLessThan(1e-12);
        else {
          compared++;
          worst = Math.max(worst, Math.abs(value) / standardError[i]!);
          squares += (value / standardError[i]!) ** 2;
        }
      });
    }
    expect(compared).toBe(6 * (2 + 4 + 4));
    expect(worst).toBeLessThan(studentQuantile(0.01 / compared, 15));
    // Parts of the size of their standard errors: neither is off by a factor of √16.
    expect(worst).toBeGreaterThan(1);
    expect(Math.sqrt(squares / compared)).toBeGreaterThan(0.45);
    expect(Math.sqrt(squares / compared)).toBeLessThan(2.2);
    // Errors of the size that 3000 × 5 paths leave.
    const spread = at(budget, 2, 'targetMean').standardError;
    for (const value of spread) expect(value).toBeGreaterThan(1e-3 / 4);
    for (const value of spread) expect(value).toBeLessThan(0.02);
  });

  test('a wrong drift in one half-step is fresh there and inherited afterwards', async () => {
    const spoilt = changed((drift, direction, done) => {
      if (direction !== 'forward' || done !== 1) return drift;
      return {
        ...drift,
        affine: (k) => {
          const { matrix, offset } = drift.affine(k)!;
          return { matrix: matrix.clone().mul(2), offset: offset.map((x) => 2 * x) };
        },
        evaluate(k, x, out) {
          drift.evaluate(k, x, out);
          for (let i = 0; i < out.length; i++) out[i]! *= 2;
        },
      };
    });
    const good = await errorBudget(await trained('mean'));
    const bad = await errorBudget(await trained('mean', spoilt));
    for (const i of [1, 2, 3, 4]) expect(largest(good, i, 'regressionFresh'), `half-step ${i}`).toBeLessThan(0.1);
    expect(largest(bad, 2, 'regressionFresh')).toBeGreaterThan(0.2);
    expect(largest(bad, 2, 'regressionAccumulated')).toBeLessThan(0.1);
    expect(largest(bad, 3, 'regressionFresh')).toBeLessThan(0.1);
    expect(largest(bad, 3, 'regressionAccumulated')).toBeGreaterThan(0.05);
    expect(largest(bad, 3, 'regressionAccumulated')).toBeGreaterThan(3 * largest(good, 3, 'regressionAccumulated'));
    expect(at(bad, 1, 'sourceMean')).toEqual(at(good, 1, 'sourceMean'));
  });
});

test('conditional covariances of a network: the parts add up, and what it leaves is regression', async () => {
  const drift = mlp({ hidden: [16] });
  const run = await diffusionBridge(problem, {
    iterations: 1,
    grid,
    target: 'moment',
    covariance: 'network',
    drift,
    innerSteps: 300,
    seed: 1,
  });
  const budget = await errorBudget(run, { paths: 50_000 });
  const constant = await errorBudget(
    await diffusionBridge(problem, { iterations: 1, grid, target: 'moment', drift, innerSteps: 300, seed: 1 }),
    { paths: 50_000 },
  );
  for (const [i, row] of budget.rows.entries()) {
    expect(row.ipf).toEqual(constant.rows[i]!.ipf);
    row.regressionFresh.forEach((part, k) => {
      expect(Math.abs(part - constant.rows[i]!.regressionFresh[k]!), `${row.halfStep} ${row.moment}`).toBeLessThan(0.1);
    });
  }
  // The law is that of the network's covariances, not of the constant ones.
  expect(budget.rows.at(-1)!.regressionFresh).not.toEqual(constant.rows.at(-1)!.regressionFresh);
  const steins = (await theoremChecks(run, { samples: 500 })).inapplicable.filter(({ name }) => name.startsWith('Stein'));
  expect(steins).toMatchObject([{ reason: expect.stringContaining('at every point') }]);
});

describe('bad input', () => {
  test('is refused by name', async () => {
    const run = await trained('mean', linear(), 1, 1000);
    await expect(errorBudget(run, { seeds: [1] })).rejects.toThrow(/errorBudget: seed 1 is used twice/);
    await expect(errorBudget(run, { seeds: [0.5] })).rejects.toThrow(DomainError);
    await expect(errorBudget(run, { paths: 10 })).rejects.toThrow(/errorBudget: paths/);
    for (const none of [undefined, null, {}, problem]) {
      await expect(errorBudget(none as never)).rejects.toThrow(DomainError);
      await expect(errorBudget(none as never)).rejects.toThrow(/^errorBudget: this is no bridge; pass what diffusionBridge/);
    }
    await expect(errorBudget(gaussianBridge(run.problem) as never)).rejects.toThrow(/^errorBudget: a gaussian-bridge was not learned/);
    await expect(errorBudget(run, { sedes: [2] } as object)).rejects.toThrow(/unknown option 'sedes'/);
    const points = dataMarginal(problem.source.sample(50, randomSource(1)));
    const data = bridgeProblem({ source: points, target: problem.target, reference: problem.reference });
    const onData = await diffusionBridge(data, { iterations: 1, grid, drift: linear(), innerSteps: 2, cache: 100 });
    await expect(errorBudget(onData)).rejects.toThrow(/errorBudget: source of the run: source is a discrete marginal/);
    const wild = simulatedReference({ dimension: 2, drift: (_, x) => Array.from({ length: x.count }, () => [0, 0]), diffusion: 1 });
    const overWild = await diffusionBridge(bridgeProblem({ source: problem.source, target: problem.target, reference: wild }), {
      iterations: 1,
      grid,
      drift: linear(),
      innerSteps: 2,
      cache: 100,
      target: 'mean',
    });
    await expect(errorBudget(overWild)).rejects.toThrow(/^errorBudget: between Gaussians over a simulated reference/);
  });
});
