import { Matrix } from 'ml-matrix';
import type { CouplingMoments } from '../couplings/coupling.ts';
import { crossMoment, weightedMean } from '../numerics/moments.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { affineMoments, type Chain, runChain } from './chain.ts';

/** Moments, and their standard errors when they were sampled: of a mean √(S_ii/n), of a covariance √((S_ii S_jj + S_ij²)/n). */
export interface LearnedMoments extends CouplingMoments {
  readonly standardErrors?: CouplingMoments;
}

/** Paths behind sampled moments, at least. */
export const MOMENT_PATHS = 50_000;
const BLOCK = 10_000;

/** First and second moments of both ends of a chain: exact when every drift is affine, otherwise from `samples` paths. */
export function chainMoments(chain: Chain, samples: number, random: RandomSource = randomSource(0).split('moments')): LearnedMoments {
  const exact = affineMoments(chain);
  if (exact !== undefined) return Object.freeze(exact.moments);
  const { x, y } = sampleEnds(chain, samples, random);
  return sampleMoments(x, y);
}

/** Both ends of `count` paths, simulated in blocks so that memory stays small. */
export function sampleEnds(chain: Chain, count: number, random: RandomSource): { readonly x: Points; readonly y: Points } {
  const d = chain.drift.dimension;
  const starts = allocatePoints(count, d);
  const ends = allocatePoints(count, d);
  // Unlabelled: the caller's source moves on, so that the next call draws anew.
  const blocks = random.split();
  for (let done = 0, block = 0; done < count; done += BLOCK, block++) {
    const stream = blocks.split(block);
    const start = chain.start.sample(Math.min(BLOCK, count - done), stream.split('start'));
    starts.data.set(start.data, done * d);
    ends.data.set(runChain(chain, start, stream.split('noise')).data, done * d);
  }
  return chain.direction === 'forward' ? { x: starts, y: ends } : { x: ends, y: starts };
}

/** Moments of paired rows with standard errors of a Gaussian sample. */
export function sampleMoments(x: Points, y: Points): LearnedMoments {
  const sourceMean = weightedMean(x);
  const targetMean = weightedMean(y);
  const sourceCovariance = crossMoment(x, sourceMean, x, sourceMean);
  const targetCovariance = crossMoment(y, targetMean, y, targetMean);
  const crossCovariance = crossMoment(x, sourceMean, y, targetMean);
  const n = x.count;
  const ofMean = (s: Matrix): Float64Array => Float64Array.from({ length: s.rows }, (_, i) => Math.sqrt(s.get(i, i) / n));
  const ofCovariance = (s: Matrix, a: Matrix, b: Matrix): Matrix => {
    const out = Matrix.zeros(s.rows, s.columns);
    for (let i = 0; i < s.rows; i++) {
      for (let j = 0; j < s.columns; j++) out.set(i, j, Math.sqrt((a.get(i, i) * b.get(j, j) + s.get(i, j) ** 2) / n));
    }
    return out;
  };
  return Object.freeze({
    sourceMean,
    targetMean,
    sourceCovariance,
    targetCovariance,
    crossCovariance,
    standardErrors: Object.freeze({
      sourceMean: ofMean(sourceCovariance),
      targetMean: ofMean(targetCovariance),
      sourceCovariance: ofCovariance(sourceCovariance, sourceCovariance, sourceCovariance),
      targetCovariance: ofCovariance(targetCovariance, targetCovariance, targetCovariance),
      crossCovariance: ofCovariance(crossCovariance, sourceCovariance, targetCovariance),
    }),
  });
}
