import { describe, expect, test } from 'vitest';
import type { Bridge } from '../../src/couplings/bridge.ts';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { entropicBenchmark } from '../../src/diagnostics/entropic-benchmark.ts';
import { theoremChecks } from '../../src/diagnostics/theorem-checks.ts';
import { sampleMoments } from '../../src/diffusion/chain-moments.ts';
import { mixtureBridge } from '../../src/diffusion/mixture-bridge.ts';
import { sinkhornBridge } from '../../src/discrete/sinkhorn-bridge.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { dataMarginal } from '../../src/marginals/discrete-marginal.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { moons } from '../../src/marginals/shapes.ts';
import { allocatePoints, type Points, toPoints } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { linearReference } from '../../src/references/linear-reference.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { planarGaussians } from '../laws/planar-gaussians.ts';

const plane = planarGaussians();
const exact = gaussianBridge(plane);
const quick = { samples: 2000 } as const;

const SAMPLED = ['Stein', 'two-sample', 'reciprocity', 'Sinkhorn bridge of samples'];
const ITERATES = ['Girsanov', 'Sinkhorn rounds', 'Proposition 4', 'Jeffreys', 'Pythagoras'];
const TRUE = ['drift against the exact one', 'energy against the exact one'];

type Checks = Awaited<ReturnType<typeof theoremChecks>>;

function verdicts(checks: Checks): Record<string, string> {
  return Object.fromEntries(checks.map(({ name, verdict, value }) => [name, `${verdict} ${value.toPrecision(3)}`]));
}

/** Every check that applies passes, these and no other; all others are explained. */
function passes(checks: Checks, parts: readonly string[]): void {
  expect(checks.map(({ name }) => parts.find((part) => name.includes(part)))).toEqual(parts);
  expect(
    checks.every(({ verdict }) => verdict === 'pass'),
    JSON.stringify(verdicts(checks)),
  ).toBe(true);
  expect(checks.length + checks.inapplicable.length).toBe(12);
}

/** The names of the checks with that verdict. */
function those(verdict: 'warn' | 'fail', checks: Checks): string {
  return checks
    .filter((one) => one.verdict === verdict)
    .map(({ name }) => name)
    .join();
}

const failed = (checks: Checks): string => those('fail', checks);

/** A bridge of one's own: drifts of another, paths by Euler's steps, and nothing else than the interface. */
function own(base: Bridge, changes: { readonly scale?: number; readonly noise?: number } = {}): Bridge {
  const { scale = 1, noise = 1 } = changes;
  const drift = (t: number, x: Parameters<Bridge['drift']>[1]): Points => {
    const f = base.drift(t, x);
    return { ...f, data: f.data.map((value) => scale * value) };
  };
  const simulate: Bridge['simulate'] = ({ count, from, grid, random, direction = 'forward' }) => {
    if (direction === 'backward') throw new Error('not asked for');
    let x = from === undefined ? base.source.sample(count!, random) : toPoints('own', from);
    const points = [x];
    for (let k = 0; k < grid.steps; k++) {
      const f = drift(grid.times[k]!, x);
      const next = allocatePoints(x.count, x.dimension);
      random.fillNormal(next.data);
      const size = Math.sqrt(noise * grid.durations[k]!);
      for (let i = 0; i < next.data.length; i++) next.data[i] = x.data[i]! + grid.durations[k]! * f.data[i]! + size * next.data[i]!;
      points.push(next);
      x = next;
    }
    return { times: grid.times, points };
  };
  return {
    ...base,
    kind: 'own-bridge',
    drift,
    simulate,
    moments() {
      const { points } = simulate({ count: 20_000, grid: timeGrid.uniform({ steps: 40 }), random: randomSource(9) });
      return sampleMoments(points[0]!, points.at(-1)!);
    },
  };
}

