import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import type { DiffusionOptions } from '../../src/diffusion/options.ts';
import { allocateRows } from '../../src/diffusion/regression-target.ts';
import { memoryWarnings, trainingBytes } from '../../src/diffusion/training-memory.ts';
import type { TrainingProgress } from '../../src/diffusion/training-options.ts';
import type { DriftModel, DriftModelSpec } from '../../src/drifts/drift-model.ts';
import { linear } from '../../src/drifts/linear.ts';
import { mlp } from '../../src/drifts/mlp.ts';
import { dataMarginal } from '../../src/marginals/discrete-marginal.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { brownian } from '../../src/references/brownian.ts';
import { timeGrid } from '../../src/references/time-grid.ts';

const source = gaussianMarginal({ mean: [-0.5], covariance: 1 });
const target = gaussianMarginal({ mean: [0.5], covariance: 0.8 });
const problem = bridgeProblem({ source, target, reference: brownian({ sigma: 1 }) });
const quick: DiffusionOptions = {
  iterations: 2,
  target: 'mean',
  grid: timeGrid.uniform({ steps: 4 }),
  drift: linear(),
  innerSteps: 10,
  batchSize: 400,
  cache: 300,
  seed: 1,
};

/** linear() with some of its methods changed. */
const changed = (change: (model: DriftModel) => Partial<DriftModel>): DriftModelSpec => ({
  ...linear(),
  make(context) {
    const model = linear().make(context);
    return { ...model, ...change(model) };
  },
});

describe('a half-step that goes wrong ends the run with the last good state', () => {
  for (const [name, bad] of [
    ['a loss that is not a number', Number.NaN],
    ['an infinite loss', Number.POSITIVE_INFINITY],
    ['a loss a million times that of no drift at all', 1e9],
  ] as const) {
    test(name, async () => {
      let steps = 0;
      const broken = changed(({ step }) => ({ step: (batch, rate) => (++steps > 25 ? bad : step(batch, rate)) }));
      const run = await diffusionBridge(problem, { ...quick, drift: broken });
      const whole = await diffusionBridge(problem, quick);
      expect(run.status).toBe('diverged');
      expect(run.halfSteps).toHaveLength(2);
      expect(run.warnings.at(-1)).toBe('diffusionBridge: half-step 3 (backward) diverged; the run ends with half-step 2');
      expect(run.moments()).toEqual(whole.iterate(2).moments());
    });
  }

  test('a learning rate that makes Adam explode', async () => {
    const run = await diffusionBridge(problem, {
      ...quick,
      drift: mlp({ hidden: [16, 16], activation: 'leaky-relu' }),
      innerSteps: 200,
      learningRate: { initial: 1e6, schedule: 'constant' },
    });
    expect(run.status).toBe('diverged');
    expect(run.halfSteps).toHaveLength(0);
    expect(run.moments()).toEqual(run.iterate(0).moments());
  });
});

describe('what a half-step starts from', () => {
  /** Counts models, and what is asked of them. */
  function counted() {
    const counts = { made: 0, disposed: 0 };
    const drift = changed(() => {
      counts.made++;
      return { dispose: () => void counts.disposed++ };
    });
    return { counts, drift };
  }

  test("'previous': one model a direction; 'fresh': one a half-step; all are disposed of", async () => {
    for (const [initial, made] of [
      ['previous', 2],
      ['fresh', 6],
    ] as const) {
      const { counts, drift } = counted();
      await diffusionBridge(problem, { ...quick, drift, initial });
      expect(counts).toEqual({ made, disposed: made });
    }
  });

  test('models are disposed of when a run ends by an error', async () => {
    for (const broken of [
      { checkpoint: { load: () => undefined, save: () => Promise.reject(new Error('disk full')) } },
      {
        onProgress({ step }: TrainingProgress) {
          if (step > 0) throw new Error('disk full');
        },
      },
    ]) {
      const { counts, drift } = counted();
      await expect(diffusionBridge(problem, { ...quick, drift, ...broken })).rejects.toThrow('disk full');
      expect(counts).toEqual({ made: 2, disposed: 2 });
    }
  });

  test('a fresh network differs from one that goes on, and half-steps differ from each other', async () => {
    const options = { ...quick, drift: mlp({ hidden: [8] }), learningRate: 1e-12, innerSteps: 1 };
    // With hardly any training the last layer stays zero and the drift with it: what differs are the first layers.
    const [previous, fresh] = await Promise.all([
      diffusionBridge(problem, options),
      diffusionBridge(problem, { ...options, initial: 'fresh' }),
    ]);
    const weights = (run: typeof fresh, i: number) => new Float32Array(run.chain(i).drift.bytes().slice().buffer)[0]!;
    expect(weights(previous, 3)).toBeCloseTo(weights(previous, 1), 6);
    expect(Math.abs(weights(fresh, 3) - weights(fresh, 1))).toBeGreaterThan(1e-3);
  });
});

