import { describe, expect, test, vi } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import type { Checkpoint } from '../../src/diffusion/checkpoint.ts';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import { conditionalCovariances, logVarianceModel } from '../../src/diffusion/log-variance.ts';
import type { DiffusionOptions } from '../../src/diffusion/options.ts';
import { restoreBridge } from '../../src/diffusion/restore-bridge.ts';
import type { TrainingProgress } from '../../src/diffusion/training-options.ts';
import { readState } from '../../src/diffusion/training-state.ts';
import type { DriftModelSpec } from '../../src/drifts/drift-model.ts';
import { linear } from '../../src/drifts/linear.ts';
import { mlp } from '../../src/drifts/mlp.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { mixtureMarginal } from '../../src/marginals/mixture-marginal.ts';
import { packArchive, unpackArchive } from '../../src/numerics/archive.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/brownian.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { planarGaussians } from '../laws/planar-gaussians.ts';

const short = {
  grid: timeGrid.uniform({ steps: 4 }),
  target: 'moment',
  covariance: 'network',
  drift: linear(),
  innerSteps: 20,
  batchSize: 64,
  cache: 200,
  seed: 1,
} as const;

describe('a network of log-variances', () => {
  test('is nearer to the exact conditional variance of a mixture than its mean: a narrow and a wide component', async () => {
    const [variances, steps] = [[0.01, 1], 2];
    const problem = bridgeProblem({
      source: mixtureMarginal({ weights: [0.5, 0.5], components: variances.map((v) => gaussianMarginal({ mean: [0], covariance: v })) }),
      target: gaussianMarginal({ mean: [0], covariance: 1.5 }),
      reference: brownian({ sigma: 1 }),
    });
    const grid = timeGrid.uniform({ steps });
    const gamma = 1 / steps;
    // X_1 given X_2 = y, by Bayes' rule over components: no code of the library.
    const exact = (k: number, y: number): number => {
      const parts = variances.map((v) => {
        const [prior, total] = [v + k * gamma, v + (k + 1) * gamma];
        return { w: Math.exp((-y * y) / 2 / total) / Math.sqrt(total), mean: (prior / total) * y, variance: (prior * gamma) / total };
      });
      const sum = parts.reduce((a, p) => a + p.w, 0);
      const mean = parts.reduce((a, p) => a + (p.w / sum) * p.mean, 0);
      return parts.reduce((a, p) => a + (p.w / sum) * (p.variance + p.mean ** 2), 0) - mean ** 2;
    };
    for (const seed of [1, 2, 3]) {
      const run = await diffusionBridge(problem, {
        ...short,
        seed,
        grid,
        iterations: 1,
        drift: mlp({ hidden: [32, 32] }),
        innerSteps: 800,
        batchSize: 512,
        cache: 5000,
      });
      const random = randomSource(9);
      // Root mean square of the logarithm of estimate over exact value.
      const squares = { network: 0, constant: 0 };
      const count = 2000;
      for (let i = 0; i < count; i++) {
        const y = Math.sqrt(variances[i % 2]! + gamma) * random.normal();
        const { covariance, covariances } = run.transition(0, [[y]], 'backward');
        squares.network += Math.log(covariances![0]!.get(0, 0) / exact(0, y)) ** 2 / count;
        squares.constant += Math.log(covariance.get(0, 0) / exact(0, y)) ** 2 / count;
      }
      expect(Math.sqrt(squares.constant)).toBeGreaterThan(0.4);
      expect(Math.sqrt(squares.network), `seed ${seed}: ${Math.sqrt(squares.network)}`).toBeLessThan(0.12);
    }
  });

  test('untrained it is the constant estimate to the last bit; between Gaussians it stays there to sampling error', async () => {
    const problem = planarGaussians();
    const run = await diffusionBridge(problem, { ...short, iterations: 1, innerSteps: 400, batchSize: 512, cache: 5000 });
    const x = { data: Float64Array.of(0.1, 0.2, -1, 0.5), count: 2, dimension: 2 };
    const { covariance, covariances } = run.transition(1, x, 'backward');
    const fresh = logVarianceModel(problem, { grid: short.grid, batchSize: 64, seed: 1 }, 'backward', 1);
    for (const v of conditionalCovariances(fresh, 1, covariance, x)) expect(v.to2DArray()).toEqual(covariance.to2DArray());
    fresh.dispose?.();
    const off = covariances!.flatMap((v) => v.to1DArray().map((value, i) => Math.abs(value - covariance.to1DArray()[i]!)));
    expect(Math.max(...off)).toBeLessThan(0.08 * covariance.get(0, 0));
  });

  test('a run that is killed and resumed, and one made from bytes, have the same bits; another choice is refused', async () => {
    const problem = planarGaussians();
    let checkpoint: Checkpoint | undefined;
    const whole = await diffusionBridge(problem, { ...short, iterations: 2 });
    // In the first slice of half-step 3, and in the first while its log-variances are learned.
    for (const place of ['drift', 'covariance'] as const) {
      let kept: Uint8Array | undefined;
      checkpoint = { everySeconds: 0, load: () => kept, save: (bytes) => void (kept = bytes) };
      const killer = new AbortController();
      const killed = await diffusionBridge(problem, {
        ...short,
        iterations: 2,
        checkpoint,
        signal: killer.signal,
        onProgress: ({ halfStep, learning }) => void (halfStep === 3 && learning === place && killer.abort()),
      });
      expect([killed.status, killed.halfSteps.length], place).toEqual(['aborted', 2]);
      expect((await diffusionBridge(problem, { ...short, iterations: 2, checkpoint })).digest, place).toBe(whole.digest);
    }
    const again = restoreBridge(problem, whole.toBytes());
    expect(again.digest).toBe(whole.digest);
    expect(again.sample(5, randomSource(3)).y.data).toEqual(whole.sample(5, randomSource(3)).y.data);
    await expect(diffusionBridge(problem, { ...short, iterations: 2, covariance: 'constant', checkpoint: checkpoint! })).rejects.toThrow(
      /another one/,
    );
  });

  test('its training counts: steps, loss near ½ on Gaussians, time left until the end of it', async () => {
    // A clock that runs 5 ms at every look, so that slices of 16 ms end after a few steps.
    let clock = 0;
    const spy = vi.spyOn(performance, 'now').mockImplementation(() => (clock += 5));
    const seen: TrainingProgress[] = [];
    const onProgress = (progress: TrainingProgress): void => void seen.push(progress);
    await diffusionBridge(planarGaussians(), { ...short, iterations: 1, innerSteps: 40, cache: 2000, batchSize: 2000, onProgress });
    spy.mockRestore();
    expect(new Set(seen.map(({ steps }) => steps))).toEqual(new Set([80]));
    const done = seen.map(({ halfStep, step }) => 80 * (halfStep - 1) + step);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect([done[0], done.at(-1)]).toEqual([0, 160]);
    for (const halfStep of [1, 2]) {
      const own = seen.filter((one) => one.halfStep === halfStep);
      const [drift, covariance] = (['drift', 'covariance'] as const).map((what) => own.filter(({ learning }) => learning === what));
      expect(Math.max(...drift!.map(({ step }) => step))).toBe(40);
      expect(covariance!.filter(({ step }) => step > 40 && step < 80).length).toBeGreaterThan(3);
      const losses = covariance!.map(({ loss }) => loss).filter((loss) => !Number.isNaN(loss));
      // ½(s + q·e^(−s)) at s = 0, where q has mean 1; the drift's loss is of another size.
      for (const loss of losses) expect(Math.abs(loss - 0.5)).toBeLessThan(0.05);
      expect(drift!.at(-1)!.loss).toBeGreaterThan(1);
    }
    // A tick passes at every look, and looks are as even as steps: what is left falls in a line to 0.
    const [middle, last] = [seen.find(({ step, halfStep }) => halfStep === 2 && step >= 40)!, seen.at(-1)!];
    expect(last.secondsLeft).toBe(0);
    expect(middle.secondsLeft / (last.seconds - middle.seconds)).toBeGreaterThan(0.4);
    expect(middle.secondsLeft / (last.seconds - middle.seconds)).toBeLessThan(2.5);
  });

  test('its memory is said before anything is trained: matrices, residuals, and a network for each half-step and one in training', async () => {
    const said = async (options: DiffusionOptions, problem = planarGaussians()): Promise<number> => {
      let bytes = 0;
      const signal = AbortSignal.abort();
      await diffusionBridge(problem, {
        ...short,
        iterations: 2,
        ...options,
        signal,
        onProgress: ({ memoryBytes }) => (bytes = memoryBytes),
      });
      return bytes;
    };
    // 4 transitions × 200 paths × (2 copies of 2 + 2 coordinates + 1 place in the order) × 4 bytes.
    const [cache, constant, network] = [
      await said({ target: 'mean', covariance: 'constant' }),
      await said({ covariance: 'constant' }),
      await said({}),
    ];
    expect(cache).toBe(4 * 200 * 9 * 4);
    // Points and residuals of a transition, of both copies; 4 half-steps × 4 transitions of 2 × 2 numbers.
    expect(constant - cache).toBe(8 * (2 * 400 * 2 + 4 * 4 * 4));
    // What a network takes is measured: WebAssembly tells how much memory is asked for.
    const asked: number[] = [];
    const Memory = WebAssembly.Memory;
    vi.stubGlobal('WebAssembly', {
      ...Object.fromEntries(Object.getOwnPropertyNames(WebAssembly).map((name) => [name, WebAssembly[name as 'Memory']])),
      Memory: class extends Memory {
        constructor(descriptor: WebAssembly.MemoryDescriptor) {
          super(descriptor);
          asked.push(65536 * descriptor.initial);
        }
      },
    });
    logVarianceModel(planarGaussians(), { grid: short.grid, batchSize: 64, seed: 1 }, 'backward', 1).dispose?.();
    vi.unstubAllGlobals();
    expect(asked).toHaveLength(1);
    // Beside its memory the rows of a batch: 9 features of time, 2 coordinates, 2 targets and a weight.
    expect((network - constant) / 5).toBe(asked[0]! + 4 * 512 * (9 + 2 + 2 + 1));
    // Above 8 dimensions the earlier points are held as well.
    const nine = bridgeProblem({
      source: gaussianMarginal({ mean: Array(9).fill(0), covariance: 1 }),
      target: gaussianMarginal({ mean: Array(9).fill(0), covariance: 1 }),
      reference: brownian({ sigma: 1 }),
    });
    const wide = (await said({ covariance: 'constant' }, nine)) - (await said({ target: 'mean', covariance: 'constant' }, nine));
    expect(wide).toBe(8 * (3 * 400 * 9 + 4 * 4 * 81));
  });

  test('a loss that explodes or is no number ends the run with the half-step before, and says where', async () => {
    // linear() takes no learning rate, so that only the network of log-variances runs away.
    const rate = { initial: 1e6, schedule: 'constant' } as const;
    const run = await diffusionBridge(planarGaussians(), { ...short, iterations: 2, learningRate: rate, innerSteps: 50 });
    expect([run.status, run.halfSteps.length]).toEqual(['diverged', 0]);
    expect(run.warnings.at(-1)).toBe('diffusionBridge: half-step 1 (backward, covariance) diverged; the run ends with half-step 0');
    expect(run.moments()).toEqual(run.iterate(0).moments());
    // A drift that is no number where its residuals are taken, from the third half-step on.
    let finished = 0;
    const drift: DriftModelSpec = {
      ...linear(),
      make(context) {
        const model = linear().make(context);
        return {
          ...model,
          finish() {
            model.finish();
            finished++;
          },
          evaluate: (k, x, out) => (finished > 2 ? void out.fill(Number.NaN) : model.evaluate(k, x, out)),
        };
      },
    };
    for (const covariance of ['network', 'constant'] as const) {
      finished = 0;
      const broken = await diffusionBridge(planarGaussians(), { ...short, covariance, iterations: 2, drift });
      expect([broken.status, broken.halfSteps.length]).toEqual(['diverged', 2]);
      expect(broken.warnings.at(-1)).toMatch(/half-step 3 \(backward, covariance\) diverged; the run ends with half-step 2$/);
      const whole = await diffusionBridge(planarGaussians(), { ...short, covariance, iterations: 1 });
      expect(broken.chain(2).noise.map((v) => v.to2DArray())).toEqual(whole.chain(2).noise.map((v) => v.to2DArray()));
    }
  });

  test('long trainings are saved inside, and go on where they were', async () => {
    let clock = 0;
    const spy = vi.spyOn(performance, 'now').mockImplementation(() => (clock += 5));
    const saved: Uint8Array[] = [];
    const options = { ...short, iterations: 1, innerSteps: 60 };
    const checkpoint: Checkpoint = { everySeconds: 0, load: () => undefined, save: (bytes) => void saved.push(bytes) };
    const whole = await diffusionBridge(planarGaussians(), { ...options, checkpoint });
    const inside = saved.filter((bytes) => readState('test', bytes).state.inside?.covariance !== undefined);
    expect(inside.length).toBeGreaterThan(5);
    const last = inside.at(-1)!;
    const first: TrainingProgress[] = [];
    const again = await diffusionBridge(planarGaussians(), {
      ...options,
      checkpoint: { load: () => last, save: () => {} },
      onProgress: (progress) => void first.push(progress),
    });
    spy.mockRestore();
    expect(again.digest).toBe(whole.digest);
    // Neither the drift nor the first steps of the log-variances were trained again.
    expect(first[0]).toMatchObject({ halfStep: 2, learning: 'covariance', steps: 120 });
    expect(first[0]!.step).toBe(60 + readState('test', last).state.inside!.position.step);
    expect(first.every(({ step }) => step >= first[0]!.step)).toBe(true);
    const damaged = unpackArchive('test', last);
    const bytes = packArchive({ ...damaged, parts: new Map([...damaged.parts].filter(([name]) => name !== 'log-variance inside')) });
    await expect(diffusionBridge(planarGaussians(), { ...options, checkpoint: { load: () => bytes, save: () => {} } })).rejects.toThrow(
      /has no log-variance inside/,
    );
  });

  test('is refused where it has no meaning', async () => {
    const problem = planarGaussians();
    await expect(diffusionBridge(problem, { ...short, target: 'mean' })).rejects.toThrow(
      /^diffusionBridge: target 'mean' keeps the covariance/,
    );
    await expect(diffusionBridge(problem, { ...short, covariance: 'full' as 'network' })).rejects.toThrow(
      /^diffusionBridge: covariance is 'full'/,
    );
    const run = await diffusionBridge(problem, { ...short, iterations: 1 });
    expect(() => run.simulate({ grid: short.grid, count: 2, random: randomSource(1), integrator: 'exponential' })).toThrow(
      /learned covariance/,
    );
  });
});
