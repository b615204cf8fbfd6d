import type { Matrix } from 'ml-matrix';
import { bwUvpOfMoments } from '../closed-forms/bures-wasserstein.ts';
import { linearBridge } from '../closed-forms/linear-bridge.ts';
import { endCoordinates } from '../closed-forms/mixture-coordinates.ts';
import { carriedQuadratics, type MixturePotential, startQuadratics } from '../closed-forms/mixture-potential.ts';
import { gradientOf, termShares } from '../closed-forms/mixture-quadratics.ts';
import { applySpread, isDiagonal, rootSpread, spreadEntries, wholeSpread } from '../closed-forms/mixture-spread.ts';
import { halfSquaredEuclidean } from '../costs/squared-euclidean.ts';
import type { Bridge } from '../couplings/bridge.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { copyMoments } from '../couplings/copy-moments.ts';
import { reversedCoupling } from '../couplings/reversed-coupling.ts';
import { requireDraws, requireRandom } from '../couplings/simulation.ts';
import { DomainError } from '../errors.ts';
import { isDiscrete } from '../marginals/discrete-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { affineInto, applyAffine } from '../numerics/affine.ts';
import { sampleCategories } from '../numerics/categorical.ts';
import {
  allocatePoints,
  type Points,
  type PointsLike,
  requireDimension,
  row,
  takeRows,
  toPoints,
  type VectorLike,
  wrapPoints,
} from '../numerics/points.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { trace } from '../numerics/spd.ts';
import { combine, multiplyVector, toShares, toVector } from '../numerics/vectors.ts';
import type { LearnedMoments } from './chain-moments.ts';
import { mixtureMoments } from './mixture-moments.ts';
import { pathsBetween, pointsBetween } from './paths-between.ts';
import { type StartLaw, startLaw } from './start-law.ts';

/** A finite mixture of Gaussians as plain arrays. */
export interface MixtureParts {
  readonly weights: Float64Array;
  readonly means: readonly Float64Array[];
  readonly covariances: readonly Matrix[];
}

/** The law that a mixture potential makes of a source and a reference. */
export interface MixtureLaw extends Bridge {
  readonly kind: 'mixture-bridge';
  /** v(y) = Σ_k weights_k N(y; means_k, covariances_k) in π(y | x) ∝ exp((Φx + m)ᵀK⁻¹y) v(y), X_T | X_0 = x ~ N(Φx + m, K) the reference. */
  readonly potential: MixtureParts;
  /** π(· | x₀), exactly. */
  conditional(x0: VectorLike): MixtureParts;
  /** Exact for sources made of points and for one component, otherwise averages over the source with `standardErrors`. */
  moments(): LearnedMoments;
}

/** Pairs behind a transport cost that has no closed form. */
const COST_DRAWS = 50_000;
const PATH = 'mixtureBridge';
/** Coordinates in units of the noise whose squares, summed and multiplied, are still numbers. */
const LARGEST = 1e145;

