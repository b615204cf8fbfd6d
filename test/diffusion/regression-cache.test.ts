import { describe, expect, test } from 'vitest';
import { regressionCache } from '../../src/diffusion/regression-cache.ts';
import { allocateRows, COPIES, fillRows, normalised } from '../../src/diffusion/regression-target.ts';
import { points } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';

/** Inputs that say where they come from: (k, 10·i + copy). */
function labelledRows(steps: number, paths: number) {
  const rows = allocateRows(steps, paths, 2);
  for (let k = 0; k < steps; k++) {
    for (let copy = 0; copy < COPIES; copy++) {
      const x = points(Array.from({ length: paths }, (_, i) => [k, 10 * i + copy]));
      const y = points(Array.from({ length: paths }, (_, i) => [-k, -(10 * i + copy)]));
      fillRows(rows, k, copy, x, y);
    }
  }
  return rows;
}

describe('the path cache', () => {
  test('serves every row once before any again, with its own transition, weight and target, mirror images together', () => {
    const [steps, paths, size] = [5, 7, 10];
    const weights = normalised(Float64Array.of(1, 2, 3, 4, 5));
    const cache = regressionCache(labelledRows(steps, paths), weights, size, randomSource(1));
    expect(cache.batches).toBe((steps * paths * COPIES) / size);
    for (let pass = 0; pass < 3; pass++) {
      const seen = new Map<string, number>();
      const order: string[] = [];
      for (let b = 0; b < cache.batches; b++) {
        const batch = cache.next();
        expect(batch.count).toBe(size);
        for (let i = 0; i < size; i++) {
          const [k, label] = batch.inputs.subarray(2 * i, 2 * i + 2);
          expect(batch.transitions[i]).toBe(k);
          expect(batch.weights[i]).toBe(Math.fround(weights[k!]!));
          expect(Array.from(batch.targets.subarray(2 * i, 2 * i + 2))).toEqual([-k!, -label!]);
          expect(label! % 10).toBe(i % 2);
          if (i % 2 === 1) expect(label).toBe(batch.inputs[2 * i - 1]! + 1);
          seen.set(`${k} ${label}`, (seen.get(`${k} ${label}`) ?? 0) + 1);
          order.push(`${k} ${label}`);
        }
      }
      expect(seen.size).toBe(steps * paths * COPIES);
      expect(Math.max(...seen.values())).toBe(1);
      expect(order).not.toEqual([...order].sort());
    }
  });

  test('a batch larger than the cache is the cache', () => {
    const cache = regressionCache(labelledRows(2, 3), Float64Array.of(1, 1), 1000, randomSource(1));
    expect(cache.batches).toBe(1);
    expect(cache.next().count).toBe(12);
  });

  test('weights have mean 1', () => {
    expect(normalised(Float64Array.of(1, 4, 7)).reduce((sum, w) => sum + w, 0) / 3).toBeCloseTo(1, 14);
  });
});
