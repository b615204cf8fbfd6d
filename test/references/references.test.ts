import { expm, matrix as mathMatrix } from 'mathjs';
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { DomainError, NotPositiveDefiniteError, ShapeError } from '../../src/errors.ts';
import { matrixExponential } from '../../src/numerics/matrix-exponential.ts';
import { integrate } from '../../src/numerics/quadrature.ts';
import {
  brownian,
  dsbReference,
  linearReference,
  ornsteinUhlenbeck,
  schedules,
  subVariancePreserving,
  timeGrid,
  varianceExploding,
  variancePreserving,
} from '../../src/references/index.ts';
import { referenceLaws } from '../laws/reference-laws.ts';

referenceLaws('brownian', brownian({ sigma: 0.7, horizon: 2 }));
referenceLaws('ornsteinUhlenbeck', ornsteinUhlenbeck({ rate: 1.3, sigma: 0.9, mean: 0.4 }));
referenceLaws('ornsteinUhlenbeck with a mean vector', ornsteinUhlenbeck({ rate: 0.6, sigma: 1, mean: [1, -2], horizon: 1.5 }));
referenceLaws('varianceExploding', varianceExploding({ sigmaMin: 0.1, sigmaMax: 3 }));
referenceLaws('variancePreserving', variancePreserving({ betaMin: 0.1, betaMax: 8 }));
referenceLaws('subVariancePreserving', subVariancePreserving({ betaMin: 0.1, betaMax: 8 }));
referenceLaws(
  'linearReference',
  linearReference({
    drift: [
      [-0.5, 1],
      [-0.8, 0.2],
    ],
    bias: [0.3, -0.1],
    diffusion: [
      [1, 0],
      [0.4, 0.6],
    ],
    horizon: 1.2,
  }),
);

describe('closed coefficients against quadrature', () => {
  it.each([
    ['sub-VP', subVariancePreserving({ betaMin: 0.1, betaMax: 8 })],
    ['VP', variancePreserving({ betaMin: 0.1, betaMax: 8 })],
    ['VE', varianceExploding({ sigmaMin: 0.1, sigmaMax: 3 })],
    ['OU', ornsteinUhlenbeck({ rate: 1.5, sigma: Math.SQRT2, mean: 0.4 })],
  ] as const)('%s', (_, reference) => {
    for (const [s, t] of [
      [0, 0.37],
      [0.2, 0.9],
      [0.5, 0.5001],
    ] as const) {
      const rate = (u: number): number => reference.driftCoefficients(u).matrix.get(0, 0);
      const { matrix, covariance } = reference.transition(s, t);
      expect(matrix.get(0, 0)).toBeCloseTo(Math.exp(integrate(rate, s, t)), 12);
      const noise = integrate((u) => Math.exp(2 * integrate(rate, u, t, 2)) * reference.diffusionCovariance(u).get(0, 0), s, t);
      expect(covariance.get(0, 0) / noise).toBeCloseTo(1, 9);
    }
  });
});

describe('matrix exponential', () => {
  it('agrees with mathjs and with a rotation', () => {
    const m = [
      [0.3, -1.2, 0.5],
      [2, 0.1, 0],
      [-0.7, 0.4, 1.1],
    ];
    const other = expm(mathMatrix(m)).toArray() as number[][];
    matrixExponential(new Matrix(m))
      .to2DArray()
      .forEach((row, i) => row.forEach((x, j) => expect(x).toBeCloseTo(other[i]![j]!, 11)));
    const turned = matrixExponential(
      new Matrix([
        [0, -40],
        [40, 0],
      ]),
    );
    expect(turned.get(0, 0)).toBeCloseTo(Math.cos(40), 11);
  });
});

describe('dsbReference', () => {
  it('is the chain of the paper, uneven steps included', () => {
    const { reference, grid } = dsbReference({ rate: 0.8, mean: 0.3 }, [0.01, 0.1, 0.05]);
    const chain = reference.discretise(grid);
    grid.durations.forEach((gamma, k) => {
      const { matrix, offset, covariance } = chain.kernel(k);
      expect(matrix.get(0, 0)).toBeCloseTo(1 - 0.8 * gamma, 14);
      expect(offset[0]).toBeCloseTo(0.8 * gamma * 0.3, 14);
      expect(covariance.get(0, 0)).toBeCloseTo(2 * gamma, 14);
    });
  });
  it('is Brownian with ε = 2T for rate 0', () => {
    const { reference } = dsbReference({}, [0.1, 0.2]);
    expect(reference.kind).toBe('brownian');
    expect(reference.effectiveEpsilon).toBeCloseTo(0.6, 14);
  });
});

describe('time grids and schedules', () => {
  it('reverse twice is the same grid', () => {
    const grid = timeGrid.fromSteps([0.1, 0.2, 0.7]);
    expect(Array.from(grid.reverse().durations)).toEqual([0.7, 0.2, 0.1]);
    expect(Array.from(grid.reverse().reverse().times)).toEqual(Array.from(grid.times));
    expect(timeGrid.uniform({ steps: 7, horizon: 3 }).times[7]).toBe(3);
  });
  it('symmetric schedules rise and fall, odd ones peak in the middle', () => {
    expect(Array.from(schedules.symmetric({ min: 1, max: 3, steps: 6 }))).toEqual([1, 2, 3, 3, 2, 1]);
    expect(Array.from(schedules.symmetric({ min: 1, max: 3, steps: 5 }))).toEqual([1, 2, 3, 2, 1]);
    const geometric = schedules.symmetric({ min: 1, max: 4, steps: 6, spacing: 'geometric' });
    expect(geometric[1]).toBeCloseTo(2, 12);
  });
});

describe('bad input is refused by name', () => {
  it.each([
    ['sigma 0', () => brownian({ sigma: 0 }), DomainError, /sigma/],
    ['rate 0', () => ornsteinUhlenbeck({ rate: 0, sigma: 1 }), DomainError, /brownian/],
    ['sigmaMax below sigmaMin', () => varianceExploding({ sigmaMin: 2, sigmaMax: 1 }), DomainError, /sigmaMax/],
    ['betaMax below betaMin', () => variancePreserving({ betaMin: 2, betaMax: 1 }), DomainError, /betaMax/],
    ['drift not square', () => linearReference({ drift: [[1, 2]], diffusion: [[1]] }), ShapeError, /drift/],
    [
      'singular diffusion',
      () =>
        linearReference({
          drift: [
            [0, 0],
            [0, 0],
          ],
          diffusion: [
            [1, 0],
            [0, 0],
          ],
        }),
      NotPositiveDefiniteError,
      /diffusion/,
    ],
    ['step 0', () => timeGrid.fromSteps([0.1, 0]), DomainError, /step 1/],
    ['steps 1.5', () => timeGrid.uniform({ steps: 1.5 }), DomainError, /steps/],
    ['unknown option', () => brownian({ sigma: 1, T: 2 } as never), DomainError, /'T'/],
    ['points of another dimension', () => linearReference({ drift: [[0]], diffusion: [[1]] }).drift(0, [[1, 2]]), ShapeError, /dimension/],
    ['mean without rate', () => dsbReference({ mean: 1 }, [0.1]), DomainError, /mean/],
    [
      'unknown scheme',
      () => brownian({ sigma: 1 }).discretise(timeGrid.uniform({ steps: 2 }), { scheme: 'heun' as never }),
      DomainError,
      /heun/,
    ],
  ] as const)('%s', (_, call, type, words) => {
    expect(call).toThrow(type);
    expect(call).toThrow(words);
  });
});
