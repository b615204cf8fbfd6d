import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { bridgeMatching } from '../../src/diffusion/bridge-matching.ts';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import { logLikelihood } from '../../src/diffusion/flow-likelihood.ts';
import { backAndForth, interpolate } from '../../src/diffusion/interpolation.ts';
import { mixtureBridge } from '../../src/diffusion/mixture-bridge.ts';
import type { DiffusionOptions } from '../../src/diffusion/options.ts';
import { restoreBridge } from '../../src/diffusion/restore-bridge.ts';
import { scoreModel } from '../../src/diffusion/score-model.ts';
import { sinkhornFlowMatching } from '../../src/diffusion/sinkhorn-flow-matching.ts';
import { linear } from '../../src/drifts/linear.ts';
import { DomainError, FormatError, type ViaductError } from '../../src/errors.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { packArchive, unpackArchive } from '../../src/numerics/archive.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/brownian.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { subVariancePreserving } from '../../src/references/variance-preserving.ts';

const source = gaussianMarginal({ mean: [-0.5, 0], covariance: 1 });
const target = gaussianMarginal({ mean: [0.5, 0.3], covariance: 0.8 });
const problem = bridgeProblem({ source, target, reference: brownian({ sigma: 1 }) });
const shared = { grid: timeGrid.uniform({ steps: 4 }), drift: linear(), innerSteps: 5, batchSize: 64, cache: 50, seed: 1 };
const quick: DiffusionOptions = { ...shared, iterations: 1 };

/** Every trained scheme under its public name. */
const schemes: readonly (readonly [string, (options: object) => Promise<unknown>])[] = [
  ['diffusionBridge', (options) => diffusionBridge(problem, { ...quick, ...options })],
  ['bridgeMatching', (options) => bridgeMatching(problem, { ...shared, iterations: 1, ...options })],
  ['bridgeMatching', (options) => bridgeMatching(problem, { ...shared, iterations: 1, networks: 'one', ...options })],
  ['scoreModel', (options) => scoreModel(problem, { ...shared, ...options })],
  ['sinkhornFlowMatching', (options) => sinkhornFlowMatching(problem, { ...shared, coupling: gaussianBridge(problem), ...options })],
];

/** A typed error that starts with the public path and ends with what to do. */
async function refused(call: () => unknown, message: RegExp, type: typeof ViaductError = DomainError): Promise<void> {
  const made = (async () => call())();
  await expect(made).rejects.toThrow(type);
  await expect(made).rejects.toThrow(message);
}

describe('every scheme refuses in its own name', () => {
  for (const [name, train] of schemes) {
    test(`${name}: a grid of another horizon or no grid, callbacks and signals that are none`, async () => {
      for (const horizon of [2, 0.5]) {
        const grid = timeGrid.uniform({ steps: 4, horizon });
        await refused(
          () => train({ grid }),
          new RegExp(`^${name}: the grid ends at ${horizon}, the reference at 1; make the horizons equal$`),
        );
      }
      for (const grid of [{}, null, 4, { times: [0, 1], durations: [], steps: 1, horizon: 1 }]) {
        await refused(() => train({ grid }), new RegExp(`^${name}: grid is no time grid; pass timeGrid.uniform`));
      }
      await refused(() => train({ onProgress: 5 }), new RegExp(`^${name}: onProgress is no function but 5; pass `));
      await refused(() => train({ signal: {} }), new RegExp(`^${name}: signal is no AbortSignal but \\[object Object\\]; pass `));
    });
  }

  test('options that are null', async () => {
    await refused(
      () => diffusionBridge(problem, null as unknown as DiffusionOptions),
      /^diffusionBridge: expected an object of options, got null; pass/,
    );
  });

  test('a coupling that draws nothing', async () => {
    for (const sample of [() => ({}), () => null, () => ({ x: 5, y: 5 })]) {
      const coupling = { ...gaussianBridge(problem), sample };
      for (const [name, train] of schemes.filter(([name]) => name !== 'diffusionBridge' && name !== 'scoreModel')) {
        await refused(() => train({ coupling }), new RegExp(`^${name}: the coupling drew no points x and y; pass a Coupling`));
      }
    }
  });
});

describe('whole bytes with a manifest that is not that of a run', () => {
  test('each field that is missing or wrong is named, by the run and by restoreBridge', async () => {
    const saved: Uint8Array[] = [];
    await diffusionBridge(problem, { ...quick, checkpoint: { load: () => undefined, save: (bytes) => void saved.push(bytes) } });
    const { manifest, parts } = unpackArchive('test', saved[0]!);
    const [record] = manifest['records'] as readonly object[];
    const position = { step: 2, tailLoss: 0, seconds: 1 };
    const withParts = (change: (parts: Map<string, Uint8Array>) => void) => {
      const made = new Map(parts);
      change(made);
      return packArchive({ manifest, parts: made });
    };
    const changed = (fields: object): Uint8Array => packArchive({ manifest: { ...manifest, ...fields }, parts });
    for (const [bytes, message] of [
      [changed({ identity: undefined }), /has no identity; pass the bytes/],
      [changed({ identity: null }), /has no identity/],
      [changed({ identity: { ...(manifest['identity'] as object), dimension: 'two' } }), /has no identity/],
      [changed({ iterations: undefined }), /has no number of iterations/],
      [changed({ status: 'weird' }), /has no status/],
      [changed({ warnings: undefined }), /has no warnings/],
      [changed({ records: undefined }), /has no records of half-steps/],
      [changed({ records: [1] }), /has no records of half-steps/],
      [changed({ records: [null] }), /has no records of half-steps/],
      [changed({ records: [{ ...record, direction: 'up' }] }), /has no records of half-steps/],
      [changed({ position: { ...position, step: -5 } }), /has no position/],
      [changed({ position: { ...position, cache: { madeAt: 3, used: 0 } } }), /has no position/],
      [changed({ position }), /has no model inside/],
      [withParts((made) => made.delete('model 0')), /has no model 0/],
      [withParts((made) => made.set('model 0', new Uint8Array(7))), /7 bytes are not the state of this model/],
    ] as const) {
      await refused(() => diffusionBridge(problem, { ...quick, checkpoint: { load: () => bytes, save() {} } }), message, FormatError);
      await refused(() => restoreBridge(problem, bytes), message, FormatError);
    }
  });
});

