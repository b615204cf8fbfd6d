import { allocatePoints, type Points, type PointsLike, row, takeRows, toPoints } from '../numerics/points.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import type { Coupling } from './coupling.ts';

/** Draws behind a conditional mean that has no closed form. */
const CONDITIONAL_DRAWS = 256;

/**
 * A coupling with source and target exchanged, for couplings that are known by sampling: `conditional` draws x given y. Conditional means
 * are averages of 256 such draws from a fixed stream.
 */
export function reversedCoupling(coupling: Coupling, conditional: (y: Points, random: RandomSource) => Points): Coupling {
  return Object.freeze({
    kind: coupling.kind,
    source: coupling.target,
    target: coupling.source,
    mass: coupling.mass,
    sample(count: number, random: RandomSource) {
      const { x, y } = coupling.sample(count, random);
      return { x: y, y: x };
    },
    sampleConditional: (y: PointsLike, random: RandomSource) => conditional(toPoints('reverse.sampleConditional', y), random),
    conditionalMean: (y: PointsLike) => averageDraws(toPoints('reverse.conditionalMean', y), conditional),
    moments() {
      const { sourceMean, targetMean, sourceCovariance, targetCovariance, crossCovariance } = coupling.moments();
      return {
        sourceMean: targetMean,
        targetMean: sourceMean,
        sourceCovariance: targetCovariance,
        targetCovariance: sourceCovariance,
        crossCovariance: crossCovariance.transpose(),
      };
    },
    marginalError() {
      const { metric, source, target } = coupling.marginalError();
      return { metric, source: target, target: source };
    },
    transportCost: coupling.transportCost,
    reverse: () => coupling,
  });
}

/** E[y | x] as the average of 256 draws for each row, from a fixed stream. */
export function averageDraws(x: Points, conditional: (x: Points, random: RandomSource) => Points): Points {
  const repeated = takeRows(
    x,
    Int32Array.from({ length: x.count * CONDITIONAL_DRAWS }, (_, i) => Math.floor(i / CONDITIONAL_DRAWS)),
  );
  const drawn = conditional(repeated, randomSource(0).split('conditional mean'));
  const out = allocatePoints(x.count, drawn.dimension);
  for (let i = 0; i < drawn.count; i++) {
    const mean = row(out, Math.floor(i / CONDITIONAL_DRAWS));
    for (let k = 0; k < drawn.dimension; k++) mean[k]! += row(drawn, i)[k]! / CONDITIONAL_DRAWS;
  }
  return out;
}
