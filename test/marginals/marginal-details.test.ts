import * as fc from 'fast-check';
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { DomainError, NotPositiveDefiniteError, ShapeError } from '../../src/errors.ts';
import {
  dataMarginal,
  discreteMarginal,
  gaussianMarginal,
  histogram,
  type Marginal,
  mixtureMarginal,
  sampledMarginal,
  shapes,
} from '../../src/marginals/index.ts';
import { allocatePoints, type Points, points, row } from '../../src/numerics/points.ts';
import { integrate } from '../../src/numerics/quadrature.ts';
import { type RandomSource, randomSource } from '../../src/numerics/random.ts';
import { marginalLaws } from '../laws/marginal-laws.ts';

const uniformSquare = (count: number, random: RandomSource): Points => {
  const out = allocatePoints(count, 2);
  for (let i = 0; i < out.data.length; i++) out.data[i] = random.uniform();
  return out;
};

marginalLaws('sampledMarginal with estimated moments', () => sampledMarginal({ dimension: 2, draw: uniformSquare }));
marginalLaws('sampledMarginal with exact moments', () =>
  sampledMarginal({ dimension: 2, draw: uniformSquare, mean: [0.5, 0.5], covariance: 1 / 12 }),
);
marginalLaws('gaussianMarginal of variance 0', () => {
  const { logDensity: _, ...rest } = gaussianMarginal({ mean: [3, 4], covariance: 0 });
  return rest;
});
marginalLaws('discreteMarginal of one point', () => discreteMarginal({ points: [[1, 2]], weights: [5] }));

describe('densities', () => {
  it.each([
    ['Gaussian', gaussianMarginal({ mean: [0.3], covariance: 0.5, mass: 2 })],
    [
      'mixture with a mass',
      mixtureMarginal({
        weights: [0.5, 2, 0],
        components: [
          gaussianMarginal({ mean: [-2], covariance: 0.3 }),
          gaussianMarginal({ mean: [1], covariance: 1, mass: 0.75 }),
          gaussianMarginal({ mean: [0], covariance: 0 }),
        ],
      }),
    ],
  ] as const)('%s: integrates to the mass, with its mean and variance', (_, marginal) => {
    const moment = (f: (x: number) => number): number => integrate((x) => f(x) * Math.exp(marginal.logDensity([[x]])[0]!), -12, 12, 60);
    expect(moment(() => 1)).toBeCloseTo(marginal.mass, 12);
    const mean = moment((x) => x) / marginal.mass;
    expect(mean).toBeCloseTo(marginal.mean()[0]!, 12);
    expect(moment((x) => (x - mean) ** 2) / marginal.mass).toBeCloseTo(marginal.covariance().get(0, 0), 11);
  });

  it('in the plane is the formula with inverse and determinant', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = randomSource(seed);
        const [a, b, c] = [random.normal(), random.normal(), random.normal()];
        const s = [
          [a * a + 0.1, a * b],
          [a * b, b * b + c * c + 0.1],
        ];
        const [x, y, m, n] = [random.normal(), random.normal(), random.normal(), random.normal()];
        const determinant = s[0]![0]! * s[1]![1]! - s[0]![1]! ** 2;
        const [u, v] = [x - m, y - n];
        const square = (s[1]![1]! * u * u - 2 * s[0]![1]! * u * v + s[0]![0]! * v * v) / determinant;
        const log = gaussianMarginal({ mean: [m, n], covariance: s }).logDensity([[x, y]])[0]!;
        const expected = -Math.log(2 * Math.PI) - 0.5 * Math.log(determinant) - 0.5 * square;
        expect(Math.abs(log - expected)).toBeLessThan(1e-10 * (1 + Math.abs(expected)));
      }),
      { seed: 1 },
    );
  });

  it('far out, where the density itself is 0 in doubles, the log is finite', () => {
    const far = mixtureMarginal({
      weights: [1, 1],
      components: [gaussianMarginal({ mean: [-1], covariance: 1 }), gaussianMarginal({ mean: [1], covariance: 1 })],
    });
    expect(far.logDensity([[100]])[0]).toBeCloseTo(-0.5 * 99 ** 2 - 0.5 * Math.log(2 * Math.PI), 8);
  });

  it('is absent where there is none', () => {
    for (const marginal of [histogram([1]), dataMarginal([[1]]), shapes.moons()] as Marginal[]) expect(marginal.logDensity).toBeUndefined();
  });
});

