import { beforeAll, describe, expect, test } from 'vitest';
import { type BridgeProblem, bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { entropicBenchmark } from '../../src/diagnostics/entropic-benchmark.ts';
import { permutationTest } from '../../src/diagnostics/marginal-test.ts';
import type { TheoremCheck } from '../../src/diagnostics/theorem-check.ts';
import { type TheoremCheckOptions, theoremChecks } from '../../src/diagnostics/theorem-checks.ts';
import { bridgeMatching } from '../../src/diffusion/bridge-matching.ts';
import type { Chain } from '../../src/diffusion/chain.ts';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import { completeRun, type DiffusionBridge } from '../../src/diffusion/diffusion-run.ts';
import { restoreBridge } from '../../src/diffusion/restore-bridge.ts';
import { scoreModel } from '../../src/diffusion/score-model.ts';
import { sinkhornFlowMatching } from '../../src/diffusion/sinkhorn-flow-matching.ts';
import { linear } from '../../src/drifts/linear.ts';
import { mlp } from '../../src/drifts/mlp.ts';
import { DomainError } from '../../src/errors.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { dataMarginal } from '../../src/marginals/discrete-marginal.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { wrapPoints } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/brownian.ts';
import { linearReference } from '../../src/references/linear-reference.ts';
import { ornsteinUhlenbeck } from '../../src/references/ornstein-uhlenbeck.ts';
import { simulatedReference } from '../../src/references/simulated-reference.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { planarGaussians } from '../laws/planar-gaussians.ts';

const plane = planarGaussians();
const line = bridgeProblem({
  source: gaussianMarginal({ mean: [0], covariance: 1 }),
  target: gaussianMarginal({ mean: [2], covariance: 0.25 }),
  reference: ornsteinUhlenbeck({ rate: 1, sigma: 1 }),
});
/** Fewer paths than by default: what is looked for here is seen. */
const quick = { samples: 2000 } as const;
const exact = { iterations: 3, drift: linear(), innerSteps: 25, seed: 1 } as const;

const IPF = ['outer iterations against Sinkhorn rounds', 'Proposition 4', 'Jeffreys', 'Pythagoras'];
const ALL = ['Stein', 'Girsanov', 'two-sample', 'reciprocity', 'Sinkhorn bridge of samples', ...IPF, 'energy identity'];

/** The one check whose name contains `part`. */
function named(checks: readonly TheoremCheck[], part: string): TheoremCheck | undefined {
  const found = checks.filter(({ name }) => name.includes(part));
  expect(found.length, part).toBeLessThanOrEqual(1);
  return found[0];
}

function failures(checks: readonly TheoremCheck[]): string[] {
  return checks.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name);
}

/** The same run with other chains, laws and moments included. */
function withChains(run: DiffusionBridge, change: (chain: Chain, halfStep: number) => Chain, problem: BridgeProblem = run.problem) {
  const records = run.halfSteps.map(({ direction, loss, seconds }) => ({ direction, loss, seconds }));
  const chains = Array.from({ length: records.length + 1 }, (_, i) => change(run.chain(i), i));
  const { options, status, warnings } = run;
  return completeRun({ path: run.scheme, problem, options, chains, records, status, warnings, toBytes: () => new Uint8Array(0) });
}

function show(checks: readonly TheoremCheck[]): string {
  return checks.map(({ name, value, verdict }) => `${verdict} ${name} ${value.toPrecision(3)}`).join('\n');
}

