import { expect, it } from 'vitest';
import { nonnegativeMinimum } from '../../src/numerics/nonnegative-quadratic.ts';
import { randomSource } from '../../src/numerics/random.ts';

/** B Bᵀ + ridge, row-major. */
function positive(n: number, rank: number, ridge: number, normal: (count: number) => Float64Array): Float64Array {
  const B = normal(n * rank);
  return Float64Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    let sum = i === j ? ridge : 0;
    for (let r = 0; r < rank; r++) sum += B[i * rank + r]! * B[j * rank + r]!;
    return sum;
  });
}

it('the conditions of a minimum hold whatever variables are thought to be positive, badly conditioned matrices included', () => {
  const random = randomSource(41);
  const normal = (count: number): Float64Array => random.fillNormal(new Float64Array(count));
  for (let t = 0; t < 120; t++) {
    const n = 1 + (t % 23);
    const H = positive(n, t % 2 === 0 ? n : Math.ceil(n / 3), t % 2 === 0 ? 1e-3 : 1e-6, normal);
    const q = normal(n);
    const found = nonnegativeMinimum(
      H,
      q,
      Uint8Array.from({ length: n }, () => (random.uniform() < 0.5 ? 1 : 0)),
    )!;
    const size = found.reduce((most, v) => Math.max(most, v), 1);
    for (let i = 0; i < n; i++) {
      let slope = -q[i]!;
      for (let j = 0; j < n; j++) slope += H[i * n + j]! * found[j]!;
      expect(found[i]).toBeGreaterThanOrEqual(0);
      expect(slope).toBeGreaterThan(-1e-12 * size * n);
      if (found[i]! > 0) expect(Math.abs(slope)).toBeLessThan(1e-11 * size * n);
    }
  }
});

it('in closed form: independent variables, and a matrix that is not definite', () => {
  const found = nonnegativeMinimum(Float64Array.of(2, 0, 0, 4), Float64Array.of(1, -3), Uint8Array.of(0, 1))!;
  expect(found[0]).toBeCloseTo(0.5, 15);
  expect(found[1]).toBe(0);
  expect(nonnegativeMinimum(Float64Array.of(1, 2, 2, 1), Float64Array.of(1, 1), Uint8Array.of(1, 1))).toBeUndefined();
});
