import { describe, expect, it } from 'vitest';
import type { GaussEngine, MatrixFactors } from '../../src/kernels/gauss-engine.ts';
import { openGaussEngine } from '../../src/kernels/open-gauss-engine.ts';
import { randomSource } from '../../src/numerics/random.ts';

/** Runs every pass on random boxes and tensors. */
function passes(engine: GaussEngine, dimension: 2 | 3, q: number, factors: MatrixFactors['along'] | undefined): Float64Array[] {
  const random = randomSource(q).split(`${dimension}`);
  const sizes = [8, 24, 0, 16, 8];
  const [boxes, size] = [sizes.length, q ** dimension];
  engine.reset(8 * (40 * size + 20 * q * q + 4000) + 4096);
  const fill = (array: Float64Array): Float64Array => {
    for (let p = 0; p < array.length; p++) array[p] = 2 * random.uniform() - 1;
    return array;
  };
  const starts = engine.i32(boxes + 1);
  sizes.forEach((count, b) => {
    starts[b + 1] = starts[b]! + count;
  });
  const places = starts[boxes]!;
  const points = { dimension, boxes, starts, t: fill(engine.f64(dimension * places)) };
  const M = fill(engine.f64(boxes * size));
  engine.moments(points, fill(engine.f64(places)), q, M);
  const values = engine.f64(places);
  engine.evaluate(points, fill(engine.f64(boxes * size)), q, values);
  const list = (numbers: number[]): Int32Array => {
    const out = engine.i32(numbers.length);
    out.set(numbers);
    return out;
  };
  const operations = {
    groups: list([0, 2, 2, 5]),
    sources: list([4, 1, 0, 3, 2]),
    matrices: list([1, 0, 2, 2, 1]),
    scales: fill(engine.f64(5)),
  };
  const out = fill(engine.f64(3 * size));
  const along = factors === undefined ? undefined : { values: fill(engine.f64(3 * q)), along: factors };
  engine.contract(operations, q, q ** (dimension - 1), M, fill(engine.f64(3 * q * q)), out, along);
  return [M, values, out].map((array) => array.slice());
}

describe('kernels of the fast Gauss transform', () => {
  for (const dimension of [2, 3] as const) {
    for (const q of [2, 6, 8, 10, 12]) {
      it(`agree with plain TypeScript in ${dimension} dimensions with ${q} nodes, to the bit with two threads`, () => {
        for (const factors of [undefined, 'columns', 'rows'] as const) {
          const [plain, wasm, threaded] = [openGaussEngine('typescript', 1), openGaussEngine('wasm', 1), openGaussEngine('wasm', 2)].map(
            (engine) => {
              const results = passes(engine, dimension, q, factors);
              engine.release();
              return results;
            },
          );
          expect(threaded).toEqual(wasm);
          wasm!.forEach((array, k) => {
            const most = array.reduce((top, value, p) => Math.max(top, Math.abs(value - plain![k]![p]!)), 0);
            expect(most).toBeLessThan(1e-11);
          });
        }
      });
    }
  }
});
