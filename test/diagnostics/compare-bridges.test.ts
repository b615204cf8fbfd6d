import { describe, expect, test } from 'vitest';
import { type BridgeProblem, bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import type { Coupling } from '../../src/couplings/coupling.ts';
import { independentCoupling } from '../../src/couplings/independent-coupling.ts';
import { staticProblem } from '../../src/couplings/static-problem.ts';
import { compareBridges } from '../../src/diagnostics/compare-bridges.ts';
import { conditionalBwUvp } from '../../src/diagnostics/conditional-bw-uvp.ts';
import { entropicBenchmark } from '../../src/diagnostics/entropic-benchmark.ts';
import { normalisedPathEnergy, pathEnergy, pathKl } from '../../src/diagnostics/path-integrals.ts';
import { sinkhorn } from '../../src/discrete/sinkhorn.ts';
import { sinkhornBridge } from '../../src/discrete/sinkhorn-bridge.ts';
import { DomainError, ShapeError } from '../../src/errors.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { gaussianChain } from '../../src/gaussian/gaussian-chain.ts';
import { gaussianIpf } from '../../src/gaussian/gaussian-ipf.ts';
import { dataMarginal } from '../../src/marginals/discrete-marginal.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/brownian.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { planarGaussians } from '../laws/planar-gaussians.ts';

const problem = planarGaussians();
const { source, target } = problem;
const bridge = gaussianBridge(problem);
const reference = gaussianIpf(problem).iterate(0);

/** The same coupling, of a kind nobody knows. */
const anonymous = (coupling: Coupling): Coupling => ({ ...coupling, kind: 'unknown' });

const samples = {
  source: dataMarginal(source.sample(40, randomSource(1))),
  target: dataMarginal(target.sample(50, randomSource(2))),
};

describe('conditionalBwUvp', () => {
  test('on the line it is a sum of squares', () => {
    const line = bridgeProblem({
      source: gaussianMarginal({ mean: [0], covariance: 1 }),
      target: gaussianMarginal({ mean: [1], covariance: 2 }),
      reference: brownian({ sigma: 1 }),
    });
    const exact = gaussianBridge(line);
    const { crossCovariance } = exact.moments();
    const c = crossCovariance.get(0, 0);
    const inputs = [[-1], [0], [0.5], [2]];
    // y | x is N(1 + cx, 2 − c²), y alone N(1, 2).
    const squares = inputs.reduce((sum, [x]) => sum + 0.5 * (c * x!) ** 2 + 0.5 * (Math.sqrt(2) - Math.sqrt(2 - c * c)) ** 2, 0);
    const expected = (100 * squares) / 4 / (0.5 * 2);
    expect(conditionalBwUvp(independentCoupling(line.source, line.target), exact, { inputs })).toBeCloseTo(expected, 8);
    expect(conditionalBwUvp(exact, exact, { inputs })).toBeLessThan(1e-10);
  });

  test('draws give what exact moments give', () => {
    for (const law of [bridge, gaussianChain(problem, timeGrid.uniform({ steps: 3 })), independentCoupling(source, target)]) {
      expect(conditionalBwUvp(law, law, { inputs: 20 })).toBeLessThan(1e-10);
      const drawn = conditionalBwUvp(anonymous(law), law, { inputs: 20, samples: 4000 });
      expect(drawn).toBeGreaterThan(0);
      expect(drawn).toBeLessThan(0.15);
    }
    const far = conditionalBwUvp(independentCoupling(source, target), bridge, { inputs: 50 });
    expect(far).toBeGreaterThan(5);
    expect(conditionalBwUvp(independentCoupling(source, target), anonymous(bridge), { inputs: 50, samples: 4000 })).toBeCloseTo(far, 0);
  });

  test('plans between points: rows of the plan, where x is a support point', () => {
    const plan = sinkhorn(staticProblem(bridgeProblem({ ...samples, reference: brownian({ sigma: 1 }) })));
    const inputs = samples.source.points;
    expect(conditionalBwUvp(plan, plan, { inputs })).toBeLessThan(1e-10);
    expect(conditionalBwUvp(anonymous(plan), plan, { inputs, samples: 1000 })).toBeLessThan(0.5);
    const between = sinkhornBridge(bridgeProblem({ ...samples, reference: brownian({ sigma: 1 }) }));
    expect(conditionalBwUvp(between, plan, { inputs })).toBeLessThan(1e-9);
    // Anywhere else draws serve.
    expect(
      conditionalBwUvp(plan, plan, {
        inputs: [
          [0, 0],
          [1, 1],
        ],
        samples: 1000,
      }),
    ).toBeLessThan(0.6);
  });

  test('a benchmark is a truth', () => {
    const benchmark = entropicBenchmark({ dimension: 2, components: 3, epsilon: 1, seed: 2 });
    const options = { inputs: 40, samples: 1000 };
    const product = conditionalBwUvp(independentCoupling(benchmark.source, benchmark.target), benchmark, options);
    expect(product).toBeGreaterThan(5);
    const one = entropicBenchmark({
      epsilon: 0.9,
      source,
      weights: [1],
      means: [[2, 1]],
      covariances: [
        [
          [0.8, -0.2],
          [-0.2, 0.5],
        ],
      ],
    });
    expect(conditionalBwUvp(gaussianBridge(one.problem), one, options)).toBeLessThan(1e-9);
  });

  test('refuses bad input', () => {
    const line = independentCoupling(gaussianMarginal({ mean: [0], covariance: 1 }), gaussianMarginal({ mean: [0], covariance: 1 }));
    expect(() => conditionalBwUvp(line, bridge)).toThrow(ShapeError);
    expect(() => conditionalBwUvp(bridge, bridge, { inputs: 0 })).toThrow(/inputs must be a whole number/);
    expect(() => conditionalBwUvp(bridge, bridge, { inputs: [[1]] })).toThrow(ShapeError);
  });
});

describe('pathKl', () => {
  test('against the reference it is the closed form', () => {
    const grid = timeGrid.uniform({ steps: 40 });
    const value = pathKl(bridge, reference, { grid, samples: 4000, random: randomSource(1) });
    // ½|f|² has a standard deviation of about its mean: 4000 correlated paths give 2–3%.
    expect(Math.abs(value / bridge.pathKl() - 1)).toBeLessThan(0.08);
    expect(pathKl(bridge, bridge, { grid, samples: 10 })).toBe(0);
  });

  test('does not forget σ', () => {
    const wide = bridgeProblem({ source, target, reference: brownian({ sigma: 2 }) });
    const exact = gaussianBridge(wide);
    const value = pathKl(exact, gaussianIpf(wide).iterate(0), { samples: 4000 });
    expect(Math.abs(value / exact.pathKl() - 1)).toBeLessThan(0.1);
    expect(() => pathKl(bridge, exact)).toThrow(/different diffusions/);
  });
});

describe('pathEnergy', () => {
  test('between Gaussians: |shift|² + ∫ ṡ²/4s dt', () => {
    const line = bridgeProblem({
      source: gaussianMarginal({ mean: [0], covariance: 1 }),
      target: gaussianMarginal({ mean: [1.5], covariance: 3 }),
      reference: brownian({ sigma: 1 }),
    });
    const exact = gaussianBridge(line);
    // v = ṁ + ṡ/(2s)·(x − m), variance s(t) of X_t; the mean is a straight line. Mid-point rule in the test.
    const s = (t: number): number => exact.marginalAt(t).covariance().get(0, 0);
    const cells = 400;
    let expected = 1.5 ** 2;
    for (let i = 0; i < cells; i++) {
      const rate = (s((i + 1) / cells) - s(i / cells)) * cells;
      expected += rate ** 2 / (4 * s((i + 0.5) / cells)) / cells;
    }
    expect(Math.abs(pathEnergy(exact, { samples: 20_000, random: randomSource(4) }) / expected - 1)).toBeLessThan(0.02);
    // The mid-point rule is good on few steps.
    const grid = timeGrid.uniform({ steps: 4 });
    expect(Math.abs(pathEnergy(exact, { grid, samples: 20_000, random: randomSource(4) }) / expected - 1)).toBeLessThan(0.02);
  });

  test('with little noise it is the squared Wasserstein distance', () => {
    const still = bridgeProblem({
      source,
      target: gaussianMarginal({ mean: [2.6, 0.2], covariance: source.covariance() }),
      reference: brownian({ sigma: 0.05 }),
    });
    expect(pathEnergy(gaussianBridge(still), { samples: 500 })).toBeCloseTo(9, 1);
  });
});

describe('compareBridges', () => {
  test('a bridge with itself: no difference', () => {
    const { perTime, conditionalBwUvp: conditional, pathKl: kl } = compareBridges(bridge, bridge);
    expect(perTime.map(({ t }) => t)).toEqual(Array.from({ length: 9 }, (_, i) => (i + 1) / 10));
    for (const { meanDifference, bwUvp, driftMse } of perTime)
      expect([meanDifference, driftMse, Math.round(1e9 * bwUvp)]).toEqual([0, 0, 0]);
    expect(conditional).toBeLessThan(1e-10);
    expect(kl).toBe(0);
  });

  test('with another: exact means, drift error of affine drifts, path KL', () => {
    const { perTime, pathKl: kl } = compareBridges(reference, bridge, { times: [0.25, 0.75], samples: 20_000 });
    perTime.forEach(({ t, meanDifference, driftMse }) => {
      const m = bridge.marginalAt(t).mean();
      expect(meanDifference).toBeCloseTo(Math.hypot(m[0]! + 0.4, m[1]! - 0.2), 10);
      // E|Mx + o|² = |Mm + o|² + tr(M S Mᵀ) under the truth; the reference has no drift.
      const { matrix, offset } = bridge.driftCoefficients(t);
      const at = [0, 1].map((i) => matrix.get(i, 0) * m[0]! + matrix.get(i, 1) * m[1]! + offset[i]!);
      const expected = at[0]! ** 2 + at[1]! ** 2 + matrix.mmul(bridge.marginalAt(t).covariance()).mmul(matrix.transpose()).trace();
      expect(Math.abs(driftMse / expected - 1)).toBeLessThan(0.06);
    });
    // KL(reference | bridge), not the other way round: both are path integrals of the same drift under different laws.
    const integral = pathKl(reference, bridge, { samples: 20_000, random: randomSource(9) });
    expect(Math.abs(kl! / integral - 1)).toBeLessThan(0.05);
    expect(Math.abs(kl! / bridge.pathKl() - 1)).toBeGreaterThan(0.1);
  });

  test('points against densities: everything but an infinite KL', () => {
    const points = bridgeProblem({ ...samples, reference: problem.reference });
    const truth = sinkhornBridge(points);
    const moments = gaussianBridge(problem);
    const made = compareBridges({ ...moments, source: samples.source }, truth, { times: [0.2, 0.8], samples: 300 });
    expect(made.pathKl).toBeUndefined();
    expect('pathKl' in made).toBe(false);
    for (const { bwUvp, driftMse } of made.perTime) {
      expect(bwUvp).toBeGreaterThan(0);
      expect(Number.isFinite(driftMse)).toBe(true);
    }
    expect(compareBridges(truth, truth, { times: [0.5], samples: 50 }).pathKl).toBe(0);
  });

  test('refuses bridges that do not fit', () => {
    const long = gaussianBridge(bridgeProblem({ source, target, reference: brownian({ sigma: 1, horizon: 2 }) }));
    expect(() => compareBridges(bridge, long)).toThrow(DomainError);
    expect(() => compareBridges(bridge, bridge, { time: [0.5] } as object)).toThrow(/unknown option 'time'/);
  });
});

describe('normalisedPathEnergy', () => {
  const ends = ({ source, target }: BridgeProblem) => ({ source, target });
  const to = (mean: number[], covariance: Parameters<typeof gaussianMarginal>[0]['covariance'], sigma = 0.02) =>
    bridgeProblem({
      source: gaussianMarginal({ mean: [0, 0], covariance: 1 }),
      target: gaussianMarginal({ mean, covariance }),
      reference: brownian({ sigma }),
    });

  test('0 without noise: W2 in closed form, mean and covariances', () => {
    const still = gaussianBridge(to([2, 1], 4));
    expect(normalisedPathEnergy(still, { samples: 20_000 })).toBeLessThan(0.01);
    // W2² = 5 + 2.
    const energy = pathEnergy(still, { random: randomSource(3).split('paths') });
    expect(normalisedPathEnergy(still, { random: randomSource(3) })).toBeCloseTo(Math.abs(energy - 7) / 7, 10);
    expect(normalisedPathEnergy(still, { random: randomSource(3), distance: 2 })).toBeCloseTo(Math.abs(energy - 4) / 4, 10);
  });

  test('the horizon is no part of it; noise is', () => {
    const slow = bridgeProblem({ ...ends(to([3, 0], 1)), reference: brownian({ sigma: 0.02, horizon: 5 }) });
    expect(normalisedPathEnergy(gaussianBridge(slow))).toBeLessThan(0.02);
    // Between equal covariances s the variance bulges to s(t) and back: E∫|v|² exceeds the squared shift.
    expect(normalisedPathEnergy(gaussianBridge(to([3, 0], 0.1, 2)), { samples: 20_000 })).toBeGreaterThan(0.1);
  });

  test('between points their own distance, of others between draws', () => {
    const points = [
      dataMarginal([
        [0, 0],
        [0, 1],
      ]),
      dataMarginal([
        [2, 0],
        [2, 1],
      ]),
    ] as const;
    const bridge = sinkhornBridge(bridgeProblem({ source: points[0], target: points[1], reference: brownian({ sigma: 0.1 }) }));
    const energy = pathEnergy(bridge, { random: randomSource(3).split('paths') });
    expect(normalisedPathEnergy(bridge, { random: randomSource(3) })).toBeCloseTo(Math.abs(energy - 4) / 4, 10);
    const mixed = { ...gaussianBridge(to([4, 0], 1)), source: points[0] };
    expect(normalisedPathEnergy(mixed, { draws: 200, samples: 200 })).toBeLessThan(0.5);
  });

  test('nothing to move, and bad input', () => {
    const stays = gaussianBridge(to([0, 0], 1));
    expect(() => normalisedPathEnergy(stays)).toThrow(/^normalisedPathEnergy: W2 is 0, nothing to be relative to; use pathEnergy/);
    expect(() => normalisedPathEnergy(stays, { distance: Number.NaN })).toThrow(DomainError);
    expect(() => normalisedPathEnergy(stays, { draws: 0 })).toThrow('normalisedPathEnergy: draws');
    expect(() => normalisedPathEnergy(stays, { drawn: 3 } as never)).toThrow("unknown option 'drawn'");
  });
});
