import { describe, expect, it } from 'vitest';
import { halfSquaredEuclidean, squaredEuclidean } from '../../src/costs/index.ts';
import { entropicProblem, transportProblem } from '../../src/couplings/index.ts';
import { checkBarycenter } from '../../src/discrete/barycenter-problem.ts';
import { DescentOfPoints } from '../../src/discrete/descent-of-points.ts';
import { type Barycenter, barycenter, exactTransport, sinkhorn, sinkhornDivergence } from '../../src/discrete/index.ts';
import { MovingPoints } from '../../src/discrete/moving-points.ts';
import { discreteMarginal } from '../../src/marginals/index.ts';
import { toRows } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { piece, rows, vector } from '../golden/fixtures.ts';
import { randomMarginal } from './oracles.ts';

const objective = ({ couplings, weights }: Barycenter): number =>
  couplings.reduce((sum, { value }, k) => sum + weights[k]! * value.dual, 0);

describe('barycenter of moving points', () => {
  it('rests where every point is the mean of its images', () => {
    const random = randomSource(6);
    const measures = [randomMarginal(6, 2, random), randomMarginal(8, 2, random), randomMarginal(5, 2, random)];
    const made = barycenter({ measures, weights: [0.2, 0.5, 0.3], epsilon: 0.3, support: { free: 4 } }, { tolerance: 1e-10 });
    expect(made.status).toBe('converged');
    const { points } = made.marginal;
    const images = made.couplings.map((coupling) => toRows(coupling.conditionalMean(points)));
    toRows(points).forEach((x, i) => {
      x.forEach((value, k) => {
        expect(0.2 * images[0]![i]![k]! + 0.5 * images[1]![i]![k]! + 0.3 * images[2]![i]![k]!).toBeCloseTo(value, 8);
      });
    });
    expect(made.couplings.every((c) => c.status === 'converged')).toBe(true);
  });

  it('of translated copies is the translated copy, debiased', () => {
    const random = randomSource(7);
    const shape = randomMarginal(6, 2, random, true);
    const moved = (by: number) => discreteMarginal({ points: toRows(shape.points).map(([x, y]) => [x! + by, y! - by]) });
    const problem = { measures: [moved(-1), moved(3)], epsilon: 0.4, support: { free: 6 }, debiased: true };
    const made = barycenter(problem, { tolerance: 1e-7, maxIterations: 2000 });
    expect(made.status).toBe('converged');
    const { linear } = exactTransport(transportProblem({ source: made.marginal, target: moved(1) })).value;
    expect(linear).toBeLessThan(1e-8);
    expect(sinkhornDivergence(entropicProblem({ source: made.marginal, target: moved(1), epsilon: 0.4 })).value).toBeLessThan(1e-8);
    const plain = barycenter({ ...problem, debiased: false }, { tolerance: 1e-7 });
    expect(plain.marginal.covariance().trace()).toBeLessThan(0.98 * made.marginal.covariance().trace());
  });

  /** The clouds on which accelerated iterations without safeguards join two points, at an objective of 2.23059. */
  const clouds = () => ({
    measures: (piece('clouds', 'points') as number[][][]).map((points, k) =>
      discreteMarginal({ points, weights: (piece('clouds', 'weights') as number[][])[k]! }),
    ),
    weights: vector('clouds', 'shares'),
    epsilon: 0.5,
  });

  it('never goes uphill', () => {
    for (const problem of [clouds(), { ...clouds(), debiased: true }, { ...clouds(), epsilon: 0 }]) {
      const checked = checkBarycenter('test', { ...problem, support: { free: rows('clouds', 'start') } });
      const descent = new DescentOfPoints(new MovingPoints('test', checked, {}, 1e-11), checked.support.points.data, {
        tolerance: 1e-10,
        nudge: 1e-4,
        smooth: problem.epsilon > 0,
      });
      let before = descent.point;
      for (let t = 0; t < 60 && !(descent.stable && descent.point.error <= 1e-10); t++) {
        descent.step();
        expect(descent.point.objective).toBeLessThanOrEqual(before.objective + before.slack + descent.point.slack);
        before = descent.point;
      }
      expect(descent.point.error).toBeLessThanOrEqual(1e-10);
    }
  });

  it('does not rest on a saddle: points that start together part, and go as low as those that never met', () => {
    const apart = barycenter({ ...clouds(), support: { free: rows('clouds', 'start') } });
    expect(apart.status).toBe('converged');
    expect(objective(apart)).toBeLessThan(2.2303047);
    const [a, b, c] = rows('clouds', 'start') as [number[], number[], number[]];
    const together = barycenter({ ...clouds(), support: { free: [a, b, c, a] } });
    expect(together.status).toBe('converged');
    const places = toRows(together.marginal.points);
    expect(Math.hypot(places[0]![0]! - places[3]![0]!, places[0]![1]! - places[3]![1]!)).toBeGreaterThan(0.1);
    expect(objective(together)).toBeLessThan(objective(apart) + 1e-9);
    // One wide ε: every pair of points wants to be one, and stays one.
    const wide = barycenter({ ...clouds(), epsilon: 40, support: { free: [a, b, c, a] } });
    expect(wide.status).toBe('converged');
    expect(wide.marginal.covariance().trace()).toBeLessThan(1e-10);
  });

  it('without ε is exact: between two clouds the matched points divided by the shares, at the objective w(1 − w) W²', () => {
    const random = randomSource(11);
    const [one, two] = [randomMarginal(9, 2, random, true), randomMarginal(9, 2, random, true)];
    for (const cost of [squaredEuclidean(), halfSquaredEuclidean()]) {
      const made = barycenter({ measures: [one, two], weights: [0.3, 0.7], cost, support: { free: toRows(one.points) } });
      expect(made.status).toBe('converged');
      const between = exactTransport(transportProblem({ source: one, target: two, cost }));
      expect(objective(made)).toBeCloseTo(0.21 * between.value.linear, 12);
      const images = toRows(between.conditionalMean(one.points));
      toRows(made.marginal.points).forEach((x, i) => {
        x.forEach((v, k) => {
          expect(v).toBeCloseTo(0.3 * toRows(one.points)[i]![k]! + 0.7 * images[i]![k]!, 12);
        });
      });
      expect(
        objective(barycenter({ measures: [one, two], weights: [0.3, 0.7], cost, epsilon: 1e-3, support: { free: 9 } })),
      ).toBeGreaterThan(objective(made) - 1e-9);
    }
  });
});

