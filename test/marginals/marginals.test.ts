import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { DomainError, NotPositiveDefiniteError, ShapeError } from '../../src/errors.ts';
import {
  dataMarginal,
  discreteMarginal,
  gaussianMarginal,
  histogram,
  mixtureMarginal,
  sampledMarginal,
  shapes,
} from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { marginalLaws } from '../laws/marginal-laws.ts';

const tilted = [
  [2, 0.6],
  [0.6, 0.5],
];
const mixture = () =>
  mixtureMarginal({
    weights: [0.3, 0.7],
    components: [gaussianMarginal({ mean: [-2, 0], covariance: tilted }), gaussianMarginal({ mean: [1, 1], covariance: 0.3 })],
  });

marginalLaws('gaussianMarginal', () => gaussianMarginal({ mean: [1, -2], covariance: tilted }));
marginalLaws('gaussianMarginal with mass', () => gaussianMarginal({ mean: [1], covariance: 2, mass: 3 }));
marginalLaws('singular gaussianMarginal', () => {
  const marginal = gaussianMarginal({
    mean: [0, 0],
    covariance: [
      [1, 1],
      [1, 1],
    ],
  });
  const { logDensity: _, ...rest } = marginal;
  return rest;
});
marginalLaws('discreteMarginal', () =>
  discreteMarginal({
    points: [
      [0, 1],
      [2, 3],
      [5, 1],
    ],
    weights: [0.2, 0, 0.8],
  }),
);
marginalLaws('histogram', () => histogram([1, 2, 3]));
marginalLaws('dataMarginal', () => dataMarginal([[0], [1], [4]]));
marginalLaws('mixtureMarginal', mixture);
for (const name of ['moons', 'sCurve', 'swissRoll', 'eightGaussians', 'checkerboard', 'circles', 'pinwheel', 'spirals'] as const) {
  marginalLaws(`shapes.${name}`, () => shapes[name]({ scale: 2 }));
}

describe('gaussianMarginal', () => {
  it('has the density of the textbook', () => {
    const log = gaussianMarginal({ mean: [1], covariance: 4, mass: 2 }).logDensity([[3]])[0]!;
    expect(log).toBeCloseTo(Math.log(2) - 0.5 * Math.log(2 * Math.PI * 4) - 0.5, 14);
  });
  it('keeps what it was given, whatever happens to the arguments', () => {
    const mean = [1, 2];
    const covariance = new Matrix(tilted);
    const marginal = gaussianMarginal({ mean, covariance });
    mean[0] = 9;
    covariance.set(0, 0, 9);
    expect(marginal.mean()[0]).toBe(1);
    expect(marginal.covariance().get(0, 0)).toBe(2);
  });
});

describe('mixtureMarginal', () => {
  it('has the mean and covariance of its parts', () => {
    const mean = mixture().mean();
    expect(mean[0]).toBeCloseTo(0.3 * -2 + 0.7, 14);
    expect(mixture().covariance().get(0, 0)).toBeCloseTo(0.3 * (2 + (-2 - mean[0]!) ** 2) + 0.7 * (0.3 + (1 - mean[0]!) ** 2), 13);
  });
});

describe('discreteMarginal', () => {
  it('never draws a point of weight zero, the last one included', () => {
    const marginal = discreteMarginal({ points: [[0], [1], [2]], weights: [0, 1, 0] });
    expect(new Set(marginal.sample(1000, randomSource(1)).data)).toEqual(new Set([1]));
  });
  it('is uniform by default', () => {
    expect(Array.from(discreteMarginal({ points: [[0], [1], [2], [3]] }).weights)).toEqual([0.25, 0.25, 0.25, 0.25]);
  });
});

