import { describe, expect, it } from 'vitest';
import { DomainError, ShapeError } from '../../src/errors.ts';
import { discreteMarginal, isDiscrete } from '../../src/marginals/discrete-marginal.ts';
import { axisCoordinates, axisSums, gridMarginal } from '../../src/marginals/grid-marginal.ts';
import { toRows } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';

describe('gridMarginal', () => {
  it('lists its nodes row by row', () => {
    const grid = gridMarginal({ shape: [2, 3], weights: [1, 2, 3, 4, 5, 6], spacing: [1, 0.5], origin: [10, -1] });
    expect(toRows(grid.points)).toEqual([
      [10, -1],
      [10, -0.5],
      [10, 0],
      [11, -1],
      [11, -0.5],
      [11, 0],
    ]);
    expect(grid.mass).toBe(21);
    expect(grid.dimension).toBe(2);
    expect(isDiscrete(grid)).toBe(true);
    expect(Array.from(axisCoordinates(grid, 1))).toEqual([-1, -0.5, 0]);
  });

  it('sums over all axes but one', () => {
    const values = Float64Array.from({ length: 24 }, (_, i) => i);
    expect(Array.from(axisSums([2, 3, 4], values, 0))).toEqual([66, 210]);
    expect(Array.from(axisSums([2, 3, 4], values, 1))).toEqual([60, 92, 124]);
    expect(Array.from(axisSums([2, 3, 4], values, 2))).toEqual([60, 66, 72, 78]);
  });

  it('has the moments and the draws of the same cloud', () => {
    const random = randomSource(3);
    const weights = Float64Array.from({ length: 60 }, () => (random.uniform() < 0.3 ? 0 : random.uniform()));
    const grid = gridMarginal({ shape: [3, 4, 5], weights, spacing: [0.5, 2, 1], origin: [1e3, 0, -7] });
    const cloud = discreteMarginal({ points: grid.points, weights });
    grid.mean().forEach((m, k) => {
      expect(m).toBeCloseTo(cloud.mean()[k]!, 10);
    });
    for (let r = 0; r < 3; r++) {
      for (let c = 0; c < 3; c++) expect(grid.covariance().get(r, c)).toBeCloseTo(cloud.covariance().get(r, c), 9);
    }
    expect(toRows(grid.sample(50, randomSource(1)))).toEqual(toRows(cloud.sample(50, randomSource(1))));
    expect(grid.mass).toBe(cloud.mass);
  });

  it('keeps its own copy of the weights and forms points once', () => {
    const weights = [1, 1];
    const grid = gridMarginal({ shape: [2], weights });
    weights[0] = 5;
    expect(grid.weights[0]).toBe(1);
    expect(grid.points).toBe(grid.points);
    expect(Object.isFrozen(grid) && Object.isFrozen(grid.shape)).toBe(true);
  });

  it.each([
    [{ shape: [2, 2], weights: [1, 1, 1] }, ShapeError, 'gridMarginal: 3 weights for 4 nodes'],
    [{ shape: [], weights: [] }, DomainError, 'gridMarginal: shape must list'],
    [{ shape: [2.5], weights: [1, 1] }, DomainError, 'gridMarginal: shape must list'],
    [{ shape: [2], weights: [1, -1] }, DomainError, 'gridMarginal: weight 1 is -1'],
    [{ shape: [2], weights: [0, 0] }, DomainError, 'gridMarginal: all weights are zero'],
    [{ shape: [2], weights: [1, Number.NaN] }, DomainError, 'gridMarginal: weight 1 is NaN'],
    [{ shape: [2] } as never, ShapeError, 'gridMarginal: expected an array of weights, got undefined'],
    [{ shape: [2], weights: [1, '1'] as never }, DomainError, "gridMarginal: weight 1 is the text '1'"],
    [{ shape: [2], weights: [1, 1], spacing: 0 }, DomainError, 'gridMarginal: spacing along axis 0 is 0'],
    [{ shape: [2], weights: [1, 1], spacing: [1, 2] }, ShapeError, 'gridMarginal: spacing has 2 numbers for 1 axes'],
    [{ shape: [2], weights: [1, 1], origin: [Number.NaN] }, DomainError, 'gridMarginal: origin along axis 0 is NaN'],
  ])('refuses %j', (options, kind, message) => {
    expect(() => gridMarginal(options)).toThrow(kind);
    expect(() => gridMarginal(options)).toThrow(message);
  });
});
