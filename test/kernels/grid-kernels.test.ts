import { describe, expect, it } from 'vitest';
import type { GridKernels } from '../../src/kernels/grid-kernels.ts';
import { openGridKernels } from '../../src/kernels/open-grid-kernels.ts';
import { type AxisCosts, type Over, SeparableProduct } from '../../src/kernels/separable-product.ts';
import { randomSource } from '../../src/numerics/random.ts';

const KINDS = ['wasm', 'typescript'] as const;
const SHAPES: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[1], [1]],
  [[5], [3]],
  [
    [1, 7],
    [4, 1],
  ],
  [
    [3, 2],
    [2, 3],
  ],
  [
    [8, 4],
    [4, 8],
  ],
  [
    [13, 11],
    [7, 17],
  ],
  [
    [2, 1, 3],
    [1, 5, 2],
  ],
  [
    [5, 6, 7],
    [7, 5, 6],
  ],
  [
    [3, 2, 4, 5],
    [2, 3, 5, 4],
  ],
  // Several blocks along an axis.
  [[70], [45]],
  [
    [33, 3],
    [2, 65],
  ],
  [
    [2, 97],
    [64, 3],
  ],
];

interface Problem {
  readonly axes: readonly AxisCosts[];
  readonly rows: number;
  readonly columns: number;
  /** C of all pairs, and its part along one axis. */
  readonly cost: (i: number, j: number) => number;
  readonly part: (k: number, i: number, j: number) => number;
}

function problem([left, right]: readonly [readonly number[], readonly number[]], seed: number): Problem {
  const random = randomSource(seed);
  const axes = left.map((rows, k) => {
    const columns = right[k]!;
    return { rows, columns, costs: Float64Array.from({ length: rows * columns }, () => 3 * random.uniform()) };
  });
  const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
  const index = (shape: readonly number[], node: number, axis: number): number =>
    Math.floor(node / product(shape.slice(axis + 1))) % shape[axis]!;
  const part = (k: number, i: number, j: number): number => axes[k]!.costs[index(left, i, k) * right[k]! + index(right, j, k)]!;
  const cost = (i: number, j: number): number => axes.reduce((sum, _, k) => sum + part(k, i, j), 0);
  return { axes, rows: product(left), columns: product(right), cost, part };
}

/** log Σ m exp(T − inverse·C) pair by pair. */
function expected({ rows, columns, cost, part }: Problem, over: Over, T: Float64Array, inverse: number, moment?: number): Float64Array {
  const [count, other] = over === 'columns' ? [rows, columns] : [columns, rows];
  return Float64Array.from({ length: count }, (_, own) => {
    const pair = (q: number): readonly [number, number] => (over === 'columns' ? [own, q] : [q, own]);
    const terms = Array.from({ length: other }, (_, q) => {
      const weight = moment === undefined ? 0 : Math.log(part(moment, ...pair(q)));
      return T[q]! - inverse * cost(...pair(q)) + weight;
    });
    const top = Math.max(...terms);
    return top === Number.NEGATIVE_INFINITY ? top : top + Math.log(terms.reduce((sum, t) => sum + Math.exp(t - top), 0));
  });
}

function open(kind: 'wasm' | 'typescript', axes: readonly AxisCosts[], rows: number, columns: number) {
  const longest = Math.max(...axes.flatMap((axis) => [axis.rows, axis.columns]));
  const bytes = SeparableProduct.bytes(axes) + 16 * (rows + columns) + 1024;
  const kernels: GridKernels = openGridKernels({ bytes, longest, kind });
  expect(kernels.kind).toBe(kind);
  return { kernels, product: new SeparableProduct(kernels, axes) };
}

