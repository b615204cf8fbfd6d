import { Matrix } from 'ml-matrix';
import type { CouplingMoments } from '../couplings/coupling.ts';
import { DomainError } from '../errors.ts';
import { crossMoment, weightedMean } from '../numerics/moments.ts';
import type { Points } from '../numerics/points.ts';
import { combine } from '../numerics/vectors.ts';

/** First and second moments of pairs that arrive in blocks and are not kept. */
export interface RunningMoments {
  /** Adds pairs: row i of x belongs to row i of y. */
  add(x: Points, y: Points): void;
  /** The moments of all pairs so far, divided by their number. */
  result(): CouplingMoments;
}

/** Makes an empty accumulator; blocks are merged by the pairwise update, so that nothing large cancels. */
export function runningMoments(): RunningMoments {
  let count = 0;
  let known: CouplingMoments | undefined;
  return {
    add(x, y) {
      const block = pairMoments(x, y);
      known = known === undefined ? block : merge(known, count, block, x.count);
      count += x.count;
    },
    result() {
      if (known === undefined) throw new DomainError('runningMoments: no pairs were added; add some first');
      return known;
    },
  };
}

/** Moments of paired rows. */
export function pairMoments(x: Points, y: Points): CouplingMoments {
  const sourceMean = weightedMean(x);
  const targetMean = weightedMean(y);
  return {
    sourceMean,
    targetMean,
    sourceCovariance: crossMoment(x, sourceMean, x, sourceMean),
    targetCovariance: crossMoment(y, targetMean, y, targetMean),
    crossCovariance: crossMoment(x, sourceMean, y, targetMean),
  };
}

/** S = (n₁S₁ + n₂S₂)/n + (n₁n₂/n²)·δδᵀ, δ the difference of the means. @see [chan1983] */
function merge(a: CouplingMoments, n: number, b: CouplingMoments, m: number): CouplingMoments {
  const share = m / (n + m);
  const shiftX = combine([1, b.sourceMean], [-1, a.sourceMean]);
  const shiftY = combine([1, b.targetMean], [-1, a.targetMean]);
  const spread = (first: Matrix, second: Matrix, left: Float64Array, right: Float64Array): Matrix => {
    const between = Matrix.columnVector(Array.from(left)).mmul(Matrix.rowVector(Array.from(right)));
    return Matrix.mul(first, 1 - share)
      .add(Matrix.mul(second, share))
      .add(between.mul(share * (1 - share)));
  };
  return {
    sourceMean: combine([1, a.sourceMean], [share, shiftX]),
    targetMean: combine([1, a.targetMean], [share, shiftY]),
    sourceCovariance: spread(a.sourceCovariance, b.sourceCovariance, shiftX, shiftX),
    targetCovariance: spread(a.targetCovariance, b.targetCovariance, shiftY, shiftY),
    crossCovariance: spread(a.crossCovariance, b.crossCovariance, shiftX, shiftY),
  };
}