describe('what users hand in is copied', () => {
  it('points and weights', () => {
    const rows = [[0], [1]];
    const weights = Float64Array.of(1, 1);
    const given = points([[0], [1]]);
    const [one, two, three] = [discreteMarginal({ points: rows, weights }), dataMarginal(given), histogram(weights)];
    rows[1]![0] = 9;
    weights[1] = 9;
    given.data[1] = 9;
    for (const marginal of [one, two, three]) {
      expect(marginal.mean()[0]).toBe(0.5);
      expect(Object.isFrozen(marginal)).toBe(true);
    }
    expect(one.mass).toBe(2);
  });

  it('components and weights of mixtures, moments of sampled ones', () => {
    const components = [gaussianMarginal({ mean: [1], covariance: 1 })];
    const weights = [1];
    const mixture = mixtureMarginal({ weights, components });
    components.pop();
    weights[0] = 7;
    expect([mixture.mass, mixture.mean()[0], mixture.components.length]).toEqual([1, 1, 1]);
    const mean = [0.5, 0.5];
    const covariance = new Matrix([
      [1, 0],
      [0, 1],
    ]);
    const sampled = sampledMarginal({ dimension: 2, draw: uniformSquare, mean, covariance });
    mean[0] = 9;
    covariance.set(0, 0, 9);
    expect([sampled.mean()[0], sampled.covariance().get(0, 0)]).toEqual([0.5, 1]);
  });

  it('draws do not share memory with the support', () => {
    const marginal = dataMarginal([[1]]);
    marginal.sample(1, randomSource(1)).data[0] = 9;
    expect(marginal.points.data[0]).toBe(1);
  });
});

