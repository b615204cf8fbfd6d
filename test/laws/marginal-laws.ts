import { describe, expect, it } from 'vitest';
import type { Marginal } from '../../src/marginals/marginal.ts';
import { weightedMoments } from '../../src/numerics/moments.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { eigenSymmetric } from '../../src/numerics/spd.ts';

/** Draws behind the statistics; limits are 5 standard errors. */
const DRAWS = 40_000;

/** What every marginal obeys. */
export function marginalLaws(name: string, make: () => Marginal): void {
  describe(`${name} as a marginal`, () => {
    const marginal = make();
    const d = marginal.dimension;

    it('has moments of its dimension: symmetric and positive semi-definite', () => {
      expect(marginal.mass).toBeGreaterThan(0);
      expect(marginal.mean()).toHaveLength(d);
      const covariance = marginal.covariance();
      expect([covariance.rows, covariance.columns]).toEqual([d, d]);
      for (let i = 0; i < d; i++) for (let j = 0; j < i; j++) expect(covariance.get(i, j)).toBeCloseTo(covariance.get(j, i), 12);
      expect(Math.min(...eigenSymmetric(covariance).values)).toBeGreaterThan(-1e-10);
    });

    it('draws what its moments say, to sampling error', () => {
      const sample = marginal.sample(DRAWS, randomSource(11));
      expect([sample.count, sample.dimension]).toEqual([DRAWS, d]);
      const { mean, covariance } = weightedMoments(sample);
      const exact = marginal.covariance();
      // Fourth moments bound the error of a variance; heavy tails do not occur here.
      mean.forEach((m, i) => {
        expect(Math.abs(m - marginal.mean()[i]!)).toBeLessThan(6 * Math.sqrt((exact.get(i, i) + 1e-12) / DRAWS) + 1e-9);
        for (let j = 0; j <= i; j++) {
          const scale = Math.sqrt(exact.get(i, i) * exact.get(j, j));
          expect(Math.abs(covariance.get(i, j) - exact.get(i, j))).toBeLessThan((12 * (scale + 1e-12)) / Math.sqrt(DRAWS) + 1e-9);
        }
      });
    });

    it('gives the same draws for the same seed, others for another', () => {
      const draw = (seed: number) => Array.from(marginal.sample(60, randomSource(seed)).data);
      expect(draw(3)).toEqual(draw(3));
      if (eigenSymmetric(marginal.covariance()).values.some((v) => v > 1e-9)) expect(draw(3)).not.toEqual(draw(4));
    });

    it('hands out copies', () => {
      const before = Array.from(marginal.mean());
      marginal.mean().fill(99);
      marginal.covariance().set(0, 0, 99);
      expect(Array.from(marginal.mean())).toEqual(before);
      expect(marginal.covariance().get(0, 0)).not.toBe(99);
    });

    if (make().logDensity !== undefined) {
      it('has a density whose expectation over its own draws is consistent: E[1/p] over a box is its volume', () => {
        const sample = marginal.sample(DRAWS, randomSource(5));
        const center = marginal.mean();
        const width = Array.from({ length: d }, (_, i) => Math.sqrt(marginal.covariance().get(i, i)));
        const logs = marginal.logDensity!(sample);
        let sum = 0;
        let squares = 0;
        for (let i = 0; i < DRAWS; i++) {
          const inside = width.every((w, k) => Math.abs(sample.data[i * d + k]! - center[k]!) < w);
          const weight = inside ? marginal.mass * Math.exp(-logs[i]!) : 0;
          sum += weight / DRAWS;
          squares += weight ** 2 / DRAWS;
        }
        const volume = width.reduce((product, w) => product * 2 * w, 1);
        expect(Math.abs(sum - volume)).toBeLessThan(6 * Math.sqrt((squares - sum * sum) / DRAWS));
      });
    }
  });
}
