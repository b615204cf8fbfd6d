import { Matrix } from 'ml-matrix';
import type { Cost } from '../costs/cost.ts';
import { costRows } from '../costs/cost-rows.ts';
import { halfSquaredEuclidean } from '../costs/squared-euclidean.ts';
import { DomainError, ShapeError } from '../errors.ts';
import { isDiscrete } from '../marginals/discrete-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { allocatePoints, type PointsLike, requireDimension, row, takeRows, toPoints } from '../numerics/points.ts';
import { randomSource } from '../numerics/random.ts';
import { trace } from '../numerics/spd.ts';
import { combine, dot } from '../numerics/vectors.ts';
import type { Coupling } from './coupling.ts';

/** source ⊗ target divided by the mass: x and y know nothing of each other. */
export interface IndependentCoupling extends Coupling {
  readonly kind: 'independent-coupling';
}

/** Draws behind a transport cost that has no closed form. */
const COST_DRAWS = 50_000;

/**
 * Makes the independent coupling of two measures of equal mass: the plan of infinite regularisation, and what a learned plan has to beat.
 *
 * @throws ShapeError when dimensions differ; DomainError when masses do
 * @example
 * ```ts
 * import { gaussianMarginal, independentCoupling } from 'viaduct';
 * const unit = gaussianMarginal({ mean: [0], covariance: 1 });
 * console.log(independentCoupling(unit, unit).transportCost()); // → 1
 * ```
 */
export function independentCoupling(source: Marginal, target: Marginal): IndependentCoupling {
  if (source.dimension !== target.dimension) {
    throw new ShapeError(`independentCoupling: source has dimension ${source.dimension}, target ${target.dimension}; make them equal`);
  }
  const { dimension, mass } = source;
  if (Math.abs(mass - target.mass) > 1e-7 * Math.max(mass, target.mass)) {
    throw new DomainError(`independentCoupling: source has mass ${mass}, target ${target.mass}; rescale one of them`);
  }
  return Object.freeze({
    kind: 'independent-coupling',
    source,
    target,
    mass,
    sample: (count, random) => ({ x: source.sample(count, random), y: target.sample(count, random) }),
    sampleConditional(x, random) {
      const at = toPoints('independentCoupling.sampleConditional', x);
      requireDimension('independentCoupling.sampleConditional', at, dimension);
      return target.sample(at.count, random);
    },
    conditionalMean(x: PointsLike) {
      const at = toPoints('independentCoupling.conditionalMean', x);
      requireDimension('independentCoupling.conditionalMean', at, dimension);
      const out = allocatePoints(at.count, dimension);
      const mean = target.mean();
      for (let i = 0; i < at.count; i++) row(out, i).set(mean);
      return out;
    },
    moments: () => ({
      sourceMean: source.mean(),
      targetMean: target.mean(),
      sourceCovariance: source.covariance(),
      targetCovariance: target.covariance(),
      crossCovariance: Matrix.zeros(dimension, dimension),
    }),
    marginalError: () => ({ metric: 'bw2-uvp', source: 0, target: 0 }),
    transportCost: (cost = halfSquaredEuclidean()) => mass * meanCost(source, target, cost),
    reverse: () => independentCoupling(target, source),
  } satisfies IndependentCoupling);
}

/** E c(x, y) of independent x and y: exact for squared costs and between points, otherwise from 50 000 draws of a fixed stream. */
function meanCost(source: Marginal, target: Marginal, cost: Cost): number {
  if (cost.squaredScale !== undefined) {
    const shift = combine([1, source.mean()], [-1, target.mean()]);
    return cost.squaredScale * (dot(shift, shift) + trace(source.covariance()) + trace(target.covariance()));
  }
  if (isDiscrete(source) && isDiscrete(target)) {
    const row = costRows(cost, source.points, target.points);
    let sum = 0;
    source.weights.forEach((a, i) => {
      if (a === 0) return;
      const costs = row(i);
      target.weights.forEach((b, j) => {
        if (b > 0) sum += a * b * costs[j]!;
      });
    });
    return sum / (source.mass * target.mass);
  }
  if (!cost.pointwise)
    throw new DomainError('independentCoupling.transportCost: a cost matrix knows no other points; use a cost of points');
  const random = randomSource(0).split('transport cost');
  const x = source.sample(COST_DRAWS, random);
  const y = target.sample(COST_DRAWS, random);
  let sum = 0;
  for (let i = 0; i < COST_DRAWS; i++) sum += cost.between(takeRows(x, [i]), takeRows(y, [i]))[0]!;
  return sum / COST_DRAWS;
}
