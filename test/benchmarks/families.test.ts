import { describe, expect, it } from 'vitest';
import { FAMILIES, type FamilyName, family, meanCost, relativeCosts } from '../../benchmarks/families.ts';

const names = Object.keys(FAMILIES) as FamilyName[];
const sum = (values: Float64Array): number => values.reduce((total, w) => total + w, 0);

describe('problem families', () => {
  it.each(names)('%s is the same for the same seed and another for another', (name) => {
    expect(family(name, 20, 3)).toEqual(family(name, 20, 3));
    expect(family(name, 20, 3).x.data).not.toEqual(family(name, 20, 4).x.data);
    expect(family(name, 21, 3).x.data.subarray(0, 40)).not.toEqual(family(name, 20, 3).x.data.subarray(0, 40));
  });

  it.each(names)('%s has positive weights of mass 1 and relative costs of mean 1', (name) => {
    const clouds = family(name, 50);
    for (const weights of [clouds.a, clouds.b]) {
      expect(sum(weights)).toBeCloseTo(1, 12);
      expect(Math.min(...weights)).toBeGreaterThan(0);
    }
    const { costs, mean } = relativeCosts(clouds);
    expect(sum(costs) / costs.length).toBeCloseTo(1, 12);
    expect(Math.min(...costs)).toBeGreaterThanOrEqual(0);
    // The closed form that stands in for the matrix at large n.
    expect(meanCost(clouds) / mean).toBeCloseTo(1, 12);
  });

  it('draws gaussians with the stated moments', () => {
    const { y } = family('gaussians', 40_000);
    const moment = (f: (u: number, v: number) => number): number => {
      let total = 0;
      for (let i = 0; i < y.count; i++) total += f(y.data[2 * i]! - 3, y.data[2 * i + 1]! - 1) / y.count;
      return total;
    };
    // Five standard errors: sd of the terms is at most 1.5·√2.
    const close = (value: number, exact: number): void => expect(Math.abs(value - exact)).toBeLessThan((5 * 2.2) / 200);
    close(
      moment((u) => u),
      0,
    );
    close(
      moment((_, v) => v),
      0,
    );
    close(
      moment((u) => u * u),
      0.5,
    );
    close(
      moment((u, v) => u * v),
      0.3,
    );
    close(
      moment((_, v) => v * v),
      1.5,
    );
  });

  it('keeps colours in the cube', () => {
    for (const c of family('colours_3d', 200).x.data) expect(c).toBe(Math.min(1, Math.max(0, c)));
  });
});
