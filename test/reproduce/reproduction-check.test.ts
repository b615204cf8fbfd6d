import { describe, expect, test } from 'vitest';
import { DomainError } from '../../src/errors.ts';
import { reproductionCheck, twoErrors } from '../../src/reproduce/reproduction-check.ts';

describe('a figure beside what is to be reached', () => {
  const room = { goal: 1, limit: 1.5, meaning: 'At most one.' };

  test.each([
    [1, 'pass'],
    [1.0001, 'warn'],
    [1.5, 'warn'],
    [1.5001, 'fail'],
  ])('%d: %s', (value, verdict) => expect(reproductionCheck('x', value, room).verdict).toBe(verdict));

  test('without room there is no warning', () => {
    expect(reproductionCheck('x', 1.0001, { goal: 1, meaning: '' })).toMatchObject({ verdict: 'fail', limit: 1 });
  });

  test('what is no number is refused, by name', () => {
    expect(() => reproductionCheck('the figure', Number.NaN, room)).toThrow(DomainError);
    expect(() => reproductionCheck('the figure', Number.NaN, room)).toThrow(/'the figure' has value NaN/);
    expect(() => reproductionCheck('x', 1, { goal: 2, limit: 1, meaning: '' })).toThrow(DomainError);
  });

  test('two standard errors of a mean, none for one seed', () => {
    expect(twoErrors(0.3, 9)).toBeCloseTo(0.2, 12);
    expect(twoErrors(0, 1)).toBe(0);
  });
});
