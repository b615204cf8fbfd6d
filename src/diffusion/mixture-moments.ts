import { inverse, Matrix } from 'ml-matrix';
import type { EndCoordinates } from '../closed-forms/mixture-coordinates.ts';
import { type MixturePotential, startQuadratics } from '../closed-forms/mixture-potential.ts';
import { type TermMoments, termMoments, termShares } from '../closed-forms/mixture-quadratics.ts';
import { applySpread, type Spread, sandwichSpread, wholeSpread } from '../closed-forms/mixture-spread.ts';
import { type SideMoments, sideMoments } from '../closed-forms/mixture-step.ts';
import type { CouplingMoments } from '../couplings/coupling.ts';
import { isDiscrete } from '../marginals/discrete-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { applyAffine } from '../numerics/affine.ts';
import { matchMoments } from '../numerics/matched-draws.ts';
import { randomSource } from '../numerics/random.ts';
import { symmetrise } from '../numerics/spd.ts';
import { combine, multiplyVector } from '../numerics/vectors.ts';
import type { LearnedMoments } from './chain-moments.ts';

/** Draws of the source behind moments that have no closed form, at most. */
const MOMENT_DRAWS = 50_000;
/** Multiplications that the draws may cost. */
const BUDGET = 4e8;

/**
 * Moments of (X_0, X_T): the conditional moments are exact, so only the average over the source can be an estimate. It is exact for sources
 * made of points and for one component; otherwise over draws whose own mean and covariance are the source's, with standard errors that are
 * upper bounds, those of independent pairs.
 */
export function mixtureMoments(potential: MixturePotential, source: Marginal, coordinates: EndCoordinates): LearnedMoments {
  const { dimension } = source;
  const [mean, covariance] = [source.mean(), source.covariance()];
  const { start, fromEnd } = coordinates;
  const { parts, draws } = sourceParts(potential, source, coordinates);
  const ends = parts.map((part, k) => {
    const { mean: r, covariance: v } = potential.components[k]!;
    return { mean: combine([1, r], [1, applySpread(v, part.mean)]), covariance: widened(v, part.covariance) };
  });
  const total = parts.reduce((sum, { mass }) => sum + mass, 0);
  const centre = combine(...ends.map(({ mean: m }, k) => [parts[k]!.mass / total, m] as const));
  const origin = combine(...parts.map(({ mass, mean: m }) => [mass / total, m] as const));
  const spread = Matrix.zeros(dimension, dimension);
  const cross = Matrix.zeros(dimension, dimension);
  ends.forEach((end, k) => {
    const w = parts[k]!.mass / total;
    const [dx, dy] = [combine([1, parts[k]!.mean], [-1, origin]), combine([1, end.mean], [-1, centre])];
    spread.add(end.covariance.mul(w)).add(outer(dy, dy).mul(w));
    const within = wholeSpread(parts[k]!.covariance).mmul(wholeSpread(potential.components[k]!.covariance));
    cross.add(within.mul(w)).add(outer(dx, dy).mul(w));
  });
  const moments = {
    sourceMean: mean,
    sourceCovariance: covariance,
    targetMean: multiplyVector(fromEnd, centre),
    targetCovariance: symmetrise(fromEnd.mmul(spread).mmul(fromEnd.transpose())),
    crossCovariance: inverse(start.matrix).mmul(cross).mmul(fromEnd.transpose()),
  };
  return Object.freeze(draws === undefined ? moments : { ...moments, standardErrors: standardErrors(moments, draws) });
}

/** The parts of the source in start coordinates, and how many draws they come from. */
function sourceParts(
  potential: MixturePotential,
  source: Marginal,
  { start }: EndCoordinates,
): { parts: SideMoments[]; draws: number | undefined } {
  const terms = potential.components.length;
  if (terms === 1) {
    const covariance = start.matrix.mmul(source.covariance()).mmul(start.matrix.transpose());
    const mean = combine([1, multiplyVector(start.matrix, source.mean())], [1, start.offset]);
    return { parts: [{ mass: 1, mean, covariance: symmetrise(covariance) }], draws: undefined };
  }
  const d = source.dimension;
  const draws = isDiscrete(source) ? undefined : Math.max(2000, 20 * d, Math.min(MOMENT_DRAWS, Math.floor(BUDGET / (terms * d * d))));
  const points =
    draws === undefined && isDiscrete(source)
      ? source.points
      : matchMoments(source.sample(draws!, randomSource(0).split('mixture moments')), {
          mean: source.mean(),
          covariance: source.covariance(),
        });
  const x = applyAffine(start, points);
  const { shares } = termShares(startQuadratics(potential), x);
  const weights = isDiscrete(source) ? source.weights : new Float64Array(points.count).fill(1 / points.count);
  const made: TermMoments = termMoments(x, weights, shares, false);
  return { parts: potential.components.map((_, k) => sideMoments(made, k)), draws };
}

/** V + V U V. */
function widened(v: Spread, u: Spread): Matrix {
  return Matrix.add(wholeSpread(v), wholeSpread(sandwichSpread(wholeSpread(v), wholeSpread(u))));
}

function outer(v: Float64Array, w: Float64Array): Matrix {
  return Matrix.columnVector(Array.from(v)).mmul(Matrix.rowVector(Array.from(w)));
}

function standardErrors(m: CouplingMoments, draws: number): CouplingMoments {
  const ofPair = (s: Matrix, a: Matrix, b: Matrix): Matrix => {
    const out = Matrix.zeros(s.rows, s.columns);
    for (let i = 0; i < s.rows; i++) {
      for (let j = 0; j < s.columns; j++) out.set(i, j, Math.sqrt((a.get(i, i) * b.get(j, j) + s.get(i, j) ** 2) / draws));
    }
    return out;
  };
  const d = m.sourceMean.length;
  return {
    sourceMean: new Float64Array(d),
    targetMean: Float64Array.from({ length: d }, (_, i) => Math.sqrt(m.targetCovariance.get(i, i) / draws)),
    sourceCovariance: Matrix.zeros(d, d),
    targetCovariance: ofPair(m.targetCovariance, m.targetCovariance, m.targetCovariance),
    crossCovariance: ofPair(m.crossCovariance, m.sourceCovariance, m.targetCovariance),
  };
}
