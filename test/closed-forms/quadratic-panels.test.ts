import { describe, expect, test } from 'vitest';
import { panelExponents, panelMoments } from '../../src/closed-forms/quadratic-panels.ts';
import { choleskyFactor, inverseFromFactor } from '../../src/numerics/cholesky.ts';
import { randomSource } from '../../src/numerics/random.ts';

/** 600 rows: two whole panels and a part of one. */
const [n, d, terms] = [600, 9, 3];
const random = randomSource(3);
const z = { data: random.fillNormal(new Float64Array(n * d)), count: n, dimension: d };
const entry = (i: number, c: number): number => z.data[i * d + c]!;
const expectClose = (made: ArrayLike<number>, expected: ArrayLike<number>): void => {
  expect(made.length).toBe(expected.length);
  for (let i = 0; i < made.length; i++) expect(Math.abs(made[i]! - expected[i]!)).toBeLessThan(1e-11 * (1 + Math.abs(expected[i]!)));
};

describe('products of panels', () => {
  test('exponents are those of the formula', () => {
    const constants = random.fillNormal(new Float64Array(terms));
    const linears = random.fillNormal(new Float64Array(terms * d));
    const curvatures = new Float64Array(terms * d * d);
    for (let k = 0; k < terms; k++) {
      for (let r = 0; r < d; r++) {
        for (let c = 0; c <= r; c++) curvatures[(k * d + r) * d + c] = curvatures[(k * d + c) * d + r] = random.normal();
      }
    }
    const expected = Array.from({ length: n * terms }, (_, p) => {
      const [i, k] = [Math.floor(p / terms), p % terms];
      let sum = constants[k]!;
      for (let r = 0; r < d; r++) {
        sum += linears[k * d + r]! * entry(i, r);
        for (let c = 0; c < d; c++) sum += 0.5 * curvatures[(k * d + r) * d + c]! * entry(i, r) * entry(i, c);
      }
      return sum;
    });
    const out = new Float64Array(n * terms);
    panelExponents({ constants, linears, curvatures }, z, out);
    expectClose(out, expected);
  });

  test('moments are sums over rows, of which those without weight do not count', () => {
    const weights = Array.from({ length: n }, (_, i) => (i % 3 === 0 ? 0 : random.uniform()));
    const over = (of: (i: number) => number): number => weights.reduce((sum, w, i) => sum + w * of(i), 0);
    const { mass, sum, seconds } = panelMoments(z, (i) => weights[i]!);
    expect(mass).toBeCloseTo(
      over(() => 1),
      10,
    );
    expectClose(
      sum,
      Array.from({ length: d }, (_, c) => over((i) => entry(i, c))),
    );
    expectClose(
      seconds,
      Array.from({ length: d * d }, (_, p) => over((i) => entry(i, Math.floor(p / d)) * entry(i, p % d))),
    );
    expect([...panelMoments(z, () => 0).seconds].every((value) => value === 0)).toBe(true);
  });
});

test('Cholesky: L Lᵀ is S, the inverse is one, and what is not positive definite has no factor', () => {
  const a = random.fillNormal(new Float64Array(d * d));
  const s = Float64Array.from({ length: d * d }, (_, p) => {
    let sum = p % (d + 1) === 0 ? 0.5 : 0;
    for (let k = 0; k < d; k++) sum += a[Math.floor(p / d) * d + k]! * a[(p % d) * d + k]!;
    return sum;
  });
  const product = (l: Float64Array, r: Float64Array, turned: boolean): Float64Array =>
    Float64Array.from({ length: d * d }, (_, p) => {
      let sum = 0;
      for (let k = 0; k < d; k++) sum += l[Math.floor(p / d) * d + k]! * (turned ? r[(p % d) * d + k]! : r[k * d + (p % d)]!);
      return sum;
    });
  const factor = choleskyFactor(s, d)!;
  expectClose(product(factor, factor, true), s);
  const identity = Float64Array.from({ length: d * d }, (_, p) => (p % (d + 1) === 0 ? 1 : 0));
  expectClose(product(s, inverseFromFactor(factor, d), false), identity);
  expect(choleskyFactor(Float64Array.of(1, 1, 1, 1), 2)).toBeUndefined();
  expect(choleskyFactor(Float64Array.of(1, 2, 2, 1), 2)).toBeUndefined();
  expect(choleskyFactor(Float64Array.of(Number.NaN), 1)).toBeUndefined();
});