/** Completes a potential to a bridge: π(x, y) = p₀(x) π(y | x) joined by the reference bridge. */
export function mixtureLaw(problem: BridgeProblem, potential: MixturePotential): MixtureLaw {
  const { source, target, reference, dimension } = problem;
  const coordinates = endCoordinates(reference, dimension);
  const start = startQuadratics(potential);
  const roots = potential.components.map(({ covariance }) => spreadEntries(rootSpread(covariance)));
  const diagonal = isDiagonal(potential.components[0]!.covariance);
  const toEnd = { matrix: coordinates.fromEnd, offset: new Float64Array(dimension) };
  const zero = new Float64Array(dimension);
  const reach = LARGEST / coordinates.start.matrix.to1DArray().reduce((most, entry) => Math.max(most, Math.abs(entry)), 0);
  const at = (name: string, x: PointsLike): Points => {
    const made = toPoints(`${PATH}.${name}`, x);
    requireDimension(`${PATH}.${name}`, made, dimension);
    const far = made.data.findIndex((value) => !(Math.abs(value) <= reach));
    if (far >= 0) {
      throw new DomainError(
        `${PATH}.${name}: row ${Math.floor(far / dimension)} has coordinate ${made.data[far]}, whose square in units of the noise is beyond double precision; leave it out`,
      );
    }
    return made;
  };
  let behind: StartLaw | undefined;
  const past = (): StartLaw => {
    behind ??= startLaw(problem, { quadratics: carriedQuadratics(potential, 0), start: coordinates.start });
    return behind;
  };
  let known: LearnedMoments | undefined;
  const moments = (): LearnedMoments => {
    known ??= mixtureMoments(potential, source, coordinates);
    return known;
  };
  const sampleConditional = (x: Points, random: RandomSource): Points => {
    requireRandom(`${PATH}.sampleConditional`, random);
    const from = applyAffine(coordinates.start, x);
    const { shares } = termShares(start, from);
    const out = allocatePoints(x.count, dimension);
    const z = new Float64Array(dimension);
    for (let i = 0; i < x.count; i++) {
      const k = sampleCategories(shares.subarray(i * roots.length, (i + 1) * roots.length), 1, random)[0]!;
      const { mean, covariance } = potential.components[k]!;
      const centre = combine([1, mean], [1, applySpread(covariance, row(from, i))]);
      random.fillNormal(z);
      if (diagonal) row(out, i).set(centre.map((m, c) => m + roots[k]![c]! * z[c]!));
      else affineInto(roots[k]!, centre, z, row(out, i));
    }
    return applyAffine(toEnd, out);
  };
  const sample = (count: number, random: RandomSource): { x: Points; y: Points } => {
    requireDraws(`${PATH}.sample`, count, random);
    const x = source.sample(count, random);
    return { x, y: sampleConditional(x, random) };
  };
  const carried = (t: number, x: Points) => {
    const { carry, passed, pull } = coordinates.at(t);
    return { carry, pull, function: carriedQuadratics(potential, passed), points: applyAffine(carry, x) };
  };
  const drift = (t: number, x: Points): Points => {
    const { pull, function: log, points } = carried(t, x);
    return added(
      applyAffine(reference.driftCoefficients(t, dimension), x),
      1,
      applyAffine({ matrix: pull, offset: zero }, gradientOf(log, points)),
    );
  };
  const backwardDrift = (t: number, x: Points): Points => {
    const noise = reference.diffusionCovariance(t, dimension);
    return added(
      applyAffine({ matrix: noise, offset: zero }, past().slope(t, x)),
      -1,
      applyAffine(reference.driftCoefficients(t, dimension), x),
    );
  };
  const both = (t: number, x: Points, f: number, b: number): Points => {
    const ahead = drift(t, x);
    return { ...ahead, data: combine([f, ahead.data], [b, backwardDrift(t, x).data]) };
  };
  const sourceGivenTarget = (y: Points, random: RandomSource): Points => past().draw(reference.horizon, y, random);
  const bridge: MixtureLaw = {
    kind: 'mixture-bridge',
    source,
    target,
    reference,
    mass: 1,
    potential: partsOf(potential, coordinates.fromEnd, (k) => potential.components[k]!.mean, weightsOf(potential)),
    conditional(x0) {
      const x = applyAffine(coordinates.start, wrapPoints(toVector(`${PATH}.conditional: x0`, x0, dimension), dimension));
      const mean = (k: number) =>
        combine([1, potential.components[k]!.mean], [1, applySpread(potential.components[k]!.covariance, x.data)]);
      return partsOf(potential, coordinates.fromEnd, mean, termShares(start, x).shares);
    },
    sample,
    sampleConditional: (x, random) => sampleConditional(at('sampleConditional', x), random),
    conditionalMean: (x) => applyAffine(toEnd, gradientOf(start, applyAffine(coordinates.start, at('conditionalMean', x)))),
    moments() {
      const { standardErrors, ...values } = moments();
      return Object.freeze({
        ...copyMoments(values),
        ...(standardErrors === undefined ? {} : { standardErrors: copyMoments(standardErrors) }),
      });
    },
    marginalError() {
      const m = moments();
      const prescribed = { mean: target.mean(), covariance: target.covariance() };
      return { metric: 'bw2-uvp', source: 0, target: bwUvpOfMoments({ mean: m.targetMean, covariance: m.targetCovariance }, prescribed) };
    },
    transportCost(cost = halfSquaredEuclidean()) {
      if (cost.squaredScale !== undefined) return cost.squaredScale * meanSquare(moments());
      if (!cost.pointwise) throw new DomainError(`${PATH}.transportCost: a cost matrix knows no other points; use a cost of points`);
      const { x, y } = sample(COST_DRAWS, randomSource(0).split('transport cost'));
      let sum = 0;
      for (let i = 0; i < x.count; i++) sum += cost.between(takeRows(x, [i]), takeRows(y, [i]))[0]!;
      return sum / x.count;
    },
    reverse() {
      const reversed = reversedCoupling(bridge, (y, random) => sourceGivenTarget(at('reverse.sampleConditional', y), random));
      return Object.freeze({
        ...reversed,
        conditionalMean: (y: PointsLike) => past().mean(reference.horizon, at('reverse.conditionalMean', y)),
      });
    },
    drift: (t, x) => drift(t, at('drift', x)),
    backwardDrift: (t, x) => backwardDrift(t, at('backwardDrift', x)),
    velocity: (t, x) => both(t, at('velocity', x), 0.5, -0.5),
    // Not (f + b)/g², so that it has a value where the noise of the reference vanishes.
    score(t, x) {
      const points = at('score', x);
      const { carry, function: log, points: end } = carried(t, points);
      return added(past().slope(t, points), 1, applyAffine({ matrix: carry.matrix.transpose(), offset: zero }, gradientOf(log, end)));
    },
    marginalAt(t): Marginal {
      const law = linearBridge(reference, moments());
      if (t === 0) return source;
      return Object.freeze({
        kind: 'bridge-marginal',
        dimension,
        mass: 1,
        mean: () => law.mean(t),
        covariance: () => law.covariance(t),
        sample(count: number, random: RandomSource) {
          const { x, y } = sample(count, random);
          return pointsBetween(reference.bridge(0, t, reference.horizon, dimension), x, y, random);
        },
        ...(isDiscrete(source) || source.logDensity !== undefined
          ? {
              logDensity(x: PointsLike) {
                const points = at('marginalAt.logDensity', x);
                const { function: log, points: end } = carried(t, points);
                return combine([1, termShares(log, end).values], [1, past().logFactor(t, points)]);
              },
            }
          : {}),
      });
    },
    simulate: (options) =>
      pathsBetween(`${PATH}.simulate`, problem, options, {
        ends: sample,
        endGiven: sampleConditional,
        startGiven: sourceGivenTarget,
      }),
  };
  return Object.freeze(bridge);
}

function weightsOf({ components }: MixturePotential): Float64Array {
  const top = Math.max(...components.map(({ logWeight }) => logWeight));
  return toShares(Float64Array.from(components, ({ logWeight }) => Math.exp(logWeight - top)));
}

/** Means and covariances in the units of the end. */
function partsOf({ components }: MixturePotential, scale: Matrix, mean: (k: number) => Float64Array, weights: Float64Array): MixtureParts {
  return Object.freeze({
    weights,
    means: components.map((_, k) => multiplyVector(scale, mean(k))),
    covariances: components.map(({ covariance }) => scale.mmul(wholeSpread(covariance)).mmul(scale.transpose())),
  });
}

function added(base: Points, factor: number, more: Points): Points {
  for (let i = 0; i < base.data.length; i++) base.data[i]! += factor * more.data[i]!;
  return base;
}

function meanSquare({ sourceMean, targetMean, sourceCovariance, targetCovariance, crossCovariance }: LearnedMoments): number {
  const shift = sourceMean.reduce((sum, m, k) => sum + (m - targetMean[k]!) ** 2, 0);
  return shift + trace(sourceCovariance) + trace(targetCovariance) - 2 * trace(crossCovariance);
}
