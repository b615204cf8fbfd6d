import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { backAndForth, interpolate } from '../../src/diffusion/interpolation.ts';
import { sinkhornFlowMatching } from '../../src/diffusion/sinkhorn-flow-matching.ts';
import { linear } from '../../src/drifts/linear.ts';
import { DomainError, ShapeError } from '../../src/errors.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { crossMoment, weightedMoments } from '../../src/numerics/moments.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/brownian.ts';
import { timeGrid } from '../../src/references/time-grid.ts';

const source = gaussianMarginal({ mean: [-0.4, 0.2], covariance: 0.8 });
const target = gaussianMarginal({
  mean: [0.5, 0.1],
  covariance: [
    [0.7, -0.2],
    [-0.2, 1.2],
  ],
});
const problem = bridgeProblem({ source, target, reference: brownian({ sigma: 1 }) });
const bridge = gaussianBridge(problem);
const times = [0.3, 0.5, 1];
const n = 20_000;

describe('interpolation', () => {
  for (const side of ['source', 'target'] as const) {
    for (const method of ['flow', 'paths'] as const) {
      test(`by ${method} from the ${side} has the marginals of the bridge`, () => {
        const x = (side === 'source' ? source : target).sample(n, randomSource(1));
        const answer = interpolate(bridge, x, { side, times, method, random: randomSource(2) });
        expect(Array.from(answer.times)).toEqual(times);
        times.forEach((t, k) => {
          const law = bridge.marginalAt(t);
          const { mean, covariance } = weightedMoments(answer.points[k]!);
          const exact = law.covariance();
          mean.forEach((m, i) => {
            expect(Math.abs(m - law.mean()[i]!)).toBeLessThan(4.5 * Math.sqrt(exact.get(i, i) / n));
            expect(Math.abs(covariance.get(i, i) / exact.get(i, i) - 1)).toBeLessThan(4.5 * Math.sqrt(2 / n));
          });
        });
        if (side === 'target') expect(answer.points.at(-1)!.data).toEqual(x.data);
      });
    }
  }

  test('by the flow and back is where it began', () => {
    const x = source.sample(5, randomSource(3));
    const there = interpolate(bridge, x, { times: [1] }).points[0]!;
    interpolate(bridge, there, { times: [0], side: 'target' }).points[0]!.data.forEach((value, p) => {
      expect(value).toBeCloseTo(x.data[p]!, 7);
    });
  });

  test('of a training run goes on its own grid, and stops between its nodes', async () => {
    const grid = timeGrid.uniform({ steps: 10 });
    const run = await sinkhornFlowMatching(problem, {
      coupling: bridge,
      grid,
      drift: linear(),
      innerSteps: 20,
      batchSize: 10_000,
      cache: 10_000,
    });
    const x = source.sample(n, randomSource(1));
    for (const method of ['flow', 'paths'] as const) {
      const { points } = interpolate(run, x, { times: [0.33, 1], method, random: randomSource(2) });
      for (const [k, t] of [0.33, 1].entries()) {
        const { mean, covariance } = weightedMoments(points[k]!);
        const law = bridge.marginalAt(t);
        mean.forEach((m, i) => {
          expect(Math.abs(m - law.mean()[i]!), method).toBeLessThan(0.06);
          expect(Math.abs(covariance.get(i, i) - law.covariance().get(i, i)), method).toBeLessThan(0.1);
        });
      }
    }
    const whole = run.simulate({ from: x, grid, random: randomSource(4) });
    expect(interpolate(run, x, { times: [0.5], method: 'paths', random: randomSource(4) }).points[0]!.data).toEqual(whole.points[5]!.data);
  });

  test('a run on every second node is a coarser chain with nearly its law', async () => {
    const grid = timeGrid.uniform({ steps: 20 });
    const run = await sinkhornFlowMatching(problem, {
      coupling: bridge,
      grid,
      drift: linear(),
      innerSteps: 40,
      batchSize: 10_000,
      cache: 10_000,
    });
    const strided = run.simulate({ count: n, grid: timeGrid.uniform({ steps: 10 }), random: randomSource(5) });
    const { mean, covariance } = weightedMoments(strided.points.at(-1)!);
    mean.forEach((m, i) => {
      expect(Math.abs(m - target.mean()[i]!)).toBeLessThan(0.06);
      expect(Math.abs(covariance.get(i, i) - target.covariance().get(i, i))).toBeLessThan(0.12);
    });
  });

  test('refuses what it cannot do', () => {
    for (const [options, message] of [
      [{ times: [0.5, 0.2] }, /time 0.2 at place 1; pass ascending times/],
      [{ times: [1.5] }, /between 0 and 1/],
      [{ method: 'paths' }, /random is missing/],
      [{ method: 'ode' }, /unknown method 'ode'/],
      [{ side: 'left' }, /unknown side 'left'/],
      [{ steps: 4 }, /unknown option 'steps'/],
    ] as const) {
      expect(() => interpolate(bridge, [[0, 0]], options as object)).toThrow(DomainError);
      expect(() => interpolate(bridge, [[0, 0]], options as object)).toThrow(message);
    }
    expect(() => interpolate(bridge, [[0]])).toThrow(ShapeError);
  });
});

describe('back and forth', () => {
  test('crosses in turn, each crossing from where the last one ended', () => {
    const from = target.sample(3, randomSource(1));
    const crossings = backAndForth(bridge, { from, side: 'target', rounds: 3, random: randomSource(2) });
    expect(crossings).toHaveLength(3);
    expect(crossings[0]!.points.at(-1)!.data).toEqual(from.data);
    expect(crossings[1]!.points[0]).toEqual(crossings[0]!.points[0]);
    expect(crossings[2]!.points.at(-1)).toEqual(crossings[1]!.points.at(-1));
    expect(crossings[1]!.points.at(-1)!.data).not.toEqual(from.data);
  });

  test('is a Gibbs sampler of the plan: from anywhere it ends in its joint law', () => {
    const grid = timeGrid.uniform({ steps: 2 });
    const from = gaussianMarginal({ mean: [2, 2], covariance: 0.01 }).sample(n, randomSource(1));
    const last = backAndForth(bridge, { from, rounds: 11, grid, random: randomSource(2) }).at(-1)!;
    const [x, y] = [last.points[0]!, last.points.at(-1)!];
    const [a, b] = [weightedMoments(x), weightedMoments(y)];
    const exact = bridge.moments();
    const cross = crossMoment(x, a.mean, y, b.mean);
    for (let r = 0; r < 2; r++) {
      expect(Math.abs(a.mean[r]! - exact.sourceMean[r]!)).toBeLessThan(0.04);
      for (let c = 0; c < 2; c++) expect(Math.abs(cross.get(r, c) - exact.crossCovariance.get(r, c))).toBeLessThan(0.05);
    }
    expect(() => backAndForth(bridge, { from, rounds: 0, random: randomSource(2) })).toThrow(/^backAndForth: rounds must be/);
  });
});
