import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { parameterGradient, parametersOf, potentialFrom } from '../../src/closed-forms/mixture-gradient.ts';
import {
  carriedQuadratics,
  endQuadratics,
  type MixturePotential,
  potentialComponent,
  startQuadratics,
} from '../../src/closed-forms/mixture-potential.ts';
import { gradientOf, hessianAt, termMoments, termShares } from '../../src/closed-forms/mixture-quadratics.ts';
import { conditionalSpread, type Spread, sandwichSpread, wholeSpread } from '../../src/closed-forms/mixture-spread.ts';
import { descentStep, evaluatePotential, sideMoments } from '../../src/closed-forms/mixture-step.ts';
import { toPoints, wrapPoints } from '../../src/numerics/points.ts';
import { integrate } from '../../src/numerics/quadrature.ts';
import { type RandomSource, randomSource } from '../../src/numerics/random.ts';
import { randomCovariance } from '../laws/random-gaussians.ts';

const SHAPES = ['diagonal', 'full'] as const;

function randomPotential(dimension: number, components: number, shape: 'diagonal' | 'full', random: RandomSource): MixturePotential {
  const spread = (): Spread => {
    const whole = randomCovariance(dimension, random).mul(0.4);
    return shape === 'full' ? whole : Float64Array.from(whole.diagonal());
  };
  return {
    dimension,
    components: Array.from({ length: components }, () =>
      potentialComponent(random.normal() / 2, random.fillNormal(new Float64Array(dimension)), spread()),
    ),
  };
}

function sample(count: number, dimension: number, random: RandomSource) {
  const weights = Float64Array.from({ length: count }, () => 0.5 + random.uniform());
  const sum = weights.reduce((a, b) => a + b, 0);
  return { points: wrapPoints(random.fillNormal(new Float64Array(count * dimension)), dimension), weights: weights.map((w) => w / sum) };
}

describe('functions of a potential on the line, against quadrature', () => {
  const potential: MixturePotential = {
    dimension: 1,
    components: [
      potentialComponent(-0.3, Float64Array.of(0.7), Float64Array.of(0.6)),
      potentialComponent(0.2, Float64Array.of(-1.1), Float64Array.of(2.3)),
      potentialComponent(-1, Float64Array.of(0.1), Float64Array.of(0.04)),
    ],
  };
  const density = (y: number): number =>
    potential.components.reduce((sum, { logWeight, mean, covariance }) => {
      const v = wholeSpread(covariance).get(0, 0);
      return sum + (Math.exp(logWeight) * Math.exp((-0.5 * (y - mean[0]!) ** 2) / v)) / Math.sqrt(2 * Math.PI * v);
    }, 0);

  test('v itself', () => {
    for (const y of [-2, 0.1, 1.3])
      expect(termShares(endQuadratics(potential), toPoints('', [[y]])).values[0]).toBeCloseTo(Math.log(density(y)), 12);
  });

  test('c(x) = ∫ e^{xy} v(y) dy', () => {
    for (const x of [-1.5, 0, 2]) {
      const expected = Math.log(integrate((y) => Math.exp(x * y) * density(y), -30, 30, 400));
      expect(termShares(startQuadratics(potential), toPoints('', [[x]])).values[0]).toBeCloseTo(expected, 11);
    }
  });

  test('φ_t(p) = ∫ N(y; p, 1 − s) e^{y²/2} v(y) dy with its drift, though a component is wider than the noise', () => {
    for (const s of [0.02, 0.3, 0.8, 0.97]) {
      const phi = (p: number): number =>
        Math.log(integrate((y) => Math.exp((-0.5 * (y - p) ** 2) / (1 - s) + (y * y) / 2) * density(y), -25, 25, 800) / Math.sqrt(1 - s));
      const q = carriedQuadratics(potential, s);
      for (const p of [-1.4, 0.3, 2]) {
        const at = toPoints('', [[p]]);
        expect(termShares(q, at).values[0]).toBeCloseTo(phi(p), 9);
        expect(gradientOf(q, at).data[0]).toBeCloseTo((phi(p + 1e-4) - phi(p - 1e-4)) / 2e-4, 6);
      }
    }
  });

  test('both ends: log c(p) − ½p² at s = 0, log v(p) + ½p² at s = 1', () => {
    const at = toPoints('', [[0.9]]);
    expect(termShares(carriedQuadratics(potential, 0), at).values[0]).toBeCloseTo(
      termShares(startQuadratics(potential), at).values[0]! - 0.405,
      13,
    );
    const end = termShares(carriedQuadratics(potential, 1), at).values[0]!;
    expect(end).toBeCloseTo(Math.log(density(0.9)) + 0.405 + 0.5 * Math.log(2 * Math.PI), 12);
  });
});

test('a matrix for the passed noise does what the number does', () => {
  const random = randomSource(3);
  const potential = randomPotential(3, 2, 'full', random);
  const p = wrapPoints(random.fillNormal(new Float64Array(12)), 3);
  for (const s of [0, 0.4, 1]) {
    const [number, matrix] = [carriedQuadratics(potential, s), carriedQuadratics(potential, Matrix.eye(3, 3, s))];
    const [a, b] = [termShares(number, p).values, termShares(matrix, p).values];
    a.forEach((value, i) => {
      expect(b[i]).toBeCloseTo(value, 10);
    });
  }
});

