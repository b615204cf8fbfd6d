import { describe, expect, it } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { diffusionBridge, mixtureBridge, restoreBridge, restoreMixtureBridge } from '../../src/diffusion/index.ts';
import { linear } from '../../src/drifts/linear.ts';
import { FormatError } from '../../src/errors.ts';
import { gaussianMarginal, mixtureMarginal } from '../../src/marginals/index.ts';
import { packArchive, unpackArchive } from '../../src/numerics/archive.ts';
import { points } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian, ornsteinUhlenbeck } from '../../src/references/index.ts';

const at = (mean: number[], covariance: number) => gaussianMarginal({ mean, covariance });
const hills = mixtureMarginal({ weights: [0.4, 0.6], components: [at([-1.5, 0.5], 0.3), at([1, -0.4], 0.4)] });
const problem = bridgeProblem({ source: at([0, 0.3], 0.8), target: hills, reference: ornsteinUhlenbeck({ rate: 0.5, sigma: 0.9 }) });
const x = points([
  [0.1, -0.4],
  [2, 1],
  [-3, 0.2],
]);

describe('a mixture bridge from its bytes', () => {
  it.each([
    ['diagonal', 3, 'em'],
    ['full', 3, 'em'],
    ['full', 1, 'em'],
    ['diagonal', 2, 'adam'],
  ] as const)('%s, %i components, %s: the same bits', async (covariance, components, method) => {
    const made = await mixtureBridge(problem, { covariance, components, method, samples: 400, maxIterations: 20, seed: 5 });
    const again = restoreMixtureBridge(problem, made.toBytes());
    expect(again.digest).toBe(made.digest);
    expect(again.toBytes()).toEqual(made.toBytes());
    const { options, status, iterations, error, loss, seconds, warnings } = made;
    expect(again).toMatchObject({ options, status, iterations, error, loss, seconds, warnings });
    for (const t of [0, 0.4, 0.9]) expect(again.drift(t, x).data).toEqual(made.drift(t, x).data);
    expect(again.sample(50, randomSource(2))).toEqual(made.sample(50, randomSource(2)));
    expect(again.moments().crossCovariance.to2DArray()).toEqual(made.moments().crossCovariance.to2DArray());
    expect(again.conditional([0.3, 1])).toEqual(made.conditional([0.3, 1]));
  });

  it('options that JSON does not know', async () => {
    const made = await mixtureBridge(problem, { components: 2, samples: 300, tolerance: Number.POSITIVE_INFINITY });
    expect(restoreMixtureBridge(problem, made.toBytes()).options).toEqual(made.options);
  });

  it('another seed, another digest; the same again, the same', async () => {
    const made = (seed: number) => mixtureBridge(problem, { components: 2, samples: 300, maxIterations: 5, seed });
    const [one, same, other] = [await made(1), await made(1), await made(2)];
    expect(same.digest).toBe(one.digest);
    expect(other.digest).not.toBe(one.digest);
  });

  it('refuses other problems, other runs and damaged bytes by name', async () => {
    const made = await mixtureBridge(problem, { components: 2, samples: 300, maxIterations: 5 });
    const bytes = made.toBytes();
    const refusal = (run: () => unknown) => {
      expect(run).toThrow(FormatError);
      return expect(run);
    };
    const elsewhere = bridgeProblem({ source: at([0, 0.3], 0.8), target: hills, reference: brownian({ sigma: 0.9 }) });
    refusal(() => restoreMixtureBridge(elsewhere, bytes)).toThrow(/^restoreMixtureBridge: .*its reference differs/);
    const moved = bridgeProblem({ source: at([0, 0.4], 0.8), target: hills, reference: problem.reference });
    refusal(() => restoreMixtureBridge(moved, bytes)).toThrow(/its source differs/);
    const changed = bytes.slice();
    changed[changed.length >> 1]! ^= 1;
    refusal(() => restoreMixtureBridge(problem, changed)).toThrow(/cut short or were changed/);
    refusal(() => restoreMixtureBridge(problem, bytes.slice(0, -9))).toThrow(/cut short or were changed/);
    refusal(() => restoreBridge(problem, bytes)).toThrow(/^restoreBridge: .*mixture-bridge; use restoreMixtureBridge/);
    const run = await diffusionBridge(problem, { iterations: 1, drift: linear(), innerSteps: 20, cache: 500 });
    refusal(() => restoreMixtureBridge(problem, run.toBytes())).toThrow(/^restoreMixtureBridge: .*restoreBridge/);
    const { manifest, parts } = unpackArchive('test', bytes);
    refusal(() => restoreMixtureBridge(problem, packArchive({ manifest: { ...manifest, version: 2 }, parts }))).toThrow(/version 2/);
    const { warnings: _, ...without } = manifest;
    refusal(() => restoreMixtureBridge(problem, packArchive({ manifest: without, parts }))).toThrow(/has no warnings/);
    const fewer = new Map([...parts].filter(([name]) => name !== 'potential'));
    refusal(() => restoreMixtureBridge(problem, packArchive({ manifest, parts: fewer }))).toThrow(/has no potential/);
    const more = { ...manifest, components: 3 };
    refusal(() => restoreMixtureBridge(problem, packArchive({ manifest: more, parts }))).toThrow(/has no whole potential/);
  });
});
