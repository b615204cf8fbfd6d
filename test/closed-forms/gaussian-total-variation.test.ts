import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gaussianTotalVariation } from '../../src/closed-forms/gaussian-total-variation.ts';
import { erfc, normalCdf } from '../../src/numerics/normal-distribution.ts';

describe('the normal distribution function', () => {
  // By Python's math.erfc.
  test.each([
    [0, 1],
    [0.5, 0.4795001221869535],
    [1, 0.15729920705028513],
    [1.9999, 0.004679802092970608],
    [2, 0.004677734981047266],
    [3, 2.209049699858544e-5],
    [5, 1.5374597944280349e-12],
    [10, 2.088487583762545e-45],
    [-1, 1.8427007929497148],
  ])('erfc(%d)', (x, expected) => {
    expect(erfc(x) / expected).toBeCloseTo(1, 11);
  });

  test('is symmetric, and knows the 97.5 % point', () => {
    expect(normalCdf(1.959963984540054)).toBeCloseTo(0.975, 14);
    expect(normalCdf(0.7) + normalCdf(-0.7)).toBeCloseTo(1, 15);
  });
});

/** ½∫|p − q| by the midpoint rule. */
function byQuadrature(p: { mean: number; variance: number }, q: { mean: number; variance: number }): number {
  const density = ({ mean, variance }: typeof p, x: number): number =>
    Math.exp(-((x - mean) ** 2) / (2 * variance)) / Math.sqrt(2 * Math.PI * variance);
  const widest = Math.sqrt(Math.max(p.variance, q.variance));
  const [from, to] = [Math.min(p.mean, q.mean) - 9 * widest, Math.max(p.mean, q.mean) + 9 * widest];
  const nodes = 200_000;
  let sum = 0;
  for (let i = 0; i < nodes; i++) {
    const x = from + ((to - from) * (i + 0.5)) / nodes;
    sum += Math.abs(density(p, x) - density(q, x));
  }
  return (0.5 * sum * (to - from)) / nodes;
}

describe('gaussianTotalVariation', () => {
  test.each([
    [0, 1, 0, 1],
    [0, 1, 1, 1],
    [0, 1, 0, 4],
    [-0.3, 0.09, 0.4, 2],
    [1.5, 0.09, 1.4, 0.1],
    [0, 1, 8, 0.5],
  ])('N(%d, %d) and N(%d, %d)', (m, v, n, w) => {
    const [p, q] = [
      { mean: m, variance: v },
      { mean: n, variance: w },
    ];
    expect(gaussianTotalVariation(p, q)).toBeCloseTo(byQuadrature(p, q), 7);
  });

  test('is a distance between 0 and 1 that does not see translations and scalings', () => {
    const law = fc.record({ mean: fc.double({ min: -5, max: 5, noNaN: true }), variance: fc.double({ min: 1e-3, max: 30, noNaN: true }) });
    const factor = fc.double({ min: 0.1, max: 10, noNaN: true });
    fc.assert(
      fc.property(law, law, law, factor, (p, q, r, s) => {
        const tv = gaussianTotalVariation(p, q);
        expect(tv).toBeGreaterThanOrEqual(0);
        expect(tv).toBeLessThanOrEqual(1 + 1e-12);
        expect(gaussianTotalVariation(q, p)).toBeCloseTo(tv, 8);
        expect(tv).toBeLessThanOrEqual(gaussianTotalVariation(p, r) + gaussianTotalVariation(r, q) + 1e-9);
        const moved = ({ mean, variance }: typeof p) => ({ mean: s * mean + 3, variance: s * s * variance });
        expect(gaussianTotalVariation(moved(p), moved(q))).toBeCloseTo(tv, 8);
      }),
    );
  });
});
