import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { bridgeMatching } from '../../src/diffusion/bridge-matching.ts';
import type { Checkpoint } from '../../src/diffusion/checkpoint.ts';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import type { DiffusionBridge } from '../../src/diffusion/diffusion-run.ts';
import type { DiffusionOptions } from '../../src/diffusion/options.ts';
import { restoreBridge } from '../../src/diffusion/restore-bridge.ts';
import { scoreModel } from '../../src/diffusion/score-model.ts';
import { sinkhornFlowMatching } from '../../src/diffusion/sinkhorn-flow-matching.ts';
import { linear } from '../../src/drifts/linear.ts';
import { mlp } from '../../src/drifts/mlp.ts';
import { sum } from '../../src/drifts/sum.ts';
import { DomainError, FormatError } from '../../src/errors.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { packArchive, unpackArchive } from '../../src/numerics/archive.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/brownian.ts';
import { timeGrid } from '../../src/references/time-grid.ts';

const source = gaussianMarginal({ mean: [-0.5, 0], covariance: 1 });
const target = gaussianMarginal({ mean: [0.5, 0.3], covariance: 0.8 });
const problem = bridgeProblem({ source, target, reference: brownian({ sigma: 1 }) });
const net = mlp({ hidden: [8], timeFeatures: 2 });
const quick: DiffusionOptions = {
  iterations: 2,
  target: 'mean',
  grid: timeGrid.fromSteps([0.1, 0.3, 0.2, 0.4]),
  drift: net,
  innerSteps: 60,
  batchSize: 256,
  cache: 400,
  seed: 1,
};

/** Keeps every save. */
function memory(first?: Uint8Array): Checkpoint & { readonly saved: Uint8Array[] } {
  const saved: Uint8Array[] = first === undefined ? [] : [first];
  return { saved, everySeconds: 0, load: () => saved.at(-1), save: async (bytes) => void saved.push(bytes) };
}

const what = (run: DiffusionBridge) => ({
  digest: run.digest,
  status: run.status,
  losses: run.halfSteps.map(({ loss }) => loss),
  draws: run.sample(5, randomSource(3)),
  noise: run.chain(run.halfSteps.length).noise.map((v) => v.to2DArray()),
});

const cases: readonly (readonly [string, DiffusionOptions])[] = [
  ['network, target mean', quick],
  ['network, target endpoint, refreshed within a pass', { ...quick, target: 'endpoint', cache: { paths: 400, refreshEvery: 7 } }],
  ['network, a cache used more than once', { ...quick, cache: { paths: 100, refreshEvery: 25 } }],
  ['network, target moment, fresh networks', { ...quick, target: 'moment', initial: 'fresh' }],
  ['network, interiors drawn again for every pass', { ...quick, target: 'endpoint', cache: { paths: 100, refreshEvery: 25 } }],
  ['network, interiors kept', { ...quick, target: 'endpoint', cache: { paths: 100, refreshEvery: 25, keep: 'paths' } }],
  ['linear, target moment, log-variances', { ...quick, drift: linear(), innerSteps: 20, target: 'moment', covariance: 'network' }],
  [
    'network, target moment, log-variances, a cache used more than once',
    { ...quick, target: 'moment', covariance: 'network', cache: { paths: 100, refreshEvery: 25 } },
  ],
  ['linear', { ...quick, drift: linear(), innerSteps: 20 }],
  ['linear, target moment', { ...quick, drift: linear(), innerSteps: 20, target: 'moment' }],
  ['Gaussian bridge plus network', { ...quick, drift: sum(gaussianBridge(problem), net) }],
];