describe.each(KINDS)('separable products in %s', (kind) => {
  it.each(SHAPES)('are the products with all pairs: %j to %j', (left, right) => {
    const given = problem([left, right], 7);
    const random = randomSource(1);
    for (const over of ['columns', 'rows'] as const) {
      const [from, to] = over === 'columns' ? [given.columns, given.rows] : [given.rows, given.columns];
      const { kernels, product } = open(kind, given.axes, given.rows, given.columns);
      const [x, T, out] = [kernels.f64(from), kernels.f64(from), kernels.f64(to)];
      product.setLevel(0.7);
      for (let j = 0; j < from; j++) T[j] = random.normal();
      x.set(T.map(Math.exp));
      for (const moment of [undefined, left.length - 1]) {
        const wanted = expected(given, over, T, 0.7, moment);
        product.multiply(over, x, out, moment);
        for (let i = 0; i < to; i++) expect(Math.abs(Math.log(out[i]!) - wanted[i]!)).toBeLessThan(1e-13);
        product.logSum(over, T, out, moment);
        for (let i = 0; i < to; i++) expect(Math.abs(out[i]! - wanted[i]!)).toBeLessThan(1e-13);
      }
      expect(product.redone).toBe(0);
    }
  });

  it.each(SHAPES)('are exact in the log domain whatever the range: %j to %j', (left, right) => {
    const given = problem([left, right], 8);
    const random = randomSource(2);
    for (const over of ['columns', 'rows'] as const) {
      const [from, to] = over === 'columns' ? [given.columns, given.rows] : [given.rows, given.columns];
      const { kernels, product } = open(kind, given.axes, given.rows, given.columns);
      const [T, out] = [kernels.f64(from), kernels.f64(to)];
      const inverse = 5000;
      product.setLevel(inverse);
      for (let j = 0; j < from; j++) T[j] = random.uniform() < 0.3 ? Number.NEGATIVE_INFINITY : 1e4 * random.normal();
      for (const moment of [undefined, 0]) {
        const wanted = expected(given, over, T, inverse, moment);
        product.logSum(over, T, out, moment);
        for (let i = 0; i < to; i++) {
          if (wanted[i] === Number.NEGATIVE_INFINITY) expect(out[i]).toBe(wanted[i]);
          else expect(Math.abs(out[i]! - wanted[i]!)).toBeLessThan(1e-15 * 3e4 * left.length + 1e-12);
        }
      }
      if (from > 1) expect(product.redone).toBeGreaterThan(0);
    }
  });
});

describe('memory of grid kernels', () => {
  it('is what was announced: one array more does not fit', () => {
    const { axes } = problem(
      [
        [40, 30],
        [30, 40],
      ],
      1,
    );
    const kernels = openGridKernels({ bytes: SeparableProduct.bytes(axes), longest: 40, kind: 'wasm' });
    new SeparableProduct(kernels, axes);
    expect(() => kernels.f64(20_000)).toThrow(RangeError);
  });
});

describe('threads of grid kernels', () => {
  it.each([[[300, 300]], [[70, 60, 50]], [[5, 701, 7]]])('give the bits of one, plain and in the log domain: %j', (shape) => {
    const { axes, rows, columns } = problem([shape, [...shape].reverse()], 9);
    const random = randomSource(4);
    const values = Float64Array.from({ length: Math.max(rows, columns) }, () => random.normal());
    const results = [1, 2, 3].map((threads) => {
      const bytes = SeparableProduct.bytes(axes) + 32 * (rows + columns) + 1024;
      const kernels = openGridKernels({ bytes, longest: 701, kind: 'wasm', threads });
      const product = new SeparableProduct(kernels, axes);
      // So small an ε that some sums are taken again, which threads count together.
      product.setLevel(300);
      const end = performance.now() + 20_000;
      const all: number[][] = [];
      for (const over of ['columns', 'rows'] as const) {
        const [from, to] = over === 'columns' ? [columns, rows] : [rows, columns];
        const [T, x, plain, logs] = [kernels.f64(from), kernels.f64(from), kernels.f64(to), kernels.f64(to)];
        T.set(values.subarray(0, from).map((t) => 400 * t));
        x.set(values.subarray(0, from));
        do product.multiply(over, x, plain);
        while (kernels.threads() < threads && performance.now() < end);
        product.logSum(over, T, logs);
        all.push([...plain], [...logs]);
      }
      expect(kernels.threads()).toBe(threads);
      kernels.release();
      return { all, redone: product.redone };
    });
    expect(results[0]!.redone).toBeGreaterThan(0);
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });
});
