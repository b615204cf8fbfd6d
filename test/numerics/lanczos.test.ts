import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { largestRitzPair } from '../../src/numerics/lanczos.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { eigenSymmetric, symmetrise } from '../../src/numerics/spd.ts';
import { multiplyVector } from '../../src/numerics/vectors.ts';

describe('largestRitzPair', () => {
  const random = randomSource(3);
  const S = symmetrise(Matrix.from1DArray(7, 7, Array.from(random.fillNormal(new Float64Array(49)))));

  it('is the largest eigenpair after as many products as there are dimensions', () => {
    const { value, vector } = largestRitzPair((v) => multiplyVector(S, v), random.fillNormal(new Float64Array(7)), 20);
    expect(value).toBeCloseTo(eigenSymmetric(S).values[6]!, 12);
    multiplyVector(S, vector).forEach((x, k) => {
      expect(x).toBeCloseTo(value * vector[k]!, 11);
    });
  });

  it('finds an isolated eigenvalue among a thousand in a few products, and stops in an invariant space', () => {
    const { value, vector } = largestRitzPair(
      (v) => v.map((x, k) => (k === 700 ? 1.3 * x : (k / 1000) * x)),
      randomSource(1).fillNormal(new Float64Array(1000)),
      16,
    );
    expect(value).toBeCloseTo(1.3, 6);
    expect(Math.abs(vector[700]!)).toBeGreaterThan(0.99);
    const still = largestRitzPair((v) => v.map((x) => 2 * x), Float64Array.of(3, 4), 10);
    expect(still.value).toBeCloseTo(2, 14);
    expect(Array.from(still.vector, Math.abs)).toEqual([0.6, 0.8]);
  });
});
