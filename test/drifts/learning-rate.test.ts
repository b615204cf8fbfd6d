import { describe, expect, test } from 'vitest';
import { type LearningRate, learningRateAt, requireLearningRate } from '../../src/drifts/learning-rate.ts';
import { DomainError } from '../../src/errors.ts';

const at = (rate: LearningRate, ...shares: number[]): number[] => shares.map((share) => learningRateAt(rate, share));
const close = (values: number[], expected: number[]): void => {
  values.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, 14);
  });
};

describe('learningRateAt', () => {
  test('a number falls to a hundredth along a cosine', () => {
    close(at(0.2, 0, 1 / 3, 0.5, 1), [0.2, 0.2 * (0.01 + 0.99 * 0.75), 0.2 * 0.505, 0.002]);
  });

  test('each schedule is its formula', () => {
    close(at({ initial: 0.3, schedule: 'constant' }, 0, 0.4, 0.99), [0.3, 0.3, 0.3]);
    close(at({ initial: 0.3, final: 0.1, schedule: 'linear' }, 0, 0.25, 1), [0.3, 0.25, 0.1]);
    close(at({ initial: 0.4, final: 0.1, schedule: 'exponential' }, 0, 0.5, 1), [0.4, 0.2, 0.1]);
    close(at({ initial: 0.4, final: 0.1, schedule: 'cosine' }, 0, 0.5, 1), [0.4, 0.25, 0.1]);
    close(at({ initial: 0.4, schedule: 'linear' }, 0.5, 1), [0.202, 0.004]);
  });

  test('the warm-up rises linearly, then the schedule begins', () => {
    const rate = { initial: 0.4, final: 0.2, schedule: 'linear', warmup: 0.2 } as const;
    close(at(rate, 0, 0.05, 0.1, 0.2, 0.6, 1), [0.004, 0.1, 0.2, 0.4, 0.3, 0.2]);
  });
});

describe('requireLearningRate', () => {
  test('lets good ones through', () => {
    const rate = { initial: 1e-3, schedule: 'cosine', warmup: 0 } as const;
    expect(requireLearningRate('f: learningRate', rate)).toBe(rate);
    expect(requireLearningRate('f: learningRate', 1e-3)).toBe(1e-3);
  });

  test.each([
    [0, /^f: learningRate must be a number > 0, got 0/],
    [Number.NaN, /got NaN/],
    ['fast', /got fast/],
    [null, /got null/],
    [{ schedule: 'cosine' }, /learningRate\.initial must be/],
    [{ initial: 1, final: 0, schedule: 'exponential' }, /learningRate\.final must be/],
    [{ initial: 1, schedule: 'step' }, /unknown schedule 'step'; use constant, linear/],
    [{ initial: 1, schedule: 'cosine', warmup: 1 }, /learningRate\.warmup/],
    [{ initial: 1, schedule: 'cosine', decay: 1 }, /unknown option 'decay'/],
  ])('refuses %j', (rate, message) => {
    expect(() => requireLearningRate('f: learningRate', rate as LearningRate)).toThrow(DomainError);
    expect(() => requireLearningRate('f: learningRate', rate as LearningRate)).toThrow(message);
  });
});