describe('good runs', () => {
  for (const target of ['mean', 'endpoint', 'moment'] as const) {
    for (const [name, problem] of Object.entries({ plane, line })) {
      test(`linear(), ${target}, ${name}: all ten checks, none fails`, async () => {
        const checks = await theoremChecks(await diffusionBridge(problem, { ...exact, target }), quick);
        expect(checks).toHaveLength(ALL.length);
        for (const part of ALL) expect(named(checks, part), part).toBeDefined();
        // An Euler chain with 20 steps is no bridge of a process that ends at a quarter of the variance: seen, and not held against it.
        const warned = checks.filter(({ verdict }) => verdict !== 'pass').map(({ name: one }) => one);
        expect(warned, show(checks)).toEqual(problem === line && target === 'mean' ? ['reciprocity'] : []);
        expect(failures(checks)).toEqual([]);
        for (const { value, limit, verdict } of checks) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(verdict).toBe(value <= limit ? 'pass' : 'warn');
        }
      });
    }
  }

  test('a network, and again the same numbers from its bytes', async () => {
    const problem = bridgeProblem({
      source: gaussianMarginal({ mean: [-0.1], covariance: 1 }),
      target: gaussianMarginal({ mean: [0.1], covariance: 1 }),
      reference: brownian({ sigma: 1 }),
    });
    const grid = timeGrid.uniform({ steps: 10 });
    const drift = mlp({ hidden: [32] });
    const run = await diffusionBridge(problem, { iterations: 2, target: 'mean', grid, drift, innerSteps: 150, batchSize: 512, seed: 1 });
    const checks = await theoremChecks(run, quick);
    expect(
      checks.every(({ verdict }) => verdict === 'pass'),
      show(checks),
    ).toBe(true);
    expect(await theoremChecks(restoreBridge(problem, run.toBytes()), quick)).toEqual(checks);
  });

  test('the exact drift, where a benchmark knows it', async () => {
    const benchmark = entropicBenchmark({
      epsilon: 1,
      source: gaussianMarginal({ mean: [0], covariance: 1 }),
      weights: [1],
      means: [[1]],
      covariances: [[[0.5]]],
    });
    const run = await diffusionBridge(benchmark.problem, { ...exact, target: 'endpoint' });
    const checks = await theoremChecks(run, { ...quick, truth: benchmark });
    for (const part of ['drift against the exact one', 'energy against the exact one']) {
      expect(named(checks, part)).toMatchObject({ verdict: 'pass', knowledge: 'densities' });
    }
    const nothing = { drift: benchmark.problem.reference.drift };
    const refuted = await theoremChecks(run, { ...quick, truth: nothing });
    expect(named(refuted, 'drift against the exact one')!.verdict).toBe('fail');
    // Half of the drift spends a quarter of the energy: what is missing of ¾ is chance.
    const lazy = await theoremChecks(
      withChains(run, (chain, i) => (i === 0 ? chain : scaled(chain, 0.5))),
      { ...quick, truth: benchmark },
    );
    expect(named(lazy, 'energy against the exact one')!.verdict).toBe('fail');
    expect(named(lazy, 'energy against the exact one')!.value).toBeGreaterThan(0.4);
    expect(named(lazy, 'energy against the exact one')!.value).toBeLessThan(0.75);
  });
});

