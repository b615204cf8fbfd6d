import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { bothDirectionsMatching } from '../../src/diffusion/both-directions.ts';
import { independentEnds } from '../../src/diffusion/end-pairs.ts';
import { endpointMatching } from '../../src/diffusion/endpoint-matching.ts';
import { eulerNoise } from '../../src/diffusion/euler-noise.ts';
import { meanMatching } from '../../src/diffusion/mean-matching.ts';
import { regressionCache } from '../../src/diffusion/regression-cache.ts';
import { allocateRows, type RegressionRows, type RegressionScheme, rowRoom } from '../../src/diffusion/regression-target.ts';
import { scoreModel } from '../../src/diffusion/score-model.ts';
import { linear } from '../../src/drifts/linear.ts';
import { referenceDrift } from '../../src/drifts/reference-drift.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/brownian.ts';
import { timeGrid } from '../../src/references/time-grid.ts';

const grid = timeGrid.uniform({ steps: 4 });
const problem = bridgeProblem({
  source: gaussianMarginal({ mean: [0], covariance: 1 }),
  target: gaussianMarginal({ mean: [0], covariance: 2 }),
  reference: brownian({ sigma: 1 }),
});

function drained<T>(generator: Generator<unknown, T, void>): T {
  for (let next = generator.next(); ; next = generator.next()) if (next.done) return next.value;
}

function rowsOf(scheme: RegressionScheme): RegressionRows {
  const { reference, source } = problem;
  const [drift, noise] = [referenceDrift(reference, grid, 1), eulerNoise(reference, grid, 1)];
  const chain = { direction: 'forward', grid, drift, noise, start: source } as const;
  return drained(scheme.rows({ chain, paths: 50, random: randomSource(1), first: true }, rowRoom()));
}

/** X_0 behind each backward row: over Brownian motion the drift towards it is (X_0 − X_t)/t. */
function starts({ inputs, targets, paths }: RegressionRows, width: number): number[] {
  return Array.from({ length: 8 * paths }, (_, i) => {
    const row = (inputs.length / width - 8 * paths + i) * width;
    return inputs[row]! + grid.times[Math.floor(i / (2 * paths)) + 1]! * targets[row]!;
  });
}

describe("'endpoints' draws the interiors again between the same ends; 'paths' keeps them", () => {
  const context = { problem, grid, draws: 'independent' } as const;
  for (const [name, width, noisy, make] of [
    ['end-point matching', 1, 400, (keep: 'paths' | 'endpoints') => endpointMatching({ ...context, keep })],
    [
      'both directions',
      2,
      // Where an end is the start of a step there is nothing to draw.
      600,
      (keep: 'paths' | 'endpoints') => bothDirectionsMatching({ ...context, keep }, independentEnds(problem, 'independent')),
    ],
  ] as const) {
    test(name, () => {
      const rows = rowsOf(make('endpoints'));
      const before = { ...rows, inputs: rows.inputs.slice(), targets: rows.targets.slice() };
      drained(rows.redraw!(randomSource(2)));
      const [was, is] = [starts(before, width), starts(rows, width)];
      for (let i = 0; i < was.length; i++) expect(is[i]).toBeCloseTo(was[i]!, 4);
      const moved = Array.from(rows.inputs).filter((x, i) => i % width === 0 && Math.abs(x - before.inputs[i]!) > 1e-3);
      expect(moved.length).toBeGreaterThan(0.95 * noisy);
      expect(moved.length).toBeLessThanOrEqual(noisy);
      expect(rowsOf(make('paths')).redraw).toBeUndefined();
    });
  }

  test('rows of chain steps are kept', () => {
    expect(rowsOf(meanMatching({ ...context, keep: 'paths' }, 'mean')).redraw).toBeUndefined();
  });
});

describe('a cache renews its rows', () => {
  /** Rows that write down what they are drawn again from. */
  function watched() {
    const drawn: number[] = [];
    const rows: RegressionRows = {
      ...allocateRows(2, 3, 1),
      *redraw(random) {
        yield;
        drawn.push(random.uniform());
      },
    };
    return { drawn, cache: regressionCache(rows, Float64Array.of(1, 1), 4, randomSource(5)) };
  }

  test('once at the beginning of every pass but the first, from another stream each; an interrupted one from the same', () => {
    const { drawn, cache } = watched();
    expect(cache.batches).toBe(3);
    const at: number[] = [];
    for (let batch = 0; batch < 12; batch++) {
      drained(cache.renew());
      drained(cache.renew());
      at.push(drawn.length);
      cache.next();
    }
    expect(at).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
    expect(new Set(drawn).size).toBe(3);
    for (const used of [3, 7, 8]) {
      const resumed = watched();
      resumed.cache.skip(used);
      drained(resumed.cache.renew());
      expect(resumed.drawn, `after ${used} batches`).toEqual([drawn[Math.floor(used / 3) - 1]]);
    }
  });
});

test('few ends that are passed over often teach more with fresh interiors: the error of a score', async () => {
  // Backward drift at t of N(0, 1) under Brownian motion: −x/(1 + t), the slope that linear() shall find.
  const error = async (keep: 'paths' | 'endpoints', seed: number): Promise<number> => {
    const cache = { paths: 100, refreshEvery: 200, keep, draws: 'matched' } as const;
    const model = await scoreModel(problem, { grid, drift: linear(), innerSteps: 200, batchSize: 80, cache, seed });
    const slopes = Array.from(grid.durations, (_, k) => model.chain(1).drift.affine(k)!.matrix.get(0, 0) + 1 / (1 + grid.times[k + 1]!));
    return slopes.reduce((sum, off) => sum + off * off, 0);
  };
  const total = { paths: 0, endpoints: 0 };
  for (let seed = 1; seed <= 10; seed++) for (const keep of ['paths', 'endpoints'] as const) total[keep] += await error(keep, seed);
  // 20 passes: twenty interiors for each pair instead of one.
  expect(total.endpoints / total.paths, JSON.stringify(total)).toBeLessThan(0.2);
});

test('the room for rows is one: the next cache takes the place of the last', () => {
  const room = rowRoom();
  const [first, same, other] = [room.take(2, 3, 1), room.take(2, 3, 1), room.take(2, 4, 1)];
  expect(same.inputs).toBe(first.inputs);
  expect(other.inputs).toHaveLength(16);
});
