import { describe, expect, it } from 'vitest';
import { errorOnTheFly, reaches, trueError } from '../../benchmarks/discrete-error.ts';
import { family, relativeCosts } from '../../benchmarks/families.ts';
import { points } from '../../src/numerics/points.ts';

const half = Float64Array.of(0.5, 0.5);

describe('the true error', () => {
  it('is that of a plan known by hand', () => {
    // C = [[0, 1], [1, 0]], ε = 1, f = g = 0: P = ¼ [[1, 1/e], [1/e, 1]], so each of four sums misses ½ by ¼ (1 − 1/e).
    const costs = Float64Array.of(0, 1, 1, 0);
    const zero = new Float64Array(2);
    expect(trueError({ a: half, b: half, costs }, 1, zero, zero)).toBeCloseTo(1 - Math.exp(-1), 14);
    // The exact potentials: f + g = −log ((1 + 1/e)/2).
    const f = new Float64Array(2).fill(-Math.log((1 + Math.exp(-1)) / 2));
    expect(trueError({ a: half, b: half, costs }, 1, f, zero)).toBeLessThan(1e-15);
    // In another unit of cost.
    expect(
      trueError(
        { a: half, b: half, costs },
        1,
        f.map((x) => 7 * x),
        zero,
        7,
      ),
    ).toBeLessThan(1e-15);
  });

  it('counts both sides', () => {
    // P = diag(a)·[[1, 1], [1, 1]]·diag(b)·e^{f}: rows (a₁ e^{f₁}, a₂), columns ½ (a₁ e^{f₁} + a₂).
    const costs = new Float64Array(4);
    const f = Float64Array.of(Math.log(2), 0);
    expect(trueError({ a: half, b: half, costs }, 1, f, new Float64Array(2))).toBeCloseTo(0.5 + 0.5, 14);
  });

  it('is infinite when the potentials are no numbers', () => {
    const bad = Float64Array.of(Number.NaN, 0);
    expect(trueError({ a: half, b: half, costs: new Float64Array(4) }, 1, bad, bad)).toBe(Number.POSITIVE_INFINITY);
    expect(errorOnTheFly({ x: points([[0], [1]]), y: points([[0], [1]]), a: half, b: half }, 1, bad, bad)).toBe(Number.POSITIVE_INFINITY);
  });

  it('is the same on the fly', () => {
    const clouds = family('colours_3d', 30);
    const { costs, mean } = relativeCosts(clouds);
    const f = Float64Array.from({ length: 30 }, (_, i) => 0.01 * Math.sin(i));
    const g = Float64Array.from({ length: 30 }, (_, j) => 0.02 * Math.cos(j));
    const eps = 0.01;
    const stored = trueError({ ...clouds, costs }, eps, f, g, mean);
    expect(errorOnTheFly(clouds, eps * mean, f, g) / stored).toBeCloseTo(1, 11);
  });

  it('leaves room for rounding and for nothing else', () => {
    expect(reaches(1.0005e-9, 1e-9)).toBe(true);
    expect(reaches(1.01e-9, 1e-9)).toBe(false);
    expect(reaches(Number.NaN, 1e-9)).toBe(false);
  });
});