describe('faults are seen', () => {
  let good: DiffusionBridge;
  beforeAll(async () => {
    good = await diffusionBridge(plane, { ...exact, target: 'mean' });
  });

  test('noise of the last chain doubled: reciprocity', async () => {
    const loud = withChains(good, (chain, i) => (i === 6 ? { ...chain, noise: chain.noise.map((v) => v.clone().mul(2)) } : chain));
    const checks = await theoremChecks(loud, quick);
    expect(failures(checks)).toContain('reciprocity');
    // The residual's covariance is twice that of the reference bridge: 1 too much.
    expect(Math.abs(named(checks, 'reciprocity')!.value - 1)).toBeLessThan(0.2);
  });

  test('noise of the chain doubled that the last half-step learned from: Stein', async () => {
    const loud = withChains(good, (chain, i) => (i === 5 ? { ...chain, noise: chain.noise.map((v) => v.clone().mul(2)) } : chain));
    expect(failures(await theoremChecks(loud, quick)).join()).toContain('Stein');
  });

  test('one outer iteration that is no Sinkhorn round, though the last one is: the rounds, not the end', async () => {
    const strayed = withChains(good, (chain, i) => (i === 2 ? scaled(chain, -1) : chain));
    expect(named(await theoremChecks(good, quick), 'rounds')!.verdict).toBe('pass');
    const checks = await theoremChecks(strayed, quick);
    expect(named(checks, 'rounds')!.verdict).toBe('fail');
    expect(named(checks, 'Sinkhorn bridge of samples')!.verdict).toBe('pass');
  });

  test('an untrained network', async () => {
    const untrained = await diffusionBridge(plane, { iterations: 2, drift: mlp({ hidden: [16] }), innerSteps: 1, learningRate: 1e-9 });
    const failed = failures(await theoremChecks(untrained, quick)).join();
    for (const part of ['Stein', 'two-sample', 'rounds', 'Sinkhorn bridge', 'Proposition 4', 'Jeffreys', 'Pythagoras', 'energy identity']) {
      expect(failed).toContain(part);
    }
  });

  test('a run of another target', async () => {
    const target = gaussianMarginal({ mean: [1.5, 0.1], covariance: plane.target.covariance() });
    const other = withChains(good, (chain) => chain, bridgeProblem({ ...withoutKind(plane), target }));
    const failed = failures(await theoremChecks(other, quick)).join();
    for (const part of ['two-sample', 'Proposition 4', 'Jeffreys', 'energy identity']) expect(failed).toContain(part);
  });

  test('a run over another reference', async () => {
    const reference = brownian({ sigma: 1.5 });
    const other = withChains(good, (chain) => chain, bridgeProblem({ ...withoutKind(plane), reference }));
    const failed = failures(await theoremChecks(other, quick)).join();
    for (const part of ['Stein', 'reciprocity', 'energy identity']) expect(failed).toContain(part);
  });

  test('drifts that carry the next label, on a coarse grid: Stein', async () => {
    const coarse = await diffusionBridge(line, { ...exact, target: 'endpoint', grid: timeGrid.uniform({ steps: 5 }) });
    expect(named(await theoremChecks(coarse, quick), 'Stein')!.verdict).toBe('pass');
    const late = withChains(coarse, (chain, i) => (i === 0 ? chain : relabelled(chain)));
    expect(failures(await theoremChecks(late, quick)).join()).toContain('Stein');
  });

  test('iterates that move apart: the Girsanov trend', async () => {
    const restless = withChains(good, (chain, i) => (i < 5 ? chain : pushed(chain, 2 * i)));
    expect(failures(await theoremChecks(restless, quick)).join()).toContain('Girsanov');
  });

  test('paths that run away: that alone', async () => {
    const lost = withChains(good, (chain, i) => (i < 5 ? chain : pushed(chain, Number.NaN)));
    const checks = await theoremChecks(lost, quick);
    expect(checks).toMatchObject([{ name: 'paths stay finite', verdict: 'fail' }]);
    expect(Number.isFinite(checks[0]!.value)).toBe(true);
  });
});

