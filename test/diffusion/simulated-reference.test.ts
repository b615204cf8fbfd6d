import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { staticProblem } from '../../src/couplings/static-problem.ts';
import { bridgeMatching } from '../../src/diffusion/bridge-matching.ts';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import { mixtureBridge } from '../../src/diffusion/mixture-bridge.ts';
import { restoreBridge } from '../../src/diffusion/restore-bridge.ts';
import { scoreModel } from '../../src/diffusion/score-model.ts';
import { sinkhornFlowMatching } from '../../src/diffusion/sinkhorn-flow-matching.ts';
import { sinkhornBridge } from '../../src/discrete/sinkhorn-bridge.ts';
import { linear } from '../../src/drifts/linear.ts';
import { mlp } from '../../src/drifts/mlp.ts';
import { DomainError, ShapeError } from '../../src/errors.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { gaussianChain } from '../../src/gaussian/gaussian-chain.ts';
import { gaussianImf } from '../../src/gaussian/gaussian-imf.ts';
import { gaussianIpf } from '../../src/gaussian/gaussian-ipf.ts';
import { populationDsb } from '../../src/gaussian/population-dsb.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { points, wrapPoints } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { linearReference } from '../../src/references/linear-reference.ts';
import { simulatedReference } from '../../src/references/simulated-reference.ts';
import { timeGrid } from '../../src/references/time-grid.ts';

const source = gaussianMarginal({ mean: [-0.4, 0.2], covariance: 1 });
const target = gaussianMarginal({ mean: [0.5, 0.1], covariance: 0.7 });
const diffusion = [
  [1, 0],
  [0.4, 0.8],
];
const exact = linearReference({
  drift: [
    [-0.5, 0.4],
    [-0.4, -0.2],
  ],
  bias: [0.3, -0.1],
  diffusion,
});
const simulated = simulatedReference({ dimension: 2, drift: (t, x) => exact.drift(t, x), diffusion });
const grid = timeGrid.fromSteps([0.1, 0.4, 0.2, 0.3]);

describe('with a linear drift inside', () => {
  const [known, unknown] = [exact, simulated].map((reference) => bridgeProblem({ source, target, reference })) as [
    ReturnType<typeof bridgeProblem>,
    ReturnType<typeof bridgeProblem>,
  ];
  for (const regressed of ['mean', 'drift', 'simple', 'moment'] as const) {
    test(`the run has the bits of the one with the linear reference: target ${regressed}`, async () => {
      const options = { iterations: 2, grid, target: regressed, drift: linear(), innerSteps: 6, cache: 500, seed: 1 };
      const [a, b] = await Promise.all([diffusionBridge(known, options), diffusionBridge(unknown, options)]);
      expect(b.digest).toBe(a.digest);
      expect(b.moments()).toEqual(a.moments());
      expect(restoreBridge(unknown, b.toBytes()).digest).toBe(b.digest);
      expect(() => restoreBridge(known, b.toBytes())).toThrow(/its reference differs/);
    });
  }

  test('its starting chain is simulated, with standard errors', async () => {
    const run = await diffusionBridge(unknown, { iterations: 1, grid, drift: linear(), innerSteps: 2, cache: 500 });
    const moments = run.iterate(0).moments({ samples: 20_000, random: randomSource(1) });
    const truth = (await diffusionBridge(known, { iterations: 1, target: 'mean', grid, drift: linear(), innerSteps: 2, cache: 500 }))
      .iterate(0)
      .moments();
    moments.targetMean.forEach((m, k) => {
      expect(Math.abs(m - truth.targetMean[k]!)).toBeLessThan(4.5 * moments.standardErrors!.targetMean[k]!);
    });
  });
});

describe('a double well', () => {
  const [steps, horizon, sigma] = [12, 1, 0.7];
  const gamma = horizon / steps;
  const well = (x: number): number => 3 * (x - x ** 3);
  const doubleWell = (f: (x: number) => number) =>
    bridgeProblem({
      source: gaussianMarginal({ mean: [-0.3], covariance: 0.5 }),
      target: gaussianMarginal({ mean: [1], covariance: 0.09 }),
      reference: simulatedReference({ dimension: 1, drift: (_, x) => Array.from(x.data, (y) => [f(y)]), diffusion: sigma, horizon }),
    });

  /**
   * What a perfect regression learns in half-step 1 at transition k, with every integral a sum over 401 places: the law after the step, and
   * E[X + γ(f(X) − f(X')) − X' | X']/γ.
   */
  function onPlaces(k: number): { places: Float64Array; law: Float64Array; drift: Float64Array } {
    const n = 401;
    const places = Float64Array.from({ length: n }, (_, i) => -3 + (6 * i) / (n - 1));
    const density = (mean: number, variance: number): Float64Array => {
      const raw = places.map((y) => Math.exp(-((y - mean) ** 2) / (2 * variance)));
      const sum = raw.reduce((s, v) => s + v, 0);
      return raw.map((v) => v / sum);
    };
    const step = Array.from(places, (x) => density(x + gamma * well(x), gamma * sigma * sigma));
    const carried = (law: Float64Array): Float64Array => places.map((_, j) => step.reduce((s, row, i) => s + law[i]! * row[j]!, 0));
    let before = density(-0.3, 0.5);
    for (let i = 0; i < k; i++) before = carried(before);
    const law = carried(before);
    const drift = places.map((y, j) => {
      let sum = 0;
      places.forEach((x, i) => {
        sum += before[i]! * step[i]![j]! * (x + gamma * (well(x) - well(y)) - y);
      });
      return sum / gamma / law[j]!;
    });
    return { places, law, drift };
  }

  for (const regressed of ['mean', 'drift'] as const) {
    test(`half-step 1 learns what sums over places give: target ${regressed}`, async () => {
      const run = await diffusionBridge(doubleWell(well), {
        iterations: 1,
        grid: timeGrid.uniform({ steps, horizon }),
        target: regressed,
        drift: mlp({ hidden: [32, 32] }),
        innerSteps: 800,
        batchSize: 512,
        learningRate: 1e-2,
        cache: 4000,
        seed: 1,
      });
      for (const k of [2, 7, steps - 1]) {
        const { places, law, drift } = onPlaces(k);
        const { mean } = run.transition(k, wrapPoints(places, 1), 'backward');
        let [error, missing] = [0, 0];
        law.forEach((p, j) => {
          const learned = (mean.data[j]! - places[j]!) / gamma;
          error += p * (learned - drift[j]!) ** 2;
          // What a regression that evaluates no nonlinear drift lacks.
          missing += p * well(places[j]!) ** 2;
        });
        expect(Math.sqrt(error / missing), `transition ${k}`).toBeLessThan(0.25);
      }
    });
  }

  test('paths that run away end the run instead of throwing', async () => {
    const run = await diffusionBridge(
      doubleWell((x) => 1e3 * x ** 3),
      {
        iterations: 1,
        grid: timeGrid.uniform({ steps, horizon }),
        drift: linear(),
        innerSteps: 2,
        cache: 100,
      },
    );
    expect(run.status).toBe('diverged');
    expect(run.halfSteps).toHaveLength(0);
  });
});