describe('what is said before training', () => {
  test('memory and warnings come with the first report, before any path is simulated', async () => {
    const seen: TrainingProgress[] = [];
    const controller = new AbortController();
    const run = await diffusionBridge(problem, {
      ...quick,
      iterations: 1,
      signal: controller.signal,
      onProgress(progress) {
        seen.push(progress);
        controller.abort();
      },
    });
    expect(seen).toHaveLength(1);
    const [first] = seen;
    expect(first).toMatchObject({ halfStep: 1, halfSteps: 2, step: 0, steps: 10, secondsLeft: 0, loss: Number.NaN });
    const { inputs, targets } = allocateRows(4, 300, 1);
    expect(first!.memoryBytes).toBe(inputs.byteLength + targets.byteLength + 4 * 4 * 300);
    expect(first!.warnings.join()).toMatch(/ρ² = 0\.\d+ .* predicts \d+ iterations to 1% of the initial error, 1 were asked for/);
    expect(run.halfSteps).toHaveLength(0);
  });

  test('a cache of many gigabytes', () => {
    const options = { grid: timeGrid.uniform({ steps: 50 }), paths: 100_000 };
    const large = { problem: { ...problem, dimension: 100 }, options, plan: [] };
    const bytes = trainingBytes(large as unknown as Parameters<typeof trainingBytes>[0]);
    expect(memoryWarnings('diffusionBridge', bytes)).toEqual([
      'diffusionBridge: training takes 7.47 GiB; lower cache.paths or take fewer steps',
    ]);
    expect(memoryWarnings('diffusionBridge', 1e9)).toEqual([]);
  });

  test('a horizon so short that ρ² > 0.999: the predicted number of iterations, and what to do', async () => {
    const short = bridgeProblem({ source, target, reference: brownian({ sigma: 1, horizon: 4e-4 }) });
    const grid = timeGrid.uniform({ steps: 4, horizon: 4e-4 });
    const { warnings } = await diffusionBridge(short, { ...quick, grid, signal: AbortSignal.abort() });
    const [, missing, iterations] = warnings[0]!.match(
      /1 − ρ² = ([\d.e-]+) .* predicts (\d+) iterations .*; enlarge sigma or the horizon/,
    )!;
    expect(Number(missing)).toBeLessThan(0.001);
    // ln 100 / −ln ρ².
    expect(Number(iterations) / (Math.log(100) / -Math.log1p(-Number(missing)))).toBeCloseTo(1, 1);
  });
});

describe('almost no noise', () => {
  const warned = async (sigma: number): Promise<string> => {
    const still = bridgeProblem({ source, target, reference: brownian({ sigma }) });
    const grid = timeGrid.uniform({ steps: 4 });
    return (await diffusionBridge(still, { ...quick, grid, signal: AbortSignal.abort() })).warnings.join();
  };

  test('what is missing of ρ² = 1 is said in its own digits', async () => {
    expect(await warned(1e-4)).toMatch(/1 − ρ² = [1-9][\d.]*e-\d .* predicts \d+ iterations .*; enlarge sigma/);
  });

  test.each([1e-8, 1e-9, 1e-12])('ρ² that rounds to 1, σ = %s: no number of iterations', async (sigma) => {
    expect(await warned(sigma)).toMatch(/1 − ρ² < 1.8e-15 .* no number of iterations leads to 1% .*; enlarge sigma/);
  });
});

describe('bad input is refused where it enters', () => {
  test('a data set with NaN rows: the number of the row', () => {
    expect(() => dataMarginal([[0], [1], [Number.NaN]])).toThrow(/row 2/);
  });

  test('marginals and reference of different dimension', () => {
    const plane = gaussianMarginal({ mean: [0, 0], covariance: 1 });
    expect(() => bridgeProblem({ source, target: plane, reference: brownian({ sigma: 1 }) })).toThrow(/source has dimension 1, target 2/);
  });

  test('a step that is not positive: its number', () => {
    expect(() => timeGrid.fromSteps([0.5, 0, 0.5])).toThrow(/step 1 is 0; every step must be > 0/);
  });
});
