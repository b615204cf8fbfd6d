import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { mixtureFrame } from '../../src/closed-forms/mixture-frame.ts';
import { endQuadratics, type MixturePotential, potentialComponent } from '../../src/closed-forms/mixture-potential.ts';
import type { Spread } from '../../src/closed-forms/mixture-spread.ts';
import { evaluatePotential, sideMoments } from '../../src/closed-forms/mixture-step.ts';
import { randomSource } from '../../src/numerics/random.ts';

const random = randomSource(5);
const n = 4000;
const sample = () => ({
  points: { data: random.fillNormal(new Float64Array(2 * n)).map((v) => 0.4 + 1.5 * v), count: n, dimension: 2 },
  weights: new Float64Array(n).fill(1 / n),
});
const potentialOf = (spreads: readonly Spread[]): MixturePotential => ({
  dimension: 2,
  components: spreads.map((spread, k) => potentialComponent(0.3 * k, Float64Array.of(k - 0.5, 0.2 * k), spread)),
});

describe.each([
  ['diagonal', [Float64Array.of(0.5, 0.8), Float64Array.of(1.2, 0.3)], [Float64Array.of(0.6, 0.7), Float64Array.of(1.1, 0.4)]],
  [
    'full',
    [
      new Matrix([
        [0.5, 0.1],
        [0.1, 0.8],
      ]),
      new Matrix([
        [1.2, -0.2],
        [-0.2, 0.3],
      ]),
    ],
    [
      new Matrix([
        [0.6, 0.05],
        [0.05, 0.7],
      ]),
      new Matrix([
        [1.1, 0],
        [0, 0.4],
      ]),
    ],
  ],
] as const)('natural coordinates of %s potentials', (_, first, second) => {
  const [a, b] = [potentialOf(first), potentialOf(second)];
  const fit = evaluatePotential(a, sample(), sample(), 0);
  const frame = mixtureFrame(fit);

  test('lead back to the potential', () => {
    const back = frame.decode(frame.encode(b));
    back.components.forEach(({ logWeight, mean, covariance }, k) => {
      const own = b.components[k]!;
      expect(logWeight).toBeCloseTo(own.logWeight, 10);
      expect(mean[1]).toBeCloseTo(own.mean[1]!, 10);
      const entries = (s: Spread): number[] => (s instanceof Float64Array ? [...s] : s.to1DArray());
      entries(covariance).forEach((v, e) => {
        expect(v).toBeCloseTo(entries(own.covariance)[e]!, 10);
      });
    });
  });

  test('have for squared distance the mean squared difference of the terms', () => {
    const [u, v] = [frame.encode(a), frame.encode(b)];
    const square = u.reduce((sum, x, i) => sum + (x - v[i]!) ** 2, 0);
    const [qa, qb] = [endQuadratics(a), endQuadratics(b)];
    let expected = 0;
    [0, 1].forEach((k) => {
      const { mass, mean, covariance } = sideMoments(fit.target, k);
      const whole = covariance instanceof Float64Array ? Matrix.diag([...covariance]) : covariance;
      const draws = 200_000;
      const [l, m, o] = [Math.sqrt(whole.get(0, 0)), whole.get(1, 0) / Math.sqrt(whole.get(0, 0)), 0];
      const last = Math.sqrt(whole.get(1, 1) - m * m) + o;
      let sum = 0;
      for (let i = 0; i < draws; i++) {
        const [e, f] = [random.normal(), random.normal()];
        const y = [mean[0]! + l * e, mean[1]! + m * e + last * f];
        const at = ({ constants, linears, curvatures }: typeof qa): number => {
          const diagonal = curvatures.length === 4;
          const c = (r: number, s: number): number => (diagonal ? (r === s ? curvatures[2 * k + r]! : 0) : curvatures[4 * k + 2 * r + s]!);
          let value = constants[k]! + linears[2 * k]! * y[0]! + linears[2 * k + 1]! * y[1]!;
          for (const r of [0, 1]) for (const s of [0, 1]) value += 0.5 * c(r, s) * y[r]! * y[s]!;
          return value;
        };
        sum += (at(qa) - at(qb)) ** 2;
      }
      expected += (mass * sum) / draws;
    });
    // Monte Carlo, and the millionth that keeps covariances invertible.
    expect(Math.abs(square / expected - 1)).toBeLessThan(0.03);
  });
});
