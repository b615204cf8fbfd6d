import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { markovianProjection } from '../../src/closed-forms/imf-process.ts';
import { gradedMesh, integrate } from '../../src/numerics/quadrature.ts';

const line = (A: number, B: number, C: number, gap = 0) => ({
  sourceMean: Float64Array.of(0),
  targetMean: Float64Array.of(gap),
  sourceCovariance: new Matrix([[A]]),
  targetCovariance: new Matrix([[B]]),
  crossCovariance: new Matrix([[C]]),
});

/** c' = h·exp(−(ε/2h)·arccos(x)/√(1−x²)), h = √(AB), x = (2c + ε)/(2h). */
function scalarMap(c: number, A: number, B: number, epsilon: number): number {
  const h = Math.sqrt(A * B);
  const x = (2 * c + epsilon) / (2 * h);
  const angle = x < 1 ? Math.acos(x) / Math.sqrt(1 - x * x) : Math.acosh(x) / Math.sqrt(x * x - 1);
  return h * Math.exp((-epsilon / (2 * h)) * angle);
}

describe('the Markovian projection', () => {
  const cases = [
    [1, 1],
    [1, 0.01],
    [1e-3, 5],
  ].flatMap(([A, B]) => [1e-2, 1, 10, 100].map((epsilon) => [A!, B!, epsilon] as const));

  it.each(cases)('has the closed form on the line, however stiff: A = %d, B = %d, ε = %d', (A, B, epsilon) => {
    for (const C of [0, 0.4 * Math.sqrt(A * B)]) {
      const { joint } = markovianProjection(line(A, B, C), epsilon, 1);
      expect(Math.abs(joint.crossCovariance.get(0, 0) - scalarMap(C, A, B, epsilon)) / Math.sqrt(A * B)).toBeLessThan(2e-11);
    }
  });

  it('composes: Cov(X_s, X_t) = Σ_s Φᵀ, and the flow over the whole horizon is the coupling', () => {
    const process = markovianProjection(line(1.3, 0.4, 0.2), 0.8, 2);
    const step = (s: number, t: number): number => process.crossCovariance(s, t).get(0, 0) / process.covariance(s).get(0, 0);
    expect(step(0, 0.7) * step(0.7, 1.1) * step(1.1, 2)).toBeCloseTo(step(0, 2), 11);
    expect(process.crossCovariance(0, 2).get(0, 0)).toBeCloseTo(process.joint.crossCovariance.get(0, 0), 12);
    expect(process.crossCovariance(0.7, 0.7).get(0, 0)).toBeCloseTo(process.covariance(0.7).get(0, 0), 14);
  });

  it.each([0.3, 30, 3000])('spends E∫|f|²dt/(2σ²), ε = %d', (epsilon) => {
    const process = markovianProjection(line(0.7, 1.9, 0.3, 1.5), epsilon, 2);
    const power = (t: number): number => {
      const { matrix, offset } = process.drift(t);
      const mean = matrix.get(0, 0) * process.mean(t)[0]! + offset[0]!;
      return mean * mean + matrix.get(0, 0) ** 2 * process.covariance(t).get(0, 0);
    };
    // 4000 equal panels resolve what a graded mesh of ten does.
    expect(process.energy() / (integrate(power, 0, 2, 4000) / (2 * (epsilon / 2)))).toBeCloseTo(1, 10);
  });
});

describe('the graded mesh', () => {
  it('halves towards both ends down to the scales given', () => {
    expect(gradedMesh(1, 1)).toEqual([0, 0.125, 0.25, 0.5, 0.75, 0.875, 1]);
    const fine = gradedMesh(1e-3, 0.3);
    expect(fine[1]).toBe(2 ** -10);
    expect(fine.at(-2)).toBe(0.875);
    for (let i = 1; i < fine.length; i++) expect(fine[i]).toBeGreaterThan(fine[i - 1]!);
  });
});