describe('what does not apply is said with its reason', () => {
  const names = async (run: DiffusionBridge) => {
    const checks = await theoremChecks(run, quick);
    // Every check is either done or explained.
    expect(new Set([...checks, ...checks.inapplicable].map(({ name }) => name)).size).toBe(12);
    expect(checks.length + checks.inapplicable.length).toBe(12);
    for (const { reason } of checks.inapplicable) expect(reason).toMatch(/^needs .{10}/);
    return checks.map(({ name }) => name);
  };
  const few = { ...exact, iterations: 2, innerSteps: 20, grid: timeGrid.uniform({ steps: 6 }) } as const;

  test('bridge matching is no IPF; its starting pairs are no iterate', async () => {
    const found = (await names(await bridgeMatching(plane, few))).join();
    for (const part of IPF) expect(found).not.toContain(part);
    for (const part of ['Stein', 'two-sample', 'reciprocity', 'Sinkhorn bridge', 'energy identity']) expect(found).toContain(part);
    expect(found).not.toContain('Girsanov');
  });

  test('flow matching has no iterates, a score model one half-step', async () => {
    const { iterations: _, ...training } = few;
    const flow = await sinkhornFlowMatching(plane, { ...training, coupling: gaussianBridge(plane) });
    expect(await names(flow)).toHaveLength(4);
    const score = await names(await scoreModel(line, training));
    expect(score).toHaveLength(4);
    expect(score.join()).toContain('Stein');
  });

  test('data, matrix-valued and simulated references', async () => {
    const x = gaussianMarginal({ mean: [0], covariance: 1 }).sample(300, randomSource(5));
    const data = bridgeProblem({ ...withoutKind(line), source: dataMarginal(x) });
    expect((await theoremChecks(await diffusionBridge(data, few), quick)).some(({ knowledge }) => knowledge !== 'samples')).toBe(false);
    const matrix = linearReference({ drift: [[-0.5]], diffusion: [[1]] });
    const valued = await names(await diffusionBridge(bridgeProblem({ ...withoutKind(line), reference: matrix }), few));
    expect(valued.join()).not.toContain('Sinkhorn');
    expect(valued.join()).toContain('Pythagoras');
    const drift = (_t: number, at: { readonly data: Float64Array }) => Array.from(at.data, (value) => [-value]);
    const simulated = simulatedReference({ dimension: 1, drift, diffusion: 1 });
    const run = await diffusionBridge(bridgeProblem({ ...withoutKind(line), reference: simulated }), few);
    expect(await names(run)).toHaveLength(3);
  });

  test('bad input is named', async () => {
    const run = await diffusionBridge(line, { ...few, iterations: 1 });
    for (const none of [undefined, {}, line]) {
      await expect(theoremChecks(none as never)).rejects.toThrow(DomainError);
      await expect(theoremChecks(none as never)).rejects.toThrow('theoremChecks: this is no bridge, it has no drift');
    }
    await expect(theoremChecks(run, { truth: null as never })).rejects.toThrow('theoremChecks: truth has no drift');
    await expect(theoremChecks(run, { sample: 3 } as TheoremCheckOptions)).rejects.toThrow("unknown option 'sample'");
    await expect(theoremChecks(run, { samples: 3 })).rejects.toThrow('theoremChecks: samples');
    await expect(theoremChecks(run, { truth: {} as never })).rejects.toThrow('theoremChecks: truth has no drift');
  });
});

describe('the permutation test', () => {
  const normals = (seed: number, shift: number) =>
    wrapPoints(
      randomSource(seed)
        .fillNormal(new Float64Array(100))
        .map((z) => z + shift),
      1,
    );

  test('has its level, and power', () => {
    const p = (shift: number) =>
      Array.from({ length: 30 }, (_, i) => permutationTest(normals(2 * i, 0), normals(2 * i + 1, shift), randomSource(i)).pValue);
    const mean = p(0).reduce((sum, value) => sum + value, 0) / 30;
    // Uniform on (0, 1): mean ½ with standard error 1/√(12·30) = .053.
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.19);
    expect(Math.max(...p(1))).toBeLessThan(0.01);
  });
});

function withoutKind({ source, target, reference }: BridgeProblem) {
  return { source, target, reference };
}

/** Every transition with the drift of the next one towards the chain's end. */
function relabelled(chain: Chain): Chain {
  const step = chain.direction === 'forward' ? 1 : -1;
  const at = (k: number) => Math.max(0, Math.min(chain.grid.steps - 1, k + step));
  const { drift } = chain;
  return { ...chain, drift: { ...drift, evaluate: (k, x, out) => drift.evaluate(at(k), x, out), affine: (k) => drift.affine(at(k)) } };
}

/** A drift with a factor. */
function scaled(chain: Chain, by: number): Chain {
  const { drift } = chain;
  return {
    ...chain,
    drift: {
      ...drift,
      evaluate(k, x, out) {
        drift.evaluate(k, x, out);
        for (let i = 0; i < out.length; i++) out[i]! *= by;
      },
      affine: () => undefined,
    },
  };
}

/** A drift with a constant added. */
function pushed(chain: Chain, by: number): Chain {
  const { drift } = chain;
  return {
    ...chain,
    drift: {
      ...drift,
      evaluate(k, x, out) {
        drift.evaluate(k, x, out);
        for (let i = 0; i < out.length; i++) out[i]! += by;
      },
      affine: () => undefined,
    },
  };
}
