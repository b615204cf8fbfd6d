import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Cost,
  circular,
  cosine,
  costFunction,
  costMatrix,
  euclidean,
  halfSquaredEuclidean,
  lp,
  squaredEuclidean,
} from '../../src/costs/index.ts';
import { DomainError } from '../../src/errors.ts';
import { points } from '../../src/numerics/points.ts';

const tilted = costFunction((x, y) => Math.exp(x[0]! * y[x.length - 1]!) + x[0]! ** 3, {
  gradient(x, y) {
    const [last, e] = [x.length - 1, Math.exp(x[0]! * y[x.length - 1]!)];
    const [dx, dy] = [new Float64Array(x.length), new Array<number>(x.length).fill(0)];
    dx[0] = y[last]! * e + 3 * x[0]! ** 2;
    dy[last] = x[0]! * e;
    return { x: dx, y: dy };
  },
});
const COSTS: [string, Cost][] = [
  ['squared', squaredEuclidean()],
  ['half squared', halfSquaredEuclidean()],
  ['euclidean', euclidean()],
  ['l1', lp(1)],
  ['l1.5', lp(1.5)],
  ['l½', lp(0.5)],
  ['l2', lp(2)],
  ['l3', lp(3)],
  ['cosine', cosine()],
  ['circular', circular({ circumference: 1.7 })],
  ['circular p = 1', circular({ circumference: 1.7, p: 1 })],
  ['circular p = 3', circular({ circumference: 0.9, p: 3 })],
  ['a function that is not symmetric', tilted],
];

function gradient(cost: Cost, x: number[], y: number[]): { x: number[]; y: number[] } {
  const [dx, dy] = [new Float64Array(x.length), new Float64Array(y.length)];
  cost.gradient!(Float64Array.from(x), Float64Array.from(y), dx, dy);
  return { x: Array.from(dx), y: Array.from(dy) };
}

describe('derivatives of costs', () => {
  const coordinate = fc.double({ min: -2, max: 2, noNaN: true }).filter((v) => Math.abs(v) > 0.05);
  const pairs = fc.integer({ min: 1, max: 4 }).chain((d) => {
    const vector = fc.array(coordinate, { minLength: d, maxLength: d });
    return fc.tuple(vector, vector);
  });

  it.each(COSTS)('%s: as central differences', (_, cost) => {
    const h = 1e-5;
    const turn = cost.kind === 'circular' ? (cost as unknown as { circumference: number }).circumference / 2 : Number.POSITIVE_INFINITY;
    fc.assert(
      fc.property(pairs, ([x, y]) => {
        // Away from kinks.
        fc.pre(x.every((v, k) => Math.abs(v - y[k]!) > 0.05 && Math.abs((Math.abs(v - y[k]!) % turn) - turn) > 1e-3));
        fc.pre(cost.kind !== 'circular' || x.every((v, k) => Math.abs(v - y[k]!) % turn > 1e-3));
        const at = (p: number[], q: number[]): number => cost.between(points([p]), points([q]))[0]!;
        const shifted = (p: number[], k: number, by: number): number[] => p.map((v, i) => (i === k ? v + by : v));
        const found = gradient(cost, x, y);
        x.forEach((_v, k) => {
          expect(found.x[k]).toBeCloseTo((at(shifted(x, k, h), y) - at(shifted(x, k, -h), y)) / (2 * h), 5);
          expect(found.y[k]).toBeCloseTo((at(x, shifted(y, k, h)) - at(x, shifted(y, k, -h))) / (2 * h), 5);
        });
      }),
      { seed: 5 },
    );
  });

  it('by hand: differences 3 and −4', () => {
    expect(gradient(euclidean(), [1, 2], [-2, 6])).toEqual({ x: [0.6, -0.8], y: [-0.6, 0.8] });
    expect(gradient(lp(3), [1, 2], [-2, 6])).toEqual({ x: [27, -48], y: [-27, 48] });
    expect(gradient(lp(1), [1, 2], [-2, 6]).x).toEqual([1, -1]);
    // 23 to 1 o'clock: later departure, shorter way.
    expect(gradient(circular({ circumference: 24, p: 1 }), [23], [1])).toEqual({ x: [-1], y: [1] });
    expect(gradient(circular({ circumference: 24 }), [23], [1])).toEqual({ x: [-4], y: [4] });
    expect(gradient(cosine(), [2, 0], [0, 5])).toEqual({ x: [0, -0.5], y: [-0.2, 0] });
  });

  it('are 0 at kinks', () => {
    for (const cost of [euclidean(), lp(1), lp(0.5), circular({ p: 1 }), circular({ p: 0.5 })]) {
      expect(gradient(cost, [1, -3], [1, -3]).x.map(Math.abs)).toEqual([0, 0]);
    }
    expect(gradient(lp(1), [1, 2], [1, 3]).x.map((v) => v + 0)).toEqual([0, -1]);
    expect(gradient(circular({ circumference: 24 }), [3], [15]).x.map(Math.abs)).toEqual([0]);
  });

  it('are unknown of a matrix and of a function without them, and checked of one with', () => {
    for (const cost of [costMatrix([[1]]), costFunction(() => 0)]) expect(cost).not.toHaveProperty('gradient');
    const x = [1, 2];
    const with_ = (made: unknown): Cost => costFunction(() => 0, { gradient: () => made as never });
    expect(() => gradient(with_({ x: [1], y: [1, 2] }), x, x)).toThrow(/^costFunction: gradient at x = \[1,2\].* has x = \[1\]; return/);
    expect(() => gradient(with_({ x: [1, 2], y: [1, Number.NaN] }), x, x)).toThrow(/has y = \[1,NaN\]/);
    expect(() => gradient(with_({ x: [1, 2] }), x, x)).toThrow(DomainError);
    expect(() => gradient(with_(undefined), x, x)).toThrow(DomainError);
    const cause = new Error('mine');
    const throws = costFunction(() => 0, {
      gradient() {
        throw cause;
      },
    });
    expect(() => gradient(throws, x, x)).toThrow(expect.objectContaining({ cause, message: expect.stringMatching(/gradient threw at x/) }));
    expect(() => costFunction(() => 0, { gradient: 3 as never })).toThrow(/gradient must be a function/);
    expect(() => costFunction(() => 0, { gradients: () => 0 } as never)).toThrow(/'gradients'/);
  });
});
