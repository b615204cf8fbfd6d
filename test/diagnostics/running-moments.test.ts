import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pairMoments, runningMoments } from '../../src/diagnostics/running-moments.ts';
import { DomainError } from '../../src/errors.ts';
import { type Points, takeRows } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';

function draws(count: number, dimension: number, offset: number, seed: number): Points {
  const random = randomSource(seed);
  return { data: Float64Array.from({ length: count * dimension }, () => offset + random.normal()), count, dimension };
}

test('blocks of any size give the moments of all pairs', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 0, max: 1e6 }),
      (sizes, seed) => {
        const total = sizes.reduce((sum, size) => sum + size, 0);
        const [x, y] = [draws(total, 2, 3, seed), draws(total, 3, -1e6, seed + 1)];
        const running = runningMoments();
        let from = 0;
        for (const size of sizes) {
          const rows = Array.from({ length: size }, (_, i) => from + i);
          running.add(takeRows(x, rows), takeRows(y, rows));
          from += size;
        }
        const [actual, expected] = [running.result(), pairMoments(x, y)];
        for (const name of ['sourceMean', 'targetMean'] as const) {
          actual[name].forEach((value, i) => {
            expect(Math.abs(value - expected[name][i]!)).toBeLessThan(1e-8);
          });
        }
        for (const name of ['sourceCovariance', 'targetCovariance', 'crossCovariance'] as const) {
          const wanted = expected[name].to1DArray();
          actual[name].to1DArray().forEach((value, i) => {
            expect(Math.abs(value - wanted[i]!)).toBeLessThan(1e-7);
          });
        }
      },
    ),
  );
});

test('no pairs, no moments', () => {
  expect(() => runningMoments().result()).toThrow(DomainError);
});