describe('an interrupted run has the bits of one that was not', () => {
  // A clock that runs 5 ms at every look: slices of 16 ms end after a few steps, however fast the machine.
  beforeEach(() => {
    let clock = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => (clock += 5));
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  for (const [name, options] of cases) {
    test(name, async () => {
      const whole = what(await diffusionBridge(problem, options));
      const checkpoint = memory();
      expect(what(await diffusionBridge(problem, { ...options, checkpoint }))).toEqual(whole);
      expect(checkpoint.saved.length).toBeGreaterThan(20);
      // From the first save, the last, and some between, inside of half-steps and at their ends.
      const picked = new Set(Array.from({ length: 6 }, (_, i) => Math.round((i / 5) * (checkpoint.saved.length - 1))));
      for (const i of picked)
        expect(what(await diffusionBridge(problem, { ...options, checkpoint: memory(checkpoint.saved[i]) }))).toEqual(whole);
    });
  }

  test('aborted and resumed several times', async () => {
    const whole = what(await diffusionBridge(problem, quick));
    // Nothing is saved by the clock, so what is resumed was saved because of the abort.
    const checkpoint: Checkpoint = { ...memory(), everySeconds: 1e9 };
    let insides = 0;
    for (let reports = 2, runs = 0; runs < 40; runs++) {
      const controller = new AbortController();
      let left = reports++;
      const run = await diffusionBridge(problem, {
        ...quick,
        checkpoint,
        signal: controller.signal,
        onProgress: ({ step, steps }) => {
          if (--left > 0) return;
          if (step < steps) insides++;
          controller.abort();
        },
      });
      if (run.status !== 'max-iterations') continue;
      expect(what(run)).toEqual(whole);
      expect(runs).toBeGreaterThan(0);
      expect(insides).toBeGreaterThan(0);
      return;
    }
    throw new Error('never finished');
  });

  test('score models and flow matching too', async () => {
    const { grid, drift, innerSteps, batchSize, cache, seed } = quick as Required<DiffusionOptions>;
    const coupling = gaussianBridge(problem);
    for (const train of [
      (checkpoint?: Checkpoint) =>
        scoreModel(problem, { grid, drift, innerSteps, batchSize, cache, seed, ...(checkpoint && { checkpoint }) }),
      (checkpoint?: Checkpoint) =>
        sinkhornFlowMatching(problem, { coupling, grid, drift, innerSteps, batchSize, cache, seed, ...(checkpoint && { checkpoint }) }),
    ]) {
      const checkpoint = memory();
      const { digest } = await train(checkpoint);
      for (const i of [0, 5, checkpoint.saved.length - 2]) expect((await train(memory(checkpoint.saved[i]))).digest).toBe(digest);
      expect((await train()).digest).toBe(digest);
      expect(restoreBridge(problem, checkpoint.saved.at(-1)!).digest).toBe(digest);
    }
  });

  test('a finished run is not trained again, and more iterations go on from it', async () => {
    const checkpoint = memory();
    const first = await diffusionBridge(problem, { ...quick, checkpoint });
    let reports = 0;
    const onProgress = () => void reports++;
    expect(what(await diffusionBridge(problem, { ...quick, checkpoint, onProgress }))).toEqual(what(first));
    expect(reports).toBe(0);
    const more = await diffusionBridge(problem, { ...quick, iterations: 3, checkpoint });
    expect(what(more)).toEqual(what(await diffusionBridge(problem, { ...quick, iterations: 3 })));
    await expect(diffusionBridge(problem, { ...quick, checkpoint })).rejects.toThrow(/6 half-steps are stored, 4 were asked for/);
  });

  test('a save that fails ends the run with its error', async () => {
    const save = () => Promise.reject(new FormatError('disk full'));
    await expect(diffusionBridge(problem, { ...quick, checkpoint: { load: () => undefined, save } })).rejects.toThrow('disk full');
  });
});

describe('a checkpoint of something else is refused by name', () => {
  const checkpoint = memory();
  const other = gaussianMarginal({ mean: [0.5, 0.3], covariance: 0.8001 });
  const cases: readonly (readonly [string, typeof problem, Partial<DiffusionOptions>, RegExp])[] = [
    ['seed', problem, { seed: 2 }, /its seed differs \(stored 1, here 2\)/],
    ['target', problem, { target: 'drift' }, /its regressed differs \(stored "mean", here "drift"\)/],
    ['network', problem, { drift: linear() }, /its drift differs/],
    ['steps', problem, { innerSteps: 61 }, /its innerSteps differs \(stored 60, here 61\)/],
    ['learning rate', problem, { learningRate: { initial: 1e-3, schedule: 'constant' } }, /its learningRate differs \(stored 0.003,/],
    ['grid', problem, { grid: timeGrid.uniform({ steps: 4 }) }, /its times differs/],
    ['cache', problem, { cache: 401 }, /its paths differs/],
    ['initial', problem, { initial: 'fresh' }, /its initial differs/],
    ['the target marginal', bridgeProblem({ source, target: other, reference: brownian({ sigma: 1 }) }), {}, /its target differs/],
    ['the source marginal', bridgeProblem({ source: other, target, reference: brownian({ sigma: 1 }) }), {}, /its source differs/],
    ['the reference', bridgeProblem({ source, target, reference: brownian({ sigma: 1.01 }) }), {}, /its reference differs/],
  ];
  for (const [name, asked, options, message] of cases) {
    test(name, async () => {
      if (checkpoint.saved.length === 0) await diffusionBridge(problem, { ...quick, iterations: 1, checkpoint });
      const call = diffusionBridge(asked, { ...quick, ...options, checkpoint });
      await expect(call).rejects.toThrow(FormatError);
      await expect(call).rejects.toThrow(message);
      await expect(call).rejects.toThrow(/^diffusionBridge: checkpoint: /);
    });
  }

  test('another version, damaged and foreign bytes', async () => {
    const { saved } = memory();
    await diffusionBridge(problem, {
      ...quick,
      iterations: 1,
      checkpoint: { load: () => undefined, save: (bytes) => void saved.push(bytes) },
    });
    const bytes = saved.at(-1)!;
    const { manifest, parts } = unpackArchive('test', bytes);
    const changed = bytes.slice();
    changed[bytes.length - 100]! ^= 1;
    for (const [wrong, message] of [
      [packArchive({ manifest: { ...manifest, version: 2 }, parts }), /format version 2, this library reads 1/],
      [packArchive({ manifest: { ...manifest, format: 'coupling' }, parts }), /of a coupling/],
      [bytes.subarray(0, bytes.length - 1), /cut short or were changed/],
      [changed, /cut short or were changed/],
      [new Uint8Array(200), /not the bytes of a run/],
      [new Uint8Array(0), /not the bytes of a run/],
    ] as const) {
      await expect(diffusionBridge(problem, { ...quick, checkpoint: memory(wrong) })).rejects.toThrow(FormatError);
      await expect(diffusionBridge(problem, { ...quick, checkpoint: memory(wrong) })).rejects.toThrow(message);
      expect(() => restoreBridge(problem, wrong)).toThrow(FormatError);
    }
  });

  test('what is no checkpoint', async () => {
    for (const [checkpoint, message] of [
      [{}, /checkpoint has no load and save/],
      [{ load: () => undefined, save() {}, everySeconds: -1 }, /everySeconds must be a number ≥ 0/],
    ] as const) {
      await expect(diffusionBridge(problem, { ...quick, checkpoint: checkpoint as unknown as Checkpoint })).rejects.toThrow(DomainError);
      await expect(diffusionBridge(problem, { ...quick, checkpoint: checkpoint as unknown as Checkpoint })).rejects.toThrow(message);
    }
  });
});

describe('toBytes and restoreBridge', () => {
  for (const [name, options] of cases) {
    test(`the same digest, draws and records: ${name}`, async () => {
      const run = await diffusionBridge(problem, options);
      const drift = options.drift!.kind === 'sum' ? { drift: options.drift! } : {};
      const bytes = run.toBytes();
      const restored = restoreBridge(problem, bytes, drift);
      expect(what(restored)).toEqual(what(run));
      expect(restored.halfSteps.map(({ direction, seconds }) => [direction, seconds])).toEqual(
        run.halfSteps.map(({ direction, seconds }) => [direction, seconds]),
      );
      expect(restored.warnings).toEqual(run.warnings);
      expect(restored.toBytes()).toEqual(bytes);
      // Its options are enough to train it again.
      const { iterations, grid, target, batchSize, innerSteps, learningRate, initial, seed } = restored.options;
      const { paths, refreshEvery, keep, draws, covariance } = restored.options;
      const cache = { paths, keep, draws, ...(refreshEvery === undefined ? {} : { refreshEvery }) };
      const training = { drift: restored.options.drift, batchSize, innerSteps, learningRate, initial, cache, seed };
      const again = { iterations, grid, target, ...training, ...(covariance === undefined ? {} : { covariance }) };
      expect((await diffusionBridge(problem, again)).digest).toBe(run.digest);
    });
  }

  test('bridge matching with one network for both directions: interrupted, and restored', async () => {
    const { target: _, ...training } = quick;
    const options = { ...training, networks: 'one' } as const;
    const whole = await bridgeMatching(problem, options);
    const checkpoint = memory();
    await bridgeMatching(problem, { ...options, checkpoint });
    for (const i of [0, 2, checkpoint.saved.length - 2]) {
      expect(what(await bridgeMatching(problem, { ...options, checkpoint: memory(checkpoint.saved[i]) }))).toEqual(what(whole));
    }
    expect(what(restoreBridge(problem, whole.toBytes()))).toEqual(what(whole));
    const two = bridgeMatching(problem, { ...options, networks: 'two', checkpoint: memory(checkpoint.saved[0]) });
    await expect(two).rejects.toThrow(/^bridgeMatching: checkpoint: .* its drift differs/);
  });

  test('an aborted run, and a checkpoint of an unfinished one', async () => {
    const run = await diffusionBridge(problem, { ...quick, signal: AbortSignal.abort() });
    expect(what(restoreBridge(problem, run.toBytes()))).toEqual(what(run));
    const checkpoint = memory();
    const whole = await diffusionBridge(problem, { ...quick, checkpoint });
    const early = restoreBridge(problem, checkpoint.saved[Math.floor(checkpoint.saved.length / 2)]!);
    expect(early.status).toBe('aborted');
    expect(early.halfSteps.length).toBeLessThan(4);
    expect(early.halfSteps.map((h) => h.loss)).toEqual(whole.halfSteps.slice(0, early.halfSteps.length).map((h) => h.loss));
  });

  test('another problem or model is refused', async () => {
    const run = await diffusionBridge(problem, { ...quick, iterations: 1 });
    const other = bridgeProblem({ source: target, target: source, reference: brownian({ sigma: 1 }) });
    expect(() => restoreBridge(other, run.toBytes())).toThrow(/^restoreBridge: the stored run is another one, its source differs/);
    expect(() => restoreBridge(problem, run.toBytes(), { drift: linear() })).toThrow(/trained with drift .*mlp.*, not .*linear/);
    const summed = await diffusionBridge(problem, { ...quick, iterations: 1, drift: sum(gaussianBridge(problem), linear()) });
    expect(() => restoreBridge(problem, summed.toBytes())).toThrow(/kind 'sum' cannot be made from bytes; pass \{ drift \}/);
  });
});
