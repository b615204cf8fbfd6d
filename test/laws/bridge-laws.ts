import fc from 'fast-check';
import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import type { Bridge } from '../../src/couplings/bridge.ts';
import { DomainError, ShapeError } from '../../src/errors.ts';
import { type Points, type PointsLike, row, toRows } from '../../src/numerics/points.ts';
import { type RandomSource, randomSource } from '../../src/numerics/random.ts';
import { type TimeGrid, timeGrid } from '../../src/references/time-grid.ts';
import { column, expectDraws, expectMatrix, expectSide, expectVector, expectWithin } from './coupling-laws.ts';

/** What a bridge promises beyond the interface, and how hard to look. */
export interface BridgeLawOptions {
  /** Instances made from different random sources. @defaultValue 3 */
  readonly instances?: number;
  /** Paths of the statistical laws. @defaultValue 3000 */
  readonly draws?: number;
  /** Standard errors within which a statistic has to lie. @defaultValue 5 */
  readonly deviations?: number;
  /** The grid to simulate on; it may depend on the horizon only. @defaultValue 6 unequal steps */
  readonly grid?: (horizon: number) => TimeGrid;
  /** Accuracy of the prescribed marginals at both ends; `false` where they are not meant to be right. @defaultValue 1e-9 */
  readonly ends?: number | false;
  /**
   * How f and b are tested against the marginals: `'linear'`, drifts are affine and the moment equations exact; `'sampled'`, expectations
   * over draws of `marginalAt`; `false`, the drifts belong to a grid. @defaultValue `'sampled'`
   */
  readonly fokkerPlanck?: 'linear' | 'sampled' | false;
  /** The directions in which `simulate` follows `marginalAt`; a learned pair of drifts is no exact time reversal. @defaultValue both */
  readonly directions?: readonly ('forward' | 'backward')[];
  /** Absolute error that the bridge's own estimates add to statistics. @defaultValue 0 */
  readonly slack?: number;
  /** Times at which fields are tested, as fractions of the horizon. @defaultValue [0.07, 0.37, 0.63, 0.92] */
  readonly times?: readonly number[];
  /** The drift has a value at t = T, the backward drift at t = 0. @defaultValue false */
  readonly finiteAtEnds?: boolean;
}

/** A bridge made from a random source, the same one for the same source. */
export type MakeBridge = (random: RandomSource) => Bridge | Promise<Bridge>;

