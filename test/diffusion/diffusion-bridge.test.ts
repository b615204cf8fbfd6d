import { describe, expect, test } from 'vitest';
import { type BridgeProblem, bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import type { DiffusionOptions } from '../../src/diffusion/options.ts';
import type { TrainingProgress } from '../../src/diffusion/training-options.ts';
import type { DriftModelSpec } from '../../src/drifts/drift-model.ts';
import { linear } from '../../src/drifts/linear.ts';
import { mlp } from '../../src/drifts/mlp.ts';
import { DomainError, ShapeError } from '../../src/errors.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { weightedMoments } from '../../src/numerics/moments.ts';
import { points } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/brownian.ts';
import { ornsteinUhlenbeck } from '../../src/references/ornstein-uhlenbeck.ts';
import { simulatedReference } from '../../src/references/simulated-reference.ts';
import { timeGrid } from '../../src/references/time-grid.ts';

const source = gaussianMarginal({
  mean: [-0.5, 0],
  covariance: [
    [1, 0.2],
    [0.2, 0.5],
  ],
});
const target = gaussianMarginal({ mean: [0.5, 0.3], covariance: 0.8 });
const problem: BridgeProblem = bridgeProblem({ source, target, reference: brownian({ sigma: 1 }) });
const grid = timeGrid.fromSteps([0.1, 0.3, 0.2, 0.4]);
const quick: DiffusionOptions = {
  iterations: 2,
  target: 'mean',
  grid,
  drift: linear(),
  innerSteps: 10,
  batchSize: 400,
  cache: 500,
  seed: 1,
};

test('without a target it regresses end points, and the mean where the reference has no bridges', async () => {
  const { target, ...rest } = quick;
  expect(target).toBe('mean');
  const brief = { ...rest, iterations: 1 };
  const [plain, named] = [await diffusionBridge(problem, brief), await diffusionBridge(problem, { ...brief, target: 'endpoint' })];
  expect(plain.options.target).toBe('endpoint');
  expect(plain.digest).toBe(named.digest);
  const { source, dimension } = problem;
  const reference = simulatedReference({ dimension, drift: (_t, x) => x, diffusion: 1, horizon: 1 });
  const simulated = await diffusionBridge(bridgeProblem({ source, target: problem.target, reference }), brief);
  expect(simulated.options.target).toBe('mean');
});

describe('a run is reproducible', () => {
  for (const [name, drift] of [
    ['linear', linear()],
    ['mlp', mlp({ hidden: [8], timeFeatures: 2 })],
  ] as const) {
    test(`same seed, same bits: ${name}`, async () => {
      const options = { ...quick, drift, iterations: 1 };
      const [a, b, other] = await Promise.all([
        diffusionBridge(problem, options),
        diffusionBridge(problem, options),
        diffusionBridge(problem, { ...options, seed: 2 }),
      ]);
      expect(a.digest).toMatch(/^[0-9a-f]{64}$/);
      expect(b.digest).toBe(a.digest);
      expect(other.digest).not.toBe(a.digest);
      expect(b.halfSteps.map((h) => h.loss)).toEqual(a.halfSteps.map((h) => h.loss));
      const draw = (run: typeof a) => run.sample(5, randomSource(3));
      expect(draw(b)).toEqual(draw(a));
    });
  }

  test('draws move the caller’s source on', async () => {
    const run = await diffusionBridge(problem, quick);
    const random = randomSource(3);
    expect(run.sample(5, random).x.data).not.toEqual(run.sample(5, random).x.data);
    expect(run.marginalAt(0.35).sample(5, random).data).not.toEqual(run.marginalAt(0.35).sample(5, random).data);
    expect(run.simulate({ count: 5, grid, random }).points[0]!.data).not.toEqual(run.simulate({ count: 5, grid, random }).points[0]!.data);
  });

  test('a path does not depend on how many follow it', async () => {
    const run = await diffusionBridge(problem, quick);
    const from = [
      [0, 0],
      [1, 1],
      [2, 2],
    ];
    const few = run.simulate({ from: from.slice(0, 2), grid, random: randomSource(4) });
    const one = run.simulate({ from: from.slice(0, 1), grid, random: randomSource(4) });
    expect(few.points[1]!.data.slice(0, 2)).toEqual(one.points[1]!.data);
  });
});

describe('the run', () => {
  test('alternates backward and forward, is frozen, and prints small', async () => {
    const run = await diffusionBridge(problem, quick);
    expect(run.status).toBe('max-iterations');
    expect(run.halfSteps.map((h) => h.direction)).toEqual(['backward', 'forward', 'backward', 'forward']);
    for (const { loss, seconds } of run.halfSteps) {
      expect(loss).toBeGreaterThan(0);
      expect(seconds).toBeGreaterThanOrEqual(0);
    }
    expect(Object.isFrozen(run)).toBe(true);
    expect(JSON.stringify(run).length).toBeLessThan(400);
    expect(run.halfSteps[3]!.moments).toEqual(run.moments());
    expect(run.iterate(4).moments()).toEqual(run.direction('forward').moments());
    expect(run.iterate(3).moments()).toEqual(run.direction('backward').moments());
  });

  test('iterate(0) is the discretised reference from the source', async () => {
    const run = await diffusionBridge(problem, quick);
    const start = run.iterate(0);
    const { targetMean, targetCovariance, crossCovariance } = start.moments();
    targetMean.forEach((m, k) => {
      expect(m).toBeCloseTo(source.mean()[k]!, 12);
    });
    expect(targetCovariance.sub(source.covariance()).to2DArray()[0]![0]).toBeCloseTo(1, 12);
    expect(crossCovariance.to2DArray()).toEqual(source.covariance().to2DArray());
    for (const ask of [
      () => start.backwardDrift(0.5, [[0, 0]]),
      () => start.score(0.5, [[0, 0]]),
      () => start.velocity(0.5, [[0, 0]]),
      () => start.simulate({ count: 1, grid, random: randomSource(0), direction: 'backward' }),
    ]) {
      expect(ask).toThrow(DomainError);
    }
  });

  test('after half-step 1 the forward drift is still the reference’s', async () => {
    const reference = ornsteinUhlenbeck({ rate: 0.7, sigma: 1 });
    const run = await diffusionBridge(bridgeProblem({ source, target, reference }), quick);
    expect(run.iterate(1).drift(0.45, [[1, 2]]).data).toEqual(reference.drift(0.4, [[1, 2]]).data);
    expect(run.iterate(2).drift(0.45, [[1, 2]]).data).not.toEqual(reference.drift(0.4, [[1, 2]]).data);
  });

  test('transition, drift and noise are one thing; drifts are constant on their side of a step', async () => {
    const run = await diffusionBridge(problem, quick);
    const x = [
      [0.3, -0.4],
      [1, 1],
    ];
    for (let k = 0; k < grid.steps; k++) {
      for (const direction of ['forward', 'backward'] as const) {
        const { mean, covariance } = run.transition(k, x, direction);
        expect(covariance.to2DArray()).toEqual([
          [grid.durations[k], 0],
          [0, grid.durations[k]],
        ]);
        const [low, high] = [grid.times[k]!, grid.times[k + 1]!];
        const middle = (low + high) / 2;
        const at = (t: number) => (direction === 'forward' ? run.drift(t, x) : run.backwardDrift(t, x)).data;
        const values = at(middle);
        mean.data.forEach((m, i) => {
          expect(m).toBeCloseTo(x.flat()[i]! + grid.durations[k]! * values[i]!, 12);
        });
        expect(at(direction === 'forward' ? low : high)).toEqual(values);
      }
    }
    const [f, b] = [run.drift(0.25, x).data, run.backwardDrift(0.25, x).data];
    run.score(0.25, x).data.forEach((s, i) => {
      expect(s).toBeCloseTo(f[i]! + b[i]!, 12);
    });
    run.velocity(0.25, x).data.forEach((v, i) => {
      expect(v).toBeCloseTo(0.5 * (f[i]! - b[i]!), 12);
    });
  });

  test('exact moments are those of simulated paths, in both directions', async () => {
    const run = await diffusionBridge(problem, quick);
    for (const direction of ['forward', 'backward'] as const) {
      const law = run.direction(direction);
      const exact = law.moments();
      expect(exact.standardErrors).toBeUndefined();
      const n = 20_000;
      const { x, y } = law.sample(n, randomSource(8));
      const paths = law.simulate({ count: n, grid, random: randomSource(9), direction });
      for (const [from, to] of [
        [x, y],
        [paths.points[0]!, paths.points.at(-1)!],
      ] as const) {
        for (const [rows, mean, covariance] of [
          [from, exact.sourceMean, exact.sourceCovariance],
          [to, exact.targetMean, exact.targetCovariance],
        ] as const) {
          const sampled = weightedMoments(rows);
          sampled.mean.forEach((m, k) => {
            expect(Math.abs(m - mean[k]!)).toBeLessThan(4.5 * Math.sqrt(covariance.get(k, k) / n));
          });
          sampled.covariance.to2DArray().forEach((row, i) => {
            row.forEach((c, j) => {
              const error = Math.sqrt((covariance.get(i, i) * covariance.get(j, j) + covariance.get(i, j) ** 2) / n);
              expect(Math.abs(c - covariance.get(i, j))).toBeLessThan(4.5 * error);
            });
          });
        }
      }
    }
  });

  for (const regressed of ['mean', 'moment'] as const)
    test(`marginalAt between nodes is the law of the partial step: ${regressed}`, async () => {
      const run = await diffusionBridge(problem, { ...quick, target: regressed });
      const law = run.marginalAt(0.25);
      const n = 20_000;
      const sampled = weightedMoments(law.sample(n, randomSource(5)));
      sampled.mean.forEach((m, k) => {
        expect(Math.abs(m - law.mean()[k]!)).toBeLessThan(4.5 * Math.sqrt(law.covariance().get(k, k) / n));
      });
      expect(Math.abs(sampled.covariance.get(0, 0) / law.covariance().get(0, 0) - 1)).toBeLessThan(4.5 * Math.sqrt(2 / n));
      expect(run.marginalAt(0).mean()).toEqual(source.mean());
      const end = run.moments();
      law.mean().forEach((m) => {
        expect(Number.isFinite(m)).toBe(true);
      });
      run
        .marginalAt(1)
        .mean()
        .forEach((m, k) => {
          expect(m).toBeCloseTo(end.targetMean[k]!, 12);
        });
    });

  test('a network’s moments come with standard errors', async () => {
    const run = await diffusionBridge(problem, { ...quick, iterations: 1, drift: mlp({ hidden: [8] }) });
    const { standardErrors, targetCovariance } = run.moments({ samples: 1000, random: randomSource(1) });
    expect(standardErrors!.targetMean[0]).toBeCloseTo(Math.sqrt(targetCovariance.get(0, 0) / 1000), 12);
  });

  test('says when too few iterations were asked for, and when the problem is too hard', async () => {
    const easy = await diffusionBridge(bridgeProblem({ source, target, reference: brownian({ sigma: 5 }) }), { ...quick, iterations: 5 });
    expect(easy.warnings).toEqual([]);
    const hard = bridgeProblem({ source, target, reference: brownian({ sigma: 0.05 }) });
    const run = await diffusionBridge(hard, { ...quick, iterations: 1 });
    expect(run.warnings.join(' ')).toMatch(/ρ².*predicts \d+ iterations.*enlarge sigma/);
  });
});

describe('a run that ends early keeps its last good state', () => {
  test('aborted', async () => {
    const controller = new AbortController();
    const seen: TrainingProgress[] = [];
    const run = await diffusionBridge(problem, {
      ...quick,
      signal: controller.signal,
      onProgress(progress) {
        seen.push(progress);
        if (progress.halfStep === 2) controller.abort();
      },
    });
    expect(run.status).toBe('aborted');
    expect(run.halfSteps).toHaveLength(1);
    expect(run.warnings.join(' ')).toMatch(/half-step 2/);
    expect(run.drift(0, [[1, 1]]).data).toEqual(Float64Array.of(0, 0));
    const whole = await diffusionBridge(problem, quick);
    expect(run.iterate(1).moments()).toEqual(whole.iterate(1).moments());
    for (const { step, steps, secondsLeft, halfSteps } of seen) {
      expect(step).toBeLessThanOrEqual(steps);
      expect(halfSteps).toBe(4);
      expect(secondsLeft).toBeGreaterThanOrEqual(0);
    }
  });

  test('aborted before it began', async () => {
    const run = await diffusionBridge(problem, { ...quick, signal: AbortSignal.abort() });
    expect(run.status).toBe('aborted');
    expect(run.halfSteps).toHaveLength(0);
    expect(run.moments()).toEqual(run.iterate(0).moments());
  });

  test('diverged', async () => {
    let steps = 0;
    const broken: DriftModelSpec = {
      ...linear(),
      make(context) {
        const model = linear().make(context);
        const { step } = model;
        return { ...model, step: (batch, rate) => (++steps > 15 ? Number.NaN : step(batch, rate)) };
      },
    };
    const run = await diffusionBridge(problem, { ...quick, drift: broken });
    expect(run.status).toBe('diverged');
    expect(run.halfSteps).toHaveLength(1);
  });
});

describe('bad options are refused by name', () => {
  const cases: readonly (readonly [string, object, RegExp])[] = [
    ['unknown target', { target: 'score' }, /unknown target 'score'/],
    ['checkpoint', { checkpoint: {} }, /checkpoint has no load and save/],
    ['initial', { initial: 'random' }, /initial is 'random'/],
    ['misspelt', { innerStep: 3 }, /unknown option 'innerStep'/],
    ['iterations', { iterations: 0 }, /iterations must be a whole number/],
    ['innerSteps', { innerSteps: 1.5 }, /innerSteps must be a whole number/],
    ['batchSize', { batchSize: -1 }, /batchSize must be a whole number/],
    ['learningRate', { learningRate: 0 }, /learningRate must be a number > 0/],
    ['learningRate schedule', { learningRate: { initial: 1e-3, schedule: 'step' } }, /learningRate.schedule: unknown schedule 'step'/],
    ['cache', { cache: 0 }, /cache.* must be a whole number/],
    ['cache.refreshEvery', { cache: { paths: 5, refreshEvery: 0 } }, /refreshEvery must be a whole number/],
    [
      'cache.keep',
      { cache: { paths: 5, keep: 'endpoints' } },
      /target 'mean' regresses steps of the chain, .* cache\.keep 'endpoints' has not/,
    ],
    ['cache.keep of another name', { cache: { paths: 5, keep: 'ends' as 'paths' } }, /cache\.keep is 'ends'; use 'paths' or 'endpoints'/],
    ['cache.draws', { cache: { paths: 5, draws: 'sobol' } }, /cache\.draws is 'sobol'/],
    ['cache option', { cache: { paths: 5, size: 3 } }, /unknown option 'size'/],
    ['seed', { seed: 0.5 }, /seed must be/],
    ['drift', { drift: 'mlp' }, /drift is not a model/],
    ['grid', { grid: timeGrid.uniform({ steps: 5, horizon: 2 }) }, /horizon/],
  ];
  for (const [name, options, message] of cases) {
    test(name, async () => {
      const call = diffusionBridge(problem, { ...quick, ...options } as DiffusionOptions);
      await expect(call).rejects.toThrow(DomainError);
      await expect(call).rejects.toThrow(message);
      await expect(call).rejects.toThrow(/^diffusionBridge|brownian/);
    });
  }

  test('points of another dimension', async () => {
    const run = await diffusionBridge(problem, quick);
    expect(() => run.drift(0.5, [[1]])).toThrow(ShapeError);
    expect(() => run.transition(9, points([[1, 2]]), 'forward')).toThrow(DomainError);
    expect(() => run.drift(1.5, [[1, 2]])).toThrow(DomainError);
    expect(() => run.iterate(5)).toThrow(DomainError);
  });
});
