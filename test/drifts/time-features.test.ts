import { describe, expect, test } from 'vitest';
import { inputFeatures } from '../../src/drifts/input-features.ts';
import { requireTimeFeatures, type TimeFeatures, timeFeatureRow } from '../../src/drifts/time-features.ts';
import { DomainError } from '../../src/errors.ts';
import { driftContext } from '../laws/drift-model-laws.ts';

const row = (features: TimeFeatures, tau: number): number[] => Array.from(timeFeatureRow(features, tau));
const close = (values: number[], expected: number[]): void => {
  expect(values.length).toBe(expected.length);
  values.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, 5);
  });
};

describe('features of time', () => {
  test('a number counts harmonics of half a period', () => {
    close(row(5, 0.25), [-0.5, Math.SQRT1_2, Math.SQRT1_2, 1, 0, Math.SQRT1_2]);
    close(row(0, 0.75), [0.5]);
    expect(row({ kind: 'fourier', count: 5 }, 0.3)).toEqual(row(5, 0.3));
  });

  test('scale is the lowest frequency in periods over the horizon', () => {
    close(row({ kind: 'fourier', count: 4, scale: 1 }, 0.125), [-0.75, Math.SQRT1_2, Math.SQRT1_2, 1, 0]);
  });

  test('sinusoidal frequencies fall from scale towards a ten-thousandth of it', () => {
    const expected = [1, 0.1, 0.01, 0.001].flatMap((share) => [Math.sin(30 * share), Math.cos(30 * share)]);
    close(row({ kind: 'sinusoidal', count: 8, scale: 100 }, 0.3), [-0.4, ...expected]);
    expect(row({ kind: 'sinusoidal', count: 2 }, 0.5)[1]).toBeCloseTo(Math.sin(500), 4);
  });

  test.each<[unknown, RegExp]>([
    [-1, /^p must be a whole number/],
    [2.5, /^p must/],
    [{ kind: 'random', count: 2 }, /p\.kind: unknown kind 'random'; use 'fourier'/],
    [{ kind: 'fourier' }, /p\.count/],
    [{ kind: 'fourier', count: 2, scale: 0 }, /p\.scale/],
    [{ kind: 'fourier', count: 2, width: 0 }, /unknown option 'width'/],
  ])('refuses %j', (features, message) => {
    expect(() => requireTimeFeatures('p', features as TimeFeatures)).toThrow(DomainError);
    expect(() => requireTimeFeatures('p', features as TimeFeatures)).toThrow(message);
  });
});

test('the features of a row are its time, then its standardised point', () => {
  const features = inputFeatures(driftContext({ dimension: 2, steps: 4, center: 3, scale: 2, direction: 'forward' }), 2);
  expect([features.width, features.timeWidth]).toEqual([5, 3]);
  const x = Float64Array.of(9, 9, 5, -1);
  const rows = new Float32Array(10);
  features.write(1, x, 1, rows, 1);
  expect(Array.from(rows.subarray(5))).toEqual([...timeFeatureRow(2, 0.25), 1, -2]);
  const points = new Float32Array(4);
  features.writePoints(x, 1, 1, points);
  expect(Array.from(points)).toEqual([1, -2, 0, 0]);
  expect(features.time(1)).toEqual(timeFeatureRow(2, 0.25));
});