/** Registers the laws of {@link Bridge} for everything `make` makes; those of a coupling are in `couplingLaws`. */
export function bridgeLaws(name: string, make: MakeBridge, options: BridgeLawOptions = {}): void {
  const { instances = 3, draws = 3000, deviations = 5, slack = 0, times = [0.07, 0.37, 0.63, 0.92], fokkerPlanck = 'sampled' } = options;
  const gridOf = options.grid ?? unequalGrid;
  const directions = options.directions ?? (['forward', 'backward'] as const);
  const made = new Map<number, Bridge | Promise<Bridge>>();
  const law = (text: string, check: (bridge: Bridge, random: RandomSource) => void): void => {
    test(text, async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), async (seed) => {
          const source = randomSource(seed);
          const bridge = made.get(seed) ?? make(source.split('make'));
          made.set(seed, bridge);
          check(await bridge, source.split('check'));
        }),
        { seed: 21, numRuns: instances, endOnFailure: true },
      );
    });
  };

  describe(`bridge laws: ${name}`, () => {
    law('the marginals at both ends are those of the coupling, and the prescribed ones', (bridge) => {
      const { sourceMean, targetMean, sourceCovariance, targetCovariance } = bridge.moments();
      const [start, end] = [bridge.marginalAt(0), bridge.marginalAt(bridge.reference.horizon)];
      const own = Math.max(1e-9, slack);
      expectVector(start.mean(), sourceMean, own);
      expectMatrix(start.covariance(), sourceCovariance, own);
      expectVector(end.mean(), targetMean, own);
      expectMatrix(end.covariance(), targetCovariance, own);
      const bound = options.ends ?? 1e-9;
      if (bound === false) return;
      expectVector(start.mean(), bridge.source.mean(), bound);
      expectMatrix(start.covariance(), bridge.source.covariance(), bound);
      expectVector(end.mean(), bridge.target.mean(), bound);
      expectMatrix(end.covariance(), bridge.target.covariance(), bound);
    });

    law('f + b = g²·score and velocity = ½(f − b) at every point', (bridge, random) => {
      for (const t of timesOf(bridge, times)) {
        const x = bridge.marginalAt(t).sample(4, random);
        const noise = bridge.reference.diffusionCovariance(t, x.dimension);
        const [f, b, score, velocity] = [bridge.drift(t, x), bridge.backwardDrift(t, x), bridge.score(t, x), bridge.velocity(t, x)];
        const size = 1 + Math.max(...f.data.map(Math.abs), ...b.data.map(Math.abs));
        for (let i = 0; i < x.count; i++) {
          const expected = noise.mmul(Matrix.columnVector(Array.from(row(score, i)))).to1DArray();
          expected.forEach((value, k) => {
            const [ahead, behind] = [row(f, i)[k]!, row(b, i)[k]!];
            expect(Math.abs(ahead + behind - value) / size).toBeLessThan(1e-8);
            expect(Math.abs((ahead - behind) / 2 - row(velocity, i)[k]!) / size).toBeLessThan(1e-8);
          });
        }
      }
    });

    if (fokkerPlanck === 'linear') {
      law('mean and covariance obey the moment equations of f, b and the velocity', (bridge) => {
        for (const t of timesOf(bridge, times)) expectMomentEquations(bridge, t);
      });
    }
    if (fokkerPlanck === 'sampled') {
      law('d/dt E φ(X_t) is what f, b and the velocity say, for φ of degree 1 and 2', (bridge, random) => {
        for (const t of timesOf(bridge, times)) expectSampledMomentEquations(bridge, t, draws, deviations, slack, random);
      });
    }

    if (options.finiteAtEnds === true) {
      law('drifts have values at both ends', (bridge, random) => {
        for (const t of [0, bridge.reference.horizon]) {
          const x = bridge.marginalAt(t).sample(2, random);
          for (const field of [bridge.drift(t, x), bridge.backwardDrift(t, x), bridge.velocity(t, x), bridge.score(t, x)]) {
            expect(field.data.every(Number.isFinite)).toBe(true);
          }
        }
      });
    }

    law('simulated paths have the marginals at every node, and join ends as the coupling does', (bridge, random) => {
      const grid = gridOf(bridge.reference.horizon);
      for (const direction of directions) {
        const paths = bridge.simulate({ count: draws, grid, random, direction });
        expect(paths.points.length).toBe(grid.steps + 1);
        expect(Array.from(paths.times)).toEqual(Array.from(grid.times));
        grid.times.forEach((t, k) => {
          const marginal = bridge.marginalAt(Math.min(t, bridge.reference.horizon));
          expectSide(paths.points[k]!, marginal.mean(), marginal.covariance(), deviations, slack);
        });
        expectDraws(paths.points[0]!, paths.points.at(-1)!, bridge.moments(), deviations, slack);
      }
    });

    law('the same seed gives the same paths, another seed others', (bridge, random) => {
      const grid = gridOf(bridge.reference.horizon);
      const seed = random.integer(1e6);
      for (const direction of ['forward', 'backward'] as const) {
        const [first, again, other] = [seed, seed, seed + 1].map((s) =>
          bridge.simulate({ count: 3, grid, random: randomSource(s), direction }).points.map(toRows),
        );
        expect(again).toEqual(first);
        expect(other).not.toEqual(first);
      }
    });

    law('paths start where they are told to', (bridge, random) => {
      const grid = gridOf(bridge.reference.horizon);
      const { x, y } = bridge.sample(3, random);
      expect(toRows(bridge.simulate({ from: x, grid, random }).points[0]!)).toEqual(toRows(x));
      expect(toRows(bridge.simulate({ from: y, grid, random, direction: 'backward' }).points.at(-1)!)).toEqual(toRows(y));
    });

    law('draws of marginalAt have its moments', (bridge, random) => {
      const marginal = bridge.marginalAt(0.5 * bridge.reference.horizon);
      expectSide(marginal.sample(draws, random), marginal.mean(), marginal.covariance(), deviations, slack);
    });

    law('wrong arguments are refused', (bridge, random) => {
      const grid = gridOf(bridge.reference.horizon);
      const wrong = [Array.from({ length: bridge.source.dimension + 1 }, () => 0)];
      const t = 0.5 * bridge.reference.horizon;
      for (const field of ['drift', 'backwardDrift', 'score', 'velocity'] as const) {
        expect(() => bridge[field](t, wrong)).toThrow(ShapeError);
      }
      expect(() => bridge.simulate({ grid, random })).toThrow(DomainError);
      expect(() => bridge.simulate({ count: 0, grid, random })).toThrow(DomainError);
      expect(() => bridge.simulate({ from: wrong, grid, random })).toThrow(ShapeError);
      expect(() => bridge.simulate({ count: 2, grid, random, direction: 'sideways' as 'forward' })).toThrow(DomainError);
      expect(() => bridge.drift(1.01 * bridge.reference.horizon, bridge.source.sample(1, random))).toThrow(DomainError);
    });
  });
}