describe('weights of the points that move', () => {
  /** Mean of a measure on the line between two levels of its distribution function, by a loop of the test's own. */
  const slice = (points: readonly number[], weights: readonly number[], from: number, to: number): number => {
    let [before, sum] = [0, 0];
    points.forEach((x, j) => {
      const after = before + weights[j]!;
      sum += x * Math.max(0, Math.min(to, after) - Math.max(from, before));
      before = after;
    });
    return sum / (to - from);
  };

  it('on the line: each point is the mean of its slice of the measures', () => {
    const [p, q] = [
      [0, 1, 2.5, 4, 7],
      [10, 11.5, 15],
    ];
    const [a, b] = [
      [0.1, 0.2, 0.3, 0.15, 0.25],
      [0.5, 0.2, 0.3],
    ];
    const measures = [
      discreteMarginal({ points: p.map((x) => [x]), weights: a.map((w) => 3 * w) }),
      discreteMarginal({ points: q.map((x) => [x]), weights: b.map((w) => 3 * w) }),
    ];
    const weights = [1, 5, 2, 2];
    const made = barycenter({ measures, weights: [0.3, 0.7], support: { free: [[1], [2], [3], [9]], weights } });
    expect(made.status).toBe('converged');
    const levels = [0, 0.1, 0.6, 0.8, 1];
    made.marginal.points.data.forEach((x, i) => {
      const [from, to] = [levels[i]!, levels[i + 1]!];
      expect(x).toBeCloseTo(0.3 * slice(p, a, from, to) + 0.7 * slice(q, b, from, to), 12);
      expect(made.marginal.weights[i]).toBeCloseTo((3 * weights[i]!) / 10, 14);
    });
  });

  it('rests at a minimum that no small random move of the points goes below, plain and debiased', () => {
    const random = randomSource(16);
    const measures = [randomMarginal(6, 2, random), randomMarginal(8, 2, random), randomMarginal(5, 2, random)];
    const [shares, own] = [
      [0.2, 0.5, 0.3],
      [0.55, 0.05, 0.3, 0.1],
    ];
    for (const debiased of [false, true]) {
      const made = barycenter(
        { measures, weights: shares, epsilon: 0.3, support: { free: 4, weights: own }, debiased },
        { tolerance: 1e-9 },
      );
      expect(made.status).toBe('converged');
      const objectiveAt = (places: number[][]): number =>
        measures.reduce((sum, target, k) => {
          const problem = entropicProblem({ source: discreteMarginal({ points: places, weights: own }), target, epsilon: 0.3 });
          const value = debiased
            ? sinkhornDivergence(problem, { tolerance: 1e-12 }).value
            : sinkhorn(problem, { tolerance: 1e-12 }).value.dual;
          return sum + shares[k]! * value;
        }, 0);
      const rest = toRows(made.marginal.points);
      const least = objectiveAt(rest);
      for (let t = 0; t < 6; t++) {
        const moved = rest.map((x) => x.map((v) => v + 3e-3 * (random.uniform() - 0.5)));
        expect(objectiveAt(moved)).toBeGreaterThan(least);
      }
    }
  });

  it('the gradient, in the inner product by weight, is what the objective changes by', () => {
    const random = randomSource(17);
    const measures = [randomMarginal(6, 2, random), randomMarginal(8, 2, random)];
    for (const debiased of [false, true]) {
      const support = {
        free: [
          [0.1, 0.2],
          [0.9, -0.3],
          [0.4, 0.6],
        ],
        weights: [0.7, 0.1, 0.2],
      };
      const checked = checkBarycenter('test', { measures, epsilon: 0.4, support, debiased });
      const map = new MovingPoints('test', checked, {}, 1e-13);
      const z = Float64Array.from(support.free.flat());
      const [here, v, h] = [map.at(z), random.fillNormal(new Float64Array(6)), 1e-4];
      const along = (t: number): number => map.at(z.map((value, p) => value + t * v[p]!)).objective;
      const residual = here.image.map((value, p) => value - z[p]!);
      expect((along(h) - along(-h)) / (2 * h)).toBeCloseTo(-map.unit * map.inner(residual, v), 7);
      expect(here.error * map.spread).toBeCloseTo(Math.sqrt(map.inner(residual, residual) / 3), 12);
      // As symmetric in that product as the second derivative of the objective is.
      const change = (d: Float64Array): Float64Array => {
        const [up, down] = [1, -1].map((sign) => map.at(z.map((value, p) => value + sign * h * d[p]!)).image);
        return up!.map((value, p) => (value - down![p]!) / (2 * h));
      };
      const w = random.fillNormal(new Float64Array(6));
      expect(map.inner(change(v), w)).toBeCloseTo(map.inner(v, change(w)), 6);
      const [sv, sw] = [map.symmetric(v, 1), map.symmetric(w, 1)];
      expect(sv.reduce((sum, value, p) => sum + value * sw[p]!, 0)).toBeCloseTo(map.inner(v, w), 12);
      expect(Array.from(map.symmetric(sv, -1), (value) => value.toFixed(9))).toEqual(Array.from(v, (value) => value.toFixed(9)));
    }
  });

  it('few steps, and points of uneven weight that start together part', () => {
    const own = [0.4, 0.3, 0.2, 0.1];
    const start = rows('clouds', 'start');
    const measures = (piece('clouds', 'points') as number[][][]).map((points, k) =>
      discreteMarginal({ points, weights: (piece('clouds', 'weights') as number[][])[k]! }),
    );
    const solve = (free: number[][], weights?: number[]) =>
      barycenter({ measures, weights: vector('clouds', 'shares'), epsilon: 0.5, support: { free, ...(weights ? { weights } : {}) } });
    const apart = solve(start, own);
    expect(apart.status).toBe('converged');
    expect(apart.iterations).toBeLessThan(60);
    const [a, b, c] = start as [number[], number[], number[]];
    const together = solve([a, b, c, a], own);
    expect(together.status).toBe('converged');
    const [first, , , last] = toRows(together.marginal.points);
    expect(Math.hypot(first![0]! - last![0]!, first![1]! - last![1]!)).toBeGreaterThan(0.05);
    // Equal weights said are equal weights left out, to the bit.
    expect(Array.from(solve(start, [2, 2, 2, 2]).marginal.points.data)).toEqual(Array.from(solve(start).marginal.points.data));
  });

  it('are refused when they are none', () => {
    const measures = [randomMarginal(5, 1, randomSource(1))];
    const at =
      (weights: unknown, free: unknown = 3) =>
      () =>
        barycenter({ measures, support: { free, weights } as never });
    expect(at([1, 2])).toThrow(/^barycenter: support\.weights: expected 3 entries/);
    for (const weights of [null, 'abc', [1, 2, null], [1, 2, Number.NaN]]) expect(at(weights)).toThrow(/^barycenter: support\.weights/);
    expect(at([1, 0, 2])).toThrow(/support\.weights\[1\] is 0; weights must be > 0/);
    expect(() => barycenter({ measures, support: { free: 3, mass: 2 } as never })).toThrow(/unknown option 'mass'/);
  });
});
