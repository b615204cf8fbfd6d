import { describe, expect, it } from 'vitest';
import { halfSquaredEuclidean, squaredEuclidean } from '../../src/costs/index.ts';
import { entropicProblem, transportProblem } from '../../src/couplings/index.ts';
import { checkBarycenter } from '../../src/discrete/barycenter-problem.ts';
import { DescentOfPoints } from '../../src/discrete/descent-of-points.ts';
import { type Barycenter, barycenter, exactTransport, sinkhornDivergence } from '../../src/discrete/index.ts';
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