describe('eightGaussians', () => {
  it('takes the modes in turn', () => {
    const { data } = shapes.eightGaussians({ noise: 0 }).sample(16, randomSource(2));
    const angles = Array.from({ length: 16 }, (_, i) => Math.round((4 * Math.atan2(data[2 * i + 1]!, data[2 * i]!)) / Math.PI));
    for (let i = 0; i < 8; i++) expect(((angles[i + 8]! - angles[i]!) % 8) + 0).toBe(0);
    expect(new Set(angles.slice(0, 8).map((a) => (a + 8) % 8)).size).toBe(8);
  });
});

describe('bad input is refused by name', () => {
  it.each([
    [
      'indefinite',
      () =>
        gaussianMarginal({
          mean: [0, 0],
          covariance: [
            [1, 2],
            [2, 1],
          ],
        }),
      NotPositiveDefiniteError,
      /negative/,
    ],
    [
      'asymmetric',
      () =>
        gaussianMarginal({
          mean: [0, 0],
          covariance: [
            [1, 0.5],
            [0, 1],
          ],
        }),
      NotPositiveDefiniteError,
      /symmetric/,
    ],
    ['negative variance', () => gaussianMarginal({ mean: [0], covariance: -1 }), NotPositiveDefiniteError, /negative/],
    ['NaN mean', () => gaussianMarginal({ mean: [Number.NaN], covariance: 1 }), DomainError, /mean/],
    ['wrong covariance shape', () => gaussianMarginal({ mean: [0, 0], covariance: [[1]] }), ShapeError, /covariance/],
    ['mass 0', () => gaussianMarginal({ mean: [0], covariance: 1, mass: 0 }), DomainError, /mass/],
    [
      'density of a singular Gaussian',
      () => gaussianMarginal({ mean: [0], covariance: 0 }).logDensity([[0]]),
      NotPositiveDefiniteError,
      /singular/,
    ],
    ['unknown option', () => gaussianMarginal({ mean: [0], covariance: 1, variance: 2 } as never), DomainError, /'variance'/],
    ['weights of another number', () => discreteMarginal({ points: [[0]], weights: [1, 1] }), ShapeError, /weights/],
    ['weights that are text', () => discreteMarginal({ points: [[0]], weights: ['1'] as never }), DomainError, /the text '1'/],
    ['a weight that is null', () => histogram([1, null] as never), DomainError, /weight 1 is null/],
    ['weights whose sum overflows', () => histogram([1e308, 1e308]), DomainError, /overflows/],
    ['a mean that is text', () => gaussianMarginal({ mean: ['1'] as never, covariance: 1 }), DomainError, /entry 0 is 1/],
    ['no weights', () => histogram(undefined as never), ShapeError, /expected an array of weights/],
    ['all weights zero', () => histogram([0, 0]), DomainError, /zero/],
    ['ragged rows', () => discreteMarginal({ points: [[0], [1, 2]] }), ShapeError, /row 1/],
    ['infinite point', () => discreteMarginal({ points: [[Number.POSITIVE_INFINITY]] }), DomainError, /row 0/],
    ['text', () => discreteMarginal({ points: [['a']] as never }), DomainError, /the text 'a'/],
    ['mixture of other things', () => mixtureMarginal({ weights: [1], components: [histogram([1])] as never }), DomainError, /Gaussian/],
    [
      'mixture of two dimensions',
      () =>
        mixtureMarginal({
          weights: [1, 1],
          components: [gaussianMarginal({ mean: [0], covariance: 1 }), gaussianMarginal({ mean: [0, 0], covariance: 1 })],
        }),
      ShapeError,
      /dimension/,
    ],
    [
      'draw of another shape',
      () => sampledMarginal({ dimension: 2, draw: (count) => ({ data: new Float64Array(count), count, dimension: 1 }) }).mean(),
      ShapeError,
      /draw/,
    ],
    ['noise < 0', () => shapes.moons({ noise: -1 }), DomainError, /noise/],
  ] as const)('%s', (_, call, type, words) => {
    expect(call).toThrow(type);
    expect(call).toThrow(words);
  });
});