/** Six unequal steps. */
function unequalGrid(horizon: number): TimeGrid {
  return timeGrid.fromSteps([1, 2, 4, 5, 3, 1].map((share) => (share * horizon) / 16));
}

function timesOf(bridge: Bridge, fractions: readonly number[]): number[] {
  return fractions.map((fraction) => fraction * bridge.reference.horizon);
}

/** Central differences of the marginal's mean and covariance; error about h². */
function marginalRates(bridge: Bridge, t: number): { mean: Float64Array; covariance: Matrix } {
  const h = 1e-4 * bridge.reference.horizon;
  const at = [-2, -1, 1, 2].map((i) => bridge.marginalAt(t + i * h));
  const weights = [1, -8, 8, -1].map((w) => w / (12 * h));
  const mean = new Float64Array(bridge.source.dimension);
  const covariance = Matrix.zeros(mean.length, mean.length);
  at.forEach((marginal, i) => {
    marginal.mean().forEach((m, k) => {
      mean[k]! += weights[i]! * m;
    });
    covariance.add(marginal.covariance().mul(weights[i]!));
  });
  return { mean, covariance };
}

/** m' = f(m), Σ' = JΣ + ΣJᵀ + ggᵀ with the slope J of an affine field; the same for −b, and without noise for the velocity. */
function expectMomentEquations(bridge: Bridge, t: number): void {
  const rates = marginalRates(bridge, t);
  const marginal = bridge.marginalAt(t);
  const [mean, covariance] = [marginal.mean(), marginal.covariance()];
  const noise = bridge.reference.diffusionCovariance(t, mean.length);
  const fields = [
    [1, 1, (x: PointsLike) => bridge.drift(t, x)],
    [-1, 1, (x: PointsLike) => bridge.backwardDrift(t, x)],
    [1, 0, (x: PointsLike) => bridge.velocity(t, x)],
  ] as const;
  for (const [sign, diffusing, field] of fields) {
    const { value, slope } = affineAt(field, mean);
    const moved = slope.mmul(covariance);
    const expected = moved.transpose().add(moved).add(Matrix.mul(noise, diffusing)).mul(sign);
    expectVector(
      rates.mean,
      value.map((v) => sign * v),
      1e-7,
    );
    expectMatrix(rates.covariance, expected, 1e-7);
  }
}

function affineAt(field: (x: PointsLike) => Points, at: Float64Array): { value: Float64Array; slope: Matrix } {
  const d = at.length;
  const rows = [Array.from(at), ...Array.from({ length: d }, (_, k) => Array.from(at, (x, r) => (r === k ? x + 1 : x)))];
  const values = field(rows);
  const value = Float64Array.from(row(values, 0));
  const slope = Matrix.zeros(d, d);
  for (let k = 0; k < d; k++) for (let r = 0; r < d; r++) slope.set(r, k, row(values, k + 1)[r]! - value[r]!);
  return { value, slope };
}

/** The same equations with expectations over draws of the marginal. */
function expectSampledMomentEquations(
  bridge: Bridge,
  t: number,
  draws: number,
  deviations: number,
  slack: number,
  random: RandomSource,
): void {
  const rates = marginalRates(bridge, t);
  const marginal = bridge.marginalAt(t);
  const mean = marginal.mean();
  const x = marginal.sample(draws, random);
  const noise = bridge.reference.diffusionCovariance(t, mean.length);
  const fields = [
    [1, 1, bridge.drift(t, x)],
    [-1, 1, bridge.backwardDrift(t, x)],
    [1, 0, bridge.velocity(t, x)],
  ] as const;
  for (const [sign, diffusing, field] of fields) {
    for (let r = 0; r < mean.length; r++) {
      const along = column(field, r);
      const left = column(x, r).map((value) => value - mean[r]!);
      expectWithin(
        along.map((value) => sign * value),
        rates.mean[r]!,
        deviations,
        slack + 1e-6,
      );
      for (let c = 0; c <= r; c++) {
        const [across, right] = [column(field, c), column(x, c).map((value) => value - mean[c]!)];
        const products = along.map((value, i) => sign * (value * right[i]! + left[i]! * across[i]! + diffusing * noise.get(r, c)));
        expectWithin(products, rates.covariance.get(r, c), deviations, slack + 1e-6);
      }
    }
  }
}