describe('what is asked of a bridge', () => {
  test('numbers of draws, sources of randomness, options of moments, grids', async () => {
    const random = randomSource(1);
    const none = undefined as unknown as typeof random;
    const run = await diffusionBridge(problem, quick);
    const mixture = await mixtureBridge(problem, { components: 2, samples: 200, maxIterations: 5 });
    const model = await scoreModel(problem, shared);
    const bad = { steps: 3 } as unknown as typeof quick.grid & object;
    const long = timeGrid.uniform({ steps: 3, horizon: 2 });
    for (const [call, message] of [
      [() => run.sample(-1, random), /^diffusionBridge.sample: count must be a whole number/],
      [() => run.sample(0, random), /^diffusionBridge.sample: count/],
      [() => run.sample(2, none), /^diffusionBridge.sample: random is missing; pass randomSource\(seed\)$/],
      [() => run.sampleConditional([[0, 0]], none), /^diffusionBridge.sampleConditional: random is missing/],
      [() => run.marginalAt(0.5).sample(2, none), /^diffusionBridge.marginalAt.sample: random is missing/],
      [() => run.marginalAt(-1), /^diffusionBridge.marginalAt: time -1 is outside \[0, 1\]/],
      [() => run.moments({ samples: 0 }), /^diffusionBridge.moments: samples must be a whole number of at least 2, got 0/],
      [() => run.moments({ paths: 5 } as object), /^diffusionBridge.moments: unknown option 'paths'/],
      [() => run.simulate(none as never), /^diffusionBridge.simulate: grid is missing; pass timeGrid/],
      [() => run.simulate({ grid: bad, count: 2, random }), /^diffusionBridge.simulate: grid is missing; pass timeGrid/],
      [() => mixture.sample(-1, random), /^mixtureBridge.sample: count/],
      [() => mixture.sample(2, none), /^mixtureBridge.sample: random is missing/],
      [() => mixture.sampleConditional([[0, 0]], none), /^mixtureBridge.sampleConditional: random is missing/],
      [() => model.sample(2, null as unknown as object), /^scoreModel.sample: expected an object of options, got null/],
      [() => model.sample(2, { random: 5 as never }), /^scoreModel.sample: random is missing/],
      [() => logLikelihood(run, [[0, 0]], { divergence: 'hutchinson', random: 5 as never }), /^logLikelihood: random is missing/],
      [() => logLikelihood(run, [[0, 0]], { grid: long }), /^logLikelihood: the grid ends at 2, the reference at 1/],
      [() => interpolate(run, [[0, 0]], { grid: bad }), /^interpolate: grid is no time grid/],
      [() => interpolate(run, [[0, 0]], { grid: long }), /^interpolate: the grid ends at 2, the reference at 1/],
      [() => backAndForth(run, { from: [[0, 0]], rounds: 1, random, grid: bad }), /^backAndForth: grid is no time grid/],
    ] as const) {
      await refused(call, message);
    }
  });
});

describe('a reference without noise at the start', () => {
  // The variance-preserving process below has g(0) = 0: the first forward drift is known, and its targets have no variance to divide by.
  const reference = subVariancePreserving({ betaMin: 0.1, betaMax: 4 });
  const near = gaussianMarginal({ mean: [0.5, 0], covariance: 0.6 });
  const vanishing = bridgeProblem({ source, target: near, reference });
  const options = { ...shared, grid: timeGrid.uniform({ steps: 20 }), innerSteps: 40, batchSize: 1000, cache: 2000 };
  for (const [name, train] of [
    ['diffusionBridge', () => diffusionBridge(vanishing, { ...options, iterations: 4, target: 'endpoint' })],
    ['bridgeMatching', () => bridgeMatching(vanishing, { ...options, iterations: 2 })],
    ['bridgeMatching with one network', () => bridgeMatching(vanishing, { ...options, iterations: 2, networks: 'one' })],
    ['sinkhornFlowMatching', () => sinkhornFlowMatching(vanishing, { ...options, coupling: gaussianBridge(vanishing) })],
  ] as const) {
    test(`${name} arrives at the target`, async () => {
      const run = await train();
      expect(run.status).toBe('max-iterations');
      const { targetMean, targetCovariance } = run.moments();
      expect(Math.abs(targetMean[0]! - 0.5)).toBeLessThan(0.15);
      expect(Math.abs(targetCovariance.get(1, 1) - 0.6)).toBeLessThan(0.15);
    });
  }
});