describe('kinds, masses and supports', () => {
  it('are as documented', () => {
    expect(histogram([1, 2, 3])).toMatchObject({ kind: 'histogram', dimension: 1, mass: 6 });
    expect(Array.from(histogram([1, 2, 3]).points.data)).toEqual([0, 1, 2]);
    expect(
      dataMarginal([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
    ).toMatchObject({ kind: 'discrete', dimension: 2, mass: 1 });
    expect(gaussianMarginal({ mean: [0], covariance: 1 })).toMatchObject({ kind: 'gaussian', mass: 1 });
    expect(shapes.moons()).toMatchObject({ kind: 'sampled', dimension: 2, mass: 1 });
    // The mass of a component is a factor of its weight: (0.5·(−2) + 2·0.75·1)/2.
    const components = [gaussianMarginal({ mean: [-2], covariance: 1 }), gaussianMarginal({ mean: [1], covariance: 1, mass: 0.75 })];
    const mixture = mixtureMarginal({ weights: [0.5, 2], components });
    expect([mixture.mass, mixture.mean()[0]]).toEqual([2, 0.25]);
    // Weights that sum to 1 up to rounding have mass 1.
    expect(discreteMarginal({ points: Array.from({ length: 10 }, (_, i) => [i]), weights: Array(10).fill(0.1) }).mass).toBe(1);
  });

  it('a covariance divides by n, not n − 1', () => {
    expect(
      dataMarginal([[0], [2]])
        .covariance()
        .get(0, 0),
    ).toBe(1);
  });
});

describe('sampledMarginal', () => {
  it('estimates absent moments once, when first asked', () => {
    let drawn = 0;
    const marginal = sampledMarginal({
      dimension: 2,
      draw(count, random) {
        drawn += count;
        return uniformSquare(count, random);
      },
    });
    expect(drawn).toBe(0);
    const first = marginal.mean();
    expect(drawn).toBe(100_000);
    marginal.covariance();
    expect(Array.from(marginal.mean())).toEqual(Array.from(first));
    expect(drawn).toBe(100_000);
    expect(Math.abs(first[0]! - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / 100_000));
  });
});

describe('shapes lie where their formulas say', () => {
  const n = 400;
  const radius = ([x, y]: Float64Array) => Math.hypot(x!, y!);
  const each = (marginal: Marginal, check: (at: Float64Array) => void): void => {
    const sample = marginal.sample(n, randomSource(3));
    for (let i = 0; i < n; i++) check(row(sample, i));
  };

  it('moons: on two half circles', () => {
    each(shapes.moons({ noise: 0 }), ([x, y]) => {
      const upper = y! >= -1e-12 && Math.abs(Math.hypot(x!, y!) - 1) < 1e-12;
      const lower = y! <= 0.5 + 1e-12 && Math.abs(Math.hypot(x! - 1, y! - 0.5) - 1) < 1e-12;
      expect(upper || lower).toBe(true);
    });
  });

  it('S: on two circles of radius 1 about (0, ±1)', () => {
    each(shapes.sCurve({ noise: 0 }), ([x, y]) => {
      expect(Math.min(Math.abs(Math.hypot(x!, y! + 1) - 1), Math.abs(Math.hypot(x!, y! - 1) - 1))).toBeLessThan(1e-12);
    });
  });

  it('swiss roll: angle and radius agree, 0.15π to 0.45π', () => {
    const angles: number[] = [];
    each(shapes.swissRoll({ noise: 0 }), (at) => {
      const s = 10 * radius(at);
      angles.push(s);
      expect(s).toBeGreaterThanOrEqual(1.5 * Math.PI - 1e-9);
      expect(s).toBeLessThanOrEqual(4.5 * Math.PI + 1e-9);
      expect(at[0]).toBeCloseTo(radius(at) * Math.cos(s), 10);
      expect(at[1]).toBeCloseTo(radius(at) * Math.sin(s), 10);
    });
    expect([Math.min(...angles) < 1.6 * Math.PI, Math.max(...angles) > 4.4 * Math.PI]).toEqual([true, true]);
  });

  it('circles: radius 1 or ½', () => {
    each(shapes.circles({ noise: 0 }), (at) => expect(Math.min(Math.abs(radius(at) - 1), Math.abs(radius(at) - 0.5))).toBeLessThan(1e-12));
  });

  it('checkerboard: in [−1, 1]², on squares of one colour, every one of the eight', () => {
    const squares = new Set<string>();
    each(shapes.checkerboard(), ([x, y]) => {
      const [column, line] = [Math.floor(2 * (x! + 1)), Math.floor(2 * (y! + 1))];
      expect(column >= 0 && column < 4 && line >= 0 && line < 4 && (column + line) % 2 === 0).toBe(true);
      squares.add(`${column} ${line}`);
    });
    expect(squares.size).toBe(8);
  });

  it('spirals: two arms, radius proportional to the angle', () => {
    each(shapes.spirals({ noise: 0 }), (at) => {
      const s = radius(at) * 3 * Math.PI;
      expect(s).toBeLessThanOrEqual(3 * Math.PI + 1e-9);
      expect(Math.abs(Math.abs(at[0]!) - radius(at) * Math.abs(Math.cos(s)))).toBeLessThan(1e-10);
    });
  });

  it('pinwheel: five-fold symmetric, so without mean', () => {
    const sample = shapes.pinwheel().sample(5 * 4000, randomSource(4));
    const mean = [0, 0];
    sample.data.forEach((x, p) => {
      mean[p % 2]! += x / sample.count;
    });
    // |x| is about 1 and has variance ½ in each coordinate.
    for (const m of mean) expect(Math.abs(m)).toBeLessThan(5 * Math.sqrt(0.6 / sample.count));
  });

  it('noise and scale: point = scale · (position + noise · z)', () => {
    const spread = shapes.eightGaussians({ noise: 0.3, scale: 5 }).covariance();
    // Var = 25 (½ + 0.09); estimated from 100 000 draws.
    expect(Math.abs(spread.get(0, 0) / (25 * 0.59) - 1)).toBeLessThan(0.02);
    expect(Math.abs(spread.get(0, 1))).toBeLessThan(0.3);
  });

  it('single draws have the law of the shape, not always the first mode', () => {
    const modes = new Set<number>();
    for (let seed = 0; seed < 200; seed++) {
      const [x, y] = row(shapes.eightGaussians({ noise: 0 }).sample(1, randomSource(seed)), 0);
      modes.add(Math.round((4 * Math.atan2(y!, x!)) / Math.PI + 8) % 8);
    }
    expect(modes.size).toBe(8);
  });
});

describe('bad input is refused by name', () => {
  const unit = gaussianMarginal({ mean: [0], covariance: 1 });
  const draw = uniformSquare;
  it.each([
    ['negative count', () => unit.sample(-1, randomSource(1)), DomainError, /gaussianMarginal\.sample: count/],
    ['fractional count', () => unit.sample(2.5, randomSource(1)), DomainError, /whole number/],
    ['count NaN of points', () => histogram([1]).sample(Number.NaN, randomSource(1)), DomainError, /count/],
    ['count 0 of a mixture', () => mixtureMarginal({ weights: [1], components: [unit] }).sample(0, randomSource(1)), DomainError, /count/],
    ['count 0 of a shape', () => shapes.moons().sample(0, randomSource(1)), DomainError, /count/],
    ['density in another dimension', () => unit.logDensity([[1, 2]]), ShapeError, /dimension 2, expected 1/],
    ['mass ∞', () => gaussianMarginal({ mean: [0], covariance: 1, mass: Number.POSITIVE_INFINITY }), DomainError, /mass/],
    ['negative weight', () => histogram([1, -1]), DomainError, /weight 1 is -1/],
    ['NaN weight', () => discreteMarginal({ points: [[0]], weights: [Number.NaN] }), DomainError, /weight 0 is NaN/],
    ['empty histogram', () => histogram([]), ShapeError, /at least one/],
    ['no points', () => discreteMarginal({ points: [] }), ShapeError, /discreteMarginal: points/],
    ['no data', () => dataMarginal([]), ShapeError, /^dataMarginal/],
    ['mixture of nothing', () => mixtureMarginal({ weights: [], components: [] }), ShapeError, /at least one/],
    ['mixture weight < 0', () => mixtureMarginal({ weights: [-1], components: [unit] }), DomainError, /weight 0 is -1/],
    ['mixture of weight 0', () => mixtureMarginal({ weights: [0], components: [unit] }), DomainError, /all weights are zero/],
    ['dimension 0', () => sampledMarginal({ dimension: 0, draw }), DomainError, /dimension/],
    ['no draw', () => sampledMarginal({ dimension: 2 } as never), DomainError, /draw must be a function, got undefined/],
    ['indefinite covariance', () => sampledMarginal({ dimension: 2, draw, covariance: -1 }), NotPositiveDefiniteError, /negative/],
    ['mean of another dimension', () => sampledMarginal({ dimension: 2, draw, mean: [1] }), ShapeError, /mean/],
    [
      'NaN drawn',
      () =>
        sampledMarginal({ dimension: 1, draw: () => ({ data: Float64Array.of(Number.NaN), count: 1, dimension: 1 }) }).sample(
          1,
          randomSource(1),
        ),
      DomainError,
      /draw/,
    ],
    ['scale 0', () => shapes.spirals({ scale: 0 }), DomainError, /shapes\.spirals: scale/],
    ['unknown shape option', () => shapes.circles({ radius: 2 } as never), DomainError, /'radius'/],
  ] as const)('%s', (_, call, type, words) => {
    expect(call).toThrow(type);
    expect(call).toThrow(words);
  });
});