describe('what it cannot do is refused by name', () => {
  const problem = bridgeProblem({ source, target, reference: simulated });
  const quick = { iterations: 1, innerSteps: 1, cache: 10 };
  const calls: readonly (readonly [string, () => unknown])[] = [
    ['target endpoint', () => diffusionBridge(problem, { ...quick, target: 'endpoint' })],
    ['bridgeMatching', () => bridgeMatching(problem, quick)],
    ['scoreModel', () => scoreModel(problem)],
    [
      'sinkhornFlowMatching',
      () => sinkhornFlowMatching(problem, { coupling: gaussianBridge(bridgeProblem({ source, target, reference: exact })) }),
    ],
    ['mixtureBridge', () => mixtureBridge(problem, { components: 1 })],
    ['sinkhornBridge', () => sinkhornBridge(problem)],
    ['staticProblem', () => staticProblem(problem)],
    ['gaussianBridge', () => gaussianBridge(problem)],
    ['gaussianChain', () => gaussianChain(problem, grid)],
    ['gaussianIpf', () => gaussianIpf(problem).iterate(1)],
    ['gaussianImf', () => gaussianImf(problem)],
    ['populationDsb', () => populationDsb(problem, grid, { target: 'mean' })],
    ['transition', () => simulated.transition(0, 1)],
    ['bridge', () => simulated.bridge(0, 0.5, 1)],
    ['driftCoefficients', () => simulated.driftCoefficients(0)],
    ['discretise', () => simulated.discretise(grid)],
  ];
  for (const [name, call] of calls) {
    test(name, async () => {
      const made = (async () => call())();
      await expect(made).rejects.toThrow(DomainError);
      await expect(made).rejects.toThrow(/simulated/);
      await expect(made).rejects.toThrow(/; (use|pass) /);
    });
  }

  test('a grid of another horizon, marginals of another dimension', async () => {
    const long = diffusionBridge(problem, { ...quick, grid: timeGrid.uniform({ steps: 4, horizon: 2 }) });
    await expect(long).rejects.toThrow(/^diffusionBridge: the grid ends at 2, the reference at 1; make the horizons equal$/);
    const line = gaussianMarginal({ mean: [0], covariance: 1 });
    expect(() => bridgeProblem({ source: line, target: line, reference: simulated })).toThrow(ShapeError);
  });

  test('bad options', () => {
    const drift = (_: number, x: { readonly data: Float64Array }) => points([[...x.data]]);
    for (const [options, message] of [
      [{ dimension: 0, drift, diffusion: 1 }, /dimension must be a whole number/],
      [{ dimension: 1, drift: 0, diffusion: 1 }, /drift is no function/],
      [{ dimension: 1, drift, diffusion: 0 }, /diffusion must be > 0/],
      [
        {
          dimension: 2,
          drift,
          diffusion: [
            [1, 1],
            [1, 1],
          ],
        },
        /diffusion·diffusionᵀ/,
      ],
      [{ dimension: 2, drift, diffusion: [[1]] }, /diffusion/],
      [{ dimension: 1, drift, diffusion: 1, horizon: -1 }, /horizon must be > 0/],
      [{ dimension: 1, drift, diffusion: 1, sigma: 1 }, /unknown option 'sigma'/],
    ] as const) {
      expect(() => simulatedReference(options as unknown as Parameters<typeof simulatedReference>[0])).toThrow(message);
      expect(() => simulatedReference(options as unknown as Parameters<typeof simulatedReference>[0])).toThrow(/^simulatedReference/);
    }
    const short = simulatedReference({ dimension: 2, drift: () => [[0, 0]], diffusion: 1 });
    expect(() =>
      short.drift(0, [
        [1, 2],
        [3, 4],
      ]),
    ).toThrow(/drift returned 2 numbers for 2 points in dimension 2/);
    expect(() => short.drift(0, [[1]])).toThrow(ShapeError);
  });

  test('a diffusion that depends on time', () => {
    const rising = simulatedReference({ dimension: 2, drift: (_, x) => x, diffusion: (t) => 1 + t });
    expect(rising.diffusionCovariance(0.5).to2DArray()).toEqual([
      [2.25, 0],
      [0, 2.25],
    ]);
  });
});
