import { describe, expect, it } from 'vitest';
import { costFunction } from '../../src/costs/index.ts';
import { type Barycenter, barycenter, barycenterAsync } from '../../src/discrete/index.ts';
import { DomainError, ShapeError } from '../../src/errors.ts';
import { type DiscreteMarginal, discreteMarginal } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { largestDifference } from './every-way.ts';
import { randomMarginal } from './oracles.ts';

const random = randomSource(5);
const measures = [randomMarginal(30, 2, random), randomMarginal(25, 2, random), randomMarginal(28, 2, random)];
const weightsOf = ({ marginal }: Barycenter): Float64Array => (marginal as DiscreteMarginal).weights;

describe.each([false, true])('a barycenter from an earlier one, debiased: %s', (debiased) => {
  const problem = { measures, weights: [0.2, 0.3, 0.5], epsilon: 0.3, debiased };
  const options = { tolerance: 1e-8 };
  const whole = barycenter(problem, options);

  it('stops at the first check where it is the answer', () => {
    expect(whole.status).toBe('converged');
    expect(whole.iterations).toBeGreaterThan(5);
    const again = barycenter(problem, { tolerance: 2e-8, initial: whole });
    expect(again).toMatchObject({ status: 'converged', iterations: 0 });
    expect(largestDifference(weightsOf(again), weightsOf(whole))).toBeLessThan(1e-9);
  });

  it('says what it did at every ε, warm on the last alone', () => {
    const { levels } = whole.couplings[0]!.stats;
    expect(levels!.reduce((sum, { steps }) => sum + steps, levels!.length - 1)).toBe(whole.iterations);
    expect(levels!.length).toBeGreaterThan(1);
    expect(levels!.at(-1)).toMatchObject({ epsilon: 0.3, precision: 'f64' });
    for (const { method } of levels!) expect(debiased ? ['anderson', 'newton'] : ['bounded-lbfgs']).toContain(method);
    const again = barycenter(problem, { tolerance: 2e-8, initial: whole });
    expect(again.couplings[0]!.stats.levels!.map(({ epsilon, steps }) => [epsilon, steps])).toEqual([[0.3, 0]]);
  });

  it('goes on where it was aborted', async () => {
    const controller = new AbortController();
    const after = Math.floor(0.8 * whole.iterations);
    const aborted = await barycenterAsync(problem, {
      ...options,
      signal: controller.signal,
      onProgress: ({ iteration }) => iteration === after && controller.abort(),
    });
    expect(aborted.status).toBe('aborted');
    const resumed = barycenter(problem, { ...options, initial: aborted });
    expect(resumed.status).toBe('converged');
    expect(resumed.iterations).toBeLessThan(whole.iterations);
    expect(largestDifference(weightsOf(resumed), weightsOf(whole))).toBeLessThan(1e-6);
  });

  it('from another ε, and with points that forbidden pairs leave empty', () => {
    const near = barycenter({ ...problem, epsilon: 0.31 }, { ...options, initial: whole });
    expect(near.status).toBe('converged');
    const cost = costFunction((x, y) => (Math.abs(x[0]! - y[0]!) > 1.2 ? Number.POSITIVE_INFINITY : (x[0]! - y[0]!) ** 2));
    const line = (...at: number[]) => discreteMarginal({ points: at.map((x) => [x]) });
    const walled = { measures: [line(0, 0.5), line(2, 1.7)], support: [[-1], [0.9], [1], [2]], cost, epsilon: 0.1, debiased };
    const first = barycenter(walled, options);
    expect(first.status).toBe('converged');
    expect(barycenter(walled, { tolerance: 2e-8, initial: first })).toMatchObject({ status: 'converged', iterations: 0 });
  });

  it('is refused where it does not fit', () => {
    expect(() => barycenter({ ...problem, measures: measures.slice(1), weights: [1, 1] }, { initial: whole })).toThrow(ShapeError);
    expect(() => barycenter({ ...problem, support: [[0, 0]] }, { initial: whole })).toThrow(
      /^barycenter: initial has 83 points of support/,
    );
    expect(() => barycenter(problem, { initial: whole.couplings[0] as never })).toThrow(/^barycenter: initial is no barycenter/);
    expect(() => barycenter({ measures, support: { free: 3 } }, { initial: whole })).toThrow(DomainError);
  });
});