describe.each(SHAPES)('%s quadratics', (shape) => {
  const random = randomSource(5);
  const potential = randomPotential(3, 4, shape, random);
  const q = startQuadratics(potential);

  test('gradient and Hessian are derivatives', () => {
    const z = random.fillNormal(new Float64Array(3));
    const at = (k: number, h: number) =>
      wrapPoints(
        z.map((value, i) => (i === k ? value + h : value)),
        3,
      );
    const [gradient, hessian] = [gradientOf(q, wrapPoints(z, 3)).data, hessianAt(q, z)];
    for (let k = 0; k < 3; k++) {
      const rate = (termShares(q, at(k, 1e-5)).values[0]! - termShares(q, at(k, -1e-5)).values[0]!) / 2e-5;
      expect(gradient[k]).toBeCloseTo(rate, 7);
      const [up, down] = [gradientOf(q, at(k, 1e-5)).data, gradientOf(q, at(k, -1e-5)).data];
      for (let r = 0; r < 3; r++) expect(hessian.get(r, k)).toBeCloseTo((up[r]! - down[r]!) / 2e-5, 6);
    }
  });

  test('shares sum to one far out, where exponents reach thousands', () => {
    const { values, shares } = termShares(q, toPoints('', [[300, -200, 100]]));
    expect(values[0]).toBeGreaterThan(1000);
    expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 14);
  });

  test('moments of terms are weighted sums', () => {
    const { points, weights } = sample(7, 3, random);
    const { shares } = termShares(q, points);
    const made = termMoments(points, weights, shares, shape === 'diagonal');
    const mass = weights.reduce((sum, w, i) => sum + w * shares[i * 4 + 2]!, 0);
    const second = weights.reduce((sum, w, i) => sum + w * shares[i * 4 + 2]! * points.data[3 * i + 1]! ** 2, 0) / mass;
    expect(made.masses[2]).toBeCloseTo(mass, 13);
    expect(made.seconds[shape === 'diagonal' ? 2 * 3 + 1 : 2 * 9 + 4]).toBeCloseTo(second, 12);
  });
});

describe.each(SHAPES)('fitting, %s', (shape) => {
  const random = randomSource(shape === 'full' ? 8 : 9);
  const [x, y] = [sample(40, 2, random), sample(50, 2, random)];
  const potential = randomPotential(2, 3, shape, random);
  const ridge = 0.01;

  test('parameters carry a potential to and fro', () => {
    const again = potentialFrom(parametersOf(potential, 1.7));
    const [a, b] = [potential, again].map((made) => evaluatePotential(made, x, y, ridge).objective);
    expect(b).toBeCloseTo(a!, 12);
  });

  test('the analytic gradient is the derivative of the objective', () => {
    const parameters = parametersOf(potential, 1.7);
    const gradient = parameterGradient(evaluatePotential(potential, x, y, ridge), 1.7, ridge);
    expect(gradient.length).toBe(parameters.values.length);
    gradient.forEach((slope, i) => {
      const [up, down] = [1e-5, -1e-5].map((h) => {
        const values = Float64Array.from(parameters.values);
        values[i]! += h;
        return evaluatePotential(potentialFrom({ ...parameters, values }), x, y, ridge).objective;
      });
      expect(slope).toBeCloseTo((up! - down!) / 2e-5, 7);
    });
  });

  test('the step starts where the potential is, with the slope it claims, and that is downhill', () => {
    const fit = evaluatePotential(potential, x, y, ridge);
    const step = descentStep(fit, ridge);
    const at = (s: number): number => evaluatePotential(step.at(s), x, y, ridge).objective;
    expect(at(0)).toBeCloseTo(fit.objective, 12);
    expect(step.slope).toBeLessThan(0);
    expect((-3 * at(0) + 4 * at(1e-5) - at(2e-5)) / 2e-5 / step.slope).toBeCloseTo(1, 4);
  });

  test('one component: one step, then nothing is left to do', () => {
    const alone = { ...potential, components: potential.components.slice(0, 1) };
    const solved = descentStep(evaluatePotential(alone, x, y, 0), 0).at(1);
    const fit = evaluatePotential(solved, x, y, 0);
    expect(Math.abs(descentStep(fit, 0).slope)).toBeLessThan(1e-13);
    const [u, v, target] = [sideMoments(fit.source, 0), solved.components[0]!.covariance, sideMoments(fit.target, 0)];
    const made = wholeSpread(v)
      .clone()
      .add(wholeSpread(sandwichSpread(v, u.covariance)));
    expect(made.get(0, 0)).toBeCloseTo(wholeSpread(target.covariance).get(0, 0), 12);
  });
});

test('V + VUV = Y, also for a source without spread', () => {
  const random = randomSource(12);
  const [u, y] = [randomCovariance(4, random), randomCovariance(4, random)];
  const v = wholeSpread(conditionalSpread(u, y));
  const back = Matrix.add(v, v.mmul(u).mmul(v));
  back.to1DArray().forEach((value, i) => {
    expect(value).toBeCloseTo(y.to1DArray()[i]!, 11);
  });
  expect(wholeSpread(conditionalSpread(Matrix.zeros(4, 4), y)).get(1, 2)).toBeCloseTo(y.get(1, 2), 12);
});