describe('good bridges of every kind', () => {
  test('Gaussian, with and without the truth', async () => {
    const checks = await theoremChecks(exact, quick);
    passes(checks, [...SAMPLED, 'energy identity']);
    for (const part of ITERATES) {
      const found = checks.inapplicable.find(({ name }) => name.includes(part));
      expect(found?.reason, part).toBe('needs iterates, and a gaussian-bridge has none');
    }
    passes(await theoremChecks(exact, { ...quick, truth: exact }), [...SAMPLED, 'energy identity', ...TRUE]);
    // The list looks like a list of checks alone.
    expect(Object.keys(checks)).toEqual(['0', '1', '2', '3', '4']);
    expect(await theoremChecks(exact, quick)).toEqual(checks);
  });

  test('Gaussian onto a target a thousand times narrower than the noise', async () => {
    const target = gaussianMarginal({ mean: [3, 0], covariance: 0.001 });
    const narrow = gaussianBridge(bridgeProblem({ source: plane.source, target, reference: plane.reference }));
    passes(await theoremChecks(narrow, { truth: narrow }), [...SAMPLED, 'energy identity', ...TRUE]);
  });

  test('Gaussian over a matrix-valued reference: no static problem', async () => {
    const reference = linearReference({
      drift: [
        [-0.5, 0.3],
        [0, -0.2],
      ],
      diffusion: [
        [1, 0.2],
        [0, 0.8],
      ],
    });
    const checks = await theoremChecks(gaussianBridge(planarGaussians(reference)), quick);
    passes(checks, ['Stein', 'two-sample', 'reciprocity', 'energy identity']);
    expect(checks.inapplicable.filter(({ reason }) => reason.includes('static problem'))).toHaveLength(2);
  });

  test('Sinkhorn between samples, and onto a single point', async () => {
    const data = (side: 'source' | 'target') => dataMarginal(plane[side].sample(300, randomSource(1).split(side)));
    const { reference } = plane;
    passes(
      await theoremChecks(sinkhornBridge(bridgeProblem({ source: data('source'), target: data('target'), reference })), quick),
      SAMPLED,
    );
    const point = sinkhornBridge(bridgeProblem({ source: data('source'), target: dataMarginal([[1, 2]]), reference }));
    passes(await theoremChecks(point, quick), SAMPLED);
  });

  test('a mixture on the benchmark, against its exact drift and draws', async () => {
    const benchmark = entropicBenchmark({ dimension: 2, components: 3, epsilon: 1, seed: 1 });
    const bridge = await mixtureBridge(benchmark.problem, { components: 3, covariance: 'full', samples: 2000 });
    passes(await theoremChecks(bridge, { ...quick, truth: benchmark }), [...SAMPLED, ...TRUE]);
    // Its drift alone does too, by Euler's steps.
    const { drift } = benchmark;
    passes(await theoremChecks(bridge, { ...quick, truth: { drift } }), [...SAMPLED, ...TRUE]);
  });

  test("one's own object, by Euler's steps", async () => {
    passes(await theoremChecks(own(exact), { ...quick, truth: exact }), [...SAMPLED, 'energy identity', ...TRUE]);
  });

  test('what looks back in no closed form says so', async () => {
    const reference = plane.reference;
    const bridge = await mixtureBridge(bridgeProblem({ source: moons(), target: plane.target, reference }), {
      components: 2,
      samples: 500,
    });
    const checks = await theoremChecks(bridge, quick);
    passes(checks, SAMPLED.slice(1));
    expect(checks.inapplicable.find(({ name }) => name.includes('Stein'))!.reason).toMatch(
      /^needs the drifts of both directions: mixtureBridge: looking back in time needs the density/,
    );
  });
});

describe('faults are seen', () => {
  test('half of the drift', async () => {
    const checks = await theoremChecks(own(exact, { scale: 0.5 }), { truth: exact });
    for (const part of ['two-sample', 'energy identity', 'energy against']) expect(failed(checks)).toContain(part);
    expect(those('warn', checks)).toContain('Stein');
    // Half of the drift is missing: a quarter of its energy, less what is taken for chance.
    const drift = checks.find(({ name }) => name.startsWith('drift against'))!;
    expect(drift.verdict).toBe('warn');
    expect(drift.value).toBeGreaterThan(0.22);
    expect(drift.value).toBeLessThan(0.25);
    expect(failed(await theoremChecks(own(exact, { scale: 0.3 }), { truth: exact }))).toContain('drift against');
    // A quarter of the energy and less, as the paths go elsewhere.
    expect(checks.find(({ name }) => name.startsWith('energy against'))!.value).toBeGreaterThan(0.5);
  });

  test('twice the noise', async () => {
    const checks = await theoremChecks(own(exact, { noise: 2 }));
    for (const part of ['Stein', 'reciprocity']) expect(failed(checks)).toContain(part);
  });

  test('the backward drift of another bridge', async () => {
    const away = gaussianMarginal({ mean: [-2, 0], covariance: 1 });
    const other = gaussianBridge(bridgeProblem({ source: away, target: plane.target, reference: plane.reference }));
    const checks = await theoremChecks({ ...exact, backwardDrift: other.backwardDrift }, quick);
    expect(failed(checks)).toContain('Stein');
    expect(failed(checks)).not.toContain('two-sample');
  });

  test('another target, and ends that are independent', async () => {
    const target = gaussianMarginal({ mean: [1.5, 0.1], covariance: plane.target.covariance() });
    const checks = await theoremChecks({ ...exact, target }, quick);
    for (const part of ['two-sample', 'energy identity']) expect(failed(checks)).toContain(part);
    const moments = { ...exact.moments(), crossCovariance: exact.moments().crossCovariance.mul(0) };
    expect(failed(await theoremChecks({ ...exact, moments: () => moments }, quick))).toBe(
      'final law against the Sinkhorn bridge of samples',
    );
  });

  test('paths that run away: that alone', async () => {
    const lost: Bridge = {
      ...exact,
      simulate(options) {
        const { times, points } = exact.simulate(options);
        return { times, points: points.map((x, k) => (k < 20 ? x : { ...x, data: x.data.map(() => Number.NaN) })) };
      },
    };
    expect(await theoremChecks(lost, quick)).toMatchObject([{ name: 'paths stay finite', verdict: 'fail', value: Number.MAX_VALUE }]);
  });

  test('errors that are no refusal are not swallowed', async () => {
    const broken: Bridge = {
      ...exact,
      backwardDrift() {
        throw new TypeError('broken');
      },
    };
    await expect(theoremChecks(broken, quick)).rejects.toThrow(TypeError);
    await expect(theoremChecks({ ...exact, source: undefined } as never)).rejects.toThrow(
      'theoremChecks: this is no bridge, it has no source;',
    );
  });
});
