import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { composeKernels, type GaussianKernel } from '../../src/numerics/affine.ts';
import type { Reference } from '../../src/references/reference.ts';
import { timeGrid } from '../../src/references/time-grid.ts';

function expectKernel(actual: GaussianKernel, expected: GaussianKernel, digits: number): void {
  for (const part of ['matrix', 'covariance'] as const) {
    Matrix.sub(actual[part], expected[part])
      .to1DArray()
      .forEach((x) => expect(x).toBeCloseTo(0, digits));
  }
  actual.offset.forEach((x, i) => expect(x).toBeCloseTo(expected.offset[i]!, digits));
}

/** What every linear reference obeys. */
export function referenceLaws(name: string, reference: Reference, dimension = 2): void {
  const T = reference.horizon;
  const times = [0.1, 0.35, 0.8].map((share) => share * T);

  describe(`${name} as a reference`, () => {
    it('composes (Chapman–Kolmogorov)', () => {
      const [s, t, u] = times as [number, number, number];
      const composed = composeKernels(reference.transition(s, t, dimension), reference.transition(t, u, dimension));
      expectKernel(composed, reference.transition(s, u, dimension), 12);
    });

    it('stays where it is for no time', () => {
      const { matrix, covariance } = reference.transition(times[1]!, times[1]!, dimension);
      expect(matrix.to2DArray()).toEqual(Matrix.eye(dimension).to2DArray());
      expect(covariance.to1DArray().every((x) => x === 0)).toBe(true);
    });

    it('moves as its drift and diffusion say, to first order', () => {
      const h = 1e-6 * T;
      for (const t of times) {
        const { matrix, offset, covariance } = reference.transition(t, t + h, dimension);
        const own = reference.driftCoefficients(t, dimension);
        const noise = reference.diffusionCovariance(t, dimension);
        for (let i = 0; i < dimension; i++) {
          expect(offset[i]! / h).toBeCloseTo(own.offset[i]!, 3);
          for (let j = 0; j < dimension; j++) {
            expect((matrix.get(i, j) - (i === j ? 1 : 0)) / h).toBeCloseTo(own.matrix.get(i, j), 3);
            expect(covariance.get(i, j) / h).toBeCloseTo(noise.get(i, j), 3);
          }
        }
      }
      const x = [Array.from({ length: dimension }, (_, k) => 0.3 + k)];
      const own = reference.driftCoefficients(times[0]!, dimension);
      const expected = own.matrix
        .mmul(Matrix.columnVector(x[0]!))
        .to1DArray()
        .map((v, i) => v + own.offset[i]!);
      Array.from(reference.drift(times[0]!, x).data).forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 12));
    });

    it('has bridges that are the conditional law of the middle', () => {
      const [s, t, u] = times as [number, number, number];
      const bridge = reference.bridge(s, t, u, dimension);
      // Mixing the bridge over the end gives back the transition to the middle.
      const whole = reference.transition(s, u, dimension);
      const mixed: GaussianKernel = {
        matrix: Matrix.add(bridge.fromStart, bridge.fromEnd.mmul(whole.matrix)),
        offset: Float64Array.from(
          bridge.offset,
          (b, i) => b + bridge.fromEnd.mmul(Matrix.columnVector(Array.from(whole.offset))).get(i, 0),
        ),
        covariance: Matrix.add(bridge.covariance, bridge.fromEnd.mmul(whole.covariance).mmul(bridge.fromEnd.transpose())),
      };
      expectKernel(mixed, reference.transition(s, t, dimension), 11);
      // Cov(middle, end) through the bridge and directly.
      const direct = reference.transition(s, t, dimension).covariance.mmul(reference.transition(t, u, dimension).matrix.transpose());
      Matrix.sub(bridge.fromEnd.mmul(whole.covariance), direct)
        .to1DArray()
        .forEach((x) => expect(x).toBeCloseTo(0, 11));
    });

    it('is discretised by its own formulas', () => {
      const grid = timeGrid.fromSteps([0.2, 0.5, 0.3].map((share) => share * T));
      const euler = reference.discretise(grid);
      const own = reference.driftCoefficients(grid.times[1]!, dimension);
      const kernel = euler.kernel(1, dimension);
      expectKernel(
        kernel,
        {
          matrix: Matrix.add(Matrix.eye(dimension), Matrix.mul(own.matrix, grid.durations[1]!)),
          offset: own.offset.map((b) => b * grid.durations[1]!),
          covariance: reference.diffusionCovariance(grid.times[1]!, dimension).mul(grid.durations[1]!),
        },
        12,
      );
      const exact = reference.discretise(grid, { scheme: 'exact' });
      expectKernel(exact.transition(0, 3, dimension), reference.transition(0, T, dimension), 11);
      if (reference.effectiveEpsilon !== undefined) {
        const { matrix, covariance } = reference.transition(0, T, dimension);
        expect(reference.effectiveEpsilon).toBeCloseTo(covariance.get(0, 0) / matrix.get(0, 0), 12);
        expect(exact.effectiveEpsilon).toBeCloseTo(reference.effectiveEpsilon, 10);
      }
    });

    it('refuses times outside its horizon and grids of another one', () => {
      expect(() => reference.transition(0, 2 * T, dimension)).toThrow(/outside/);
      expect(() => reference.transition(0.5 * T, 0.2 * T, dimension)).toThrow(/s ≤ t/);
      expect(() => reference.discretise(timeGrid.uniform({ steps: 3, horizon: 3 * T }))).toThrow(/horizon/);
    });
  });
}
