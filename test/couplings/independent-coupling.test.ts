import { describe, expect, test } from 'vitest';
import { costMatrix } from '../../src/costs/cost-matrix.ts';
import { euclidean } from '../../src/costs/euclidean.ts';
import { independentCoupling } from '../../src/couplings/independent-coupling.ts';
import { DomainError, ShapeError } from '../../src/errors.ts';
import { discreteMarginal } from '../../src/marginals/discrete-marginal.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { mixtureMarginal } from '../../src/marginals/mixture-marginal.ts';
import type { RandomSource } from '../../src/numerics/random.ts';
import { couplingLaws } from '../laws/coupling-laws.ts';

const gaussian = (random: RandomSource) => {
  const [a, b] = [random.normal(), random.normal()];
  return gaussianMarginal({
    mean: [a, b],
    covariance: [
      [1 + a * a, 0.3 * b],
      [0.3 * b, 0.5 + b * b],
    ],
  });
};

couplingLaws('independent, Gaussian and mixture', (random) =>
  independentCoupling(gaussian(random), mixtureMarginal({ weights: [0.3, 0.7], components: [gaussian(random), gaussian(random)] })),
);

couplingLaws(
  'independent, between points',
  (random) => {
    const cloud = () => gaussian(random).sample(7, random);
    return independentCoupling(discreteMarginal({ points: cloud() }), discreteMarginal({ points: cloud() }));
  },
  { instances: 2 },
);

describe('independentCoupling', () => {
  const source = discreteMarginal({ points: [[0], [2]], weights: [1, 3] });
  const target = discreteMarginal({ points: [[1], [5]], weights: [1, 3] });

  test('the cost between points is the mean over all pairs, times the mass', () => {
    // |x − y| = 1, 5, 1, 3 with weights 1, 3, 3, 9, all over 16; mass 4.
    expect(independentCoupling(source, target).transportCost(euclidean())).toBeCloseTo((4 * (1 * 1 + 3 * 5 + 3 * 1 + 9 * 3)) / 16, 12);
    expect(
      independentCoupling(source, target).transportCost(
        costMatrix([
          [1, 2],
          [3, 4],
        ]),
      ),
    ).toBeCloseTo((4 * (1 * 1 + 3 * 2 + 3 * 3 + 9 * 4)) / 16, 12);
    expect(independentCoupling(source, target).moments().crossCovariance.get(0, 0)).toBe(0);
  });

  test('other costs are averaged over draws', () => {
    const unit = gaussianMarginal({ mean: [0], covariance: 1 });
    // x − y ~ N(0, 2): E|x − y| = 2/√π.
    expect(Math.abs(independentCoupling(unit, unit).transportCost(euclidean()) - 2 / Math.sqrt(Math.PI))).toBeLessThan(
      5 * Math.sqrt(0.73 / 50_000),
    );
    expect(() => independentCoupling(unit, unit).transportCost(costMatrix([[1]]))).toThrow(DomainError);
  });

  test('refuses sides that do not fit', () => {
    expect(() => independentCoupling(source, discreteMarginal({ points: [[1, 2]], weights: [4] }))).toThrow(ShapeError);
    expect(() => independentCoupling(source, discreteMarginal({ points: [[1]], weights: [1] }))).toThrow(/has mass 4, target 1/);
  });
});
