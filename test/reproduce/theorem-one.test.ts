import { describe, expect, test } from 'vitest';
import { gaussianTotalVariation } from '../../src/closed-forms/gaussian-total-variation.ts';
import { DomainError } from '../../src/errors.ts';
import { theoremOne } from '../../src/reproduce/theorem-one.ts';

describe('reproduce theorem', () => {
  const run = theoremOne({ quick: true });

  test('one iteration is the Euler chain with the exact score', async () => {
    const { rows } = await run;
    const row = rows.find((one) => one['steps'] === 20 && one['horizon'] === 0.5)!;
    // Forward x' = (1 − γ)x + √(2γ)z from N(1.5, .09), backward y = x' + γx' + 2γ∇log p(x') + √(2γ)z from N(0, 1), moments by hand.
    const gamma = 0.5 / 20;
    const laws = [{ mean: 1.5, variance: 0.09 }];
    for (let k = 0; k < 20; k++) {
      const { mean, variance } = laws[k]!;
      laws.push({ mean: (1 - gamma) * mean, variance: (1 - gamma) ** 2 * variance + 2 * gamma });
    }
    let [mean, variance] = [0, 1];
    for (let k = 19; k >= 0; k--) {
      const law = laws[k + 1]!;
      const slope = 1 + gamma - (2 * gamma) / law.variance;
      [mean, variance] = [slope * mean + (2 * gamma * law.mean) / law.variance, slope * slope * variance + 2 * gamma];
    }
    expect(row['oneIteration'] as number).toBeCloseTo(gaussianTotalVariation({ mean: 1.5, variance: 0.09 }, { mean, variance }), 10);
  });

  test('the shape of the bound: the prior’s part falls with T, the steps’ part rises; DSB is better at small T', async () => {
    const { rows, figures } = await run;
    const of = (steps: number, key: string) => rows.filter((one) => one['steps'] === steps).map((one) => one[key] as number);
    for (const steps of [10, 20]) {
      expect(of(steps, 'priorGap')[0]).toBeGreaterThan(2.5 * of(steps, 'priorGap')[3]!);
      expect(of(steps, 'oneIteration').at(-1)).toBeGreaterThan(of(steps, 'oneIteration')[2]!);
      for (const i of [0, 1]) expect(of(steps, 'dsb')[i]).toBeLessThan(0.5 * of(steps, 'oneIteration')[i]!);
    }
    expect(figures[0]!.svg.startsWith('<svg')).toBe(true);
  });

  test('it has one dimension', async () => {
    await expect(theoremOne({ dimension: 2 })).rejects.toThrow(DomainError);
  });
});
