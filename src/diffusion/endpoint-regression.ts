import { type EndpointDrift, endpointDrift } from '../closed-forms/endpoint-step.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { type Affine, applyAffine, flatten } from '../numerics/affine.ts';
import { drawGaussian } from '../numerics/gaussian-draws.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { squareRoot, trace } from '../numerics/spd.ts';
import type { Reference } from '../references/reference.ts';
import type { TimeGrid } from '../references/time-grid.ts';
import type { EndPairs } from './end-pairs.ts';

/** A point of the reference bridge and what is regressed there. */
export interface EndpointRow {
  readonly x: Points;
  readonly drift: Points;
}

/** Regression of the drift of one direction towards its end. */
export interface EndpointRegression {
  /** The node at which step k starts. */
  time(k: number): number;
  /** A draw of X_t between the ends with the drift towards the known end, and its mirror image, for every pair. */
  rows(k: number, ends: EndPairs, random: RandomSource): readonly [EndpointRow, EndpointRow];
  /** Reciprocal variances of the targets' noise, which grows without bound towards the end. */
  precision(k: number): number;
}

/**
 * Draws X_t from the reference bridge between two ends and regresses the drift of that bridge towards its end at the node t where the step
 * starts, backward −f + ggᵀP_t⁻¹(Φ_t X_0 + m_t − X_t), forward f + ggᵀΨ_tᵀK_t⁻¹(X_T − Ψ_t X_t − z_t). Without a far end X_t is drawn from X_0
 * by the reference itself.
 */
export function endpointRegression(
  { reference, dimension }: BridgeProblem,
  grid: TimeGrid,
  direction: 'forward' | 'backward',
): EndpointRegression {
  const time = (k: number): number => Math.min(grid.times[direction === 'forward' ? k : k + 1]!, reference.horizon);
  // Matrices cost d³; every cache of a run needs the same ones.
  const driftAt = remembered((k) => endpointDrift(reference, time(k), direction, dimension));
  const between = remembered((k) => bridgeInterior(reference, time(k), dimension));
  const onward = remembered((k) => freeInterior(reference, time(k), dimension));
  return {
    time,
    rows(k, ends, random) {
      const { mean, noise } = drawInterior(ends.target === undefined ? onward(k) : between(k), ends, random);
      const end = direction === 'forward' ? ends.target! : ends.source;
      const row = (sign: number): EndpointRow => {
        const x = sum(mean, sign, noise);
        return { x, drift: towards(driftAt(k), end, x) };
      };
      return [row(1), row(-1)];
    },
    precision: (k) => 1 / targetVariance(reference, time(k), direction, dimension),
  };
}

/** X_t given the ends: fromStart·X_0 + fromEnd·X_T + offset + root·z; without fromEnd given X_0 alone. */
interface Interior {
  readonly fromStart: Affine;
  readonly fromEnd?: Affine;
  /** Row-major. */
  readonly root: Float64Array;
}

function bridgeInterior(reference: Reference, t: number, d: number): Interior {
  const { fromStart, fromEnd, offset, covariance } = reference.bridge(0, t, reference.horizon, d);
  const root = flatten(squareRoot(covariance));
  return { fromStart: { matrix: fromStart, offset }, fromEnd: { matrix: fromEnd, offset: new Float64Array(d) }, root };
}

function freeInterior(reference: Reference, t: number, d: number): Interior {
  const { matrix, offset, covariance } = reference.transition(0, t, d);
  return { fromStart: { matrix, offset }, root: flatten(squareRoot(covariance)) };
}

/** The mean of X_t and a draw of its noise, for every pair of ends. */
function drawInterior(
  { fromStart, fromEnd, root }: Interior,
  { source, target }: EndPairs,
  random: RandomSource,
): { readonly mean: Points; readonly noise: Points } {
  const noise = drawGaussian(new Float64Array(source.dimension), root, source.count, random);
  const alongSource = applyAffine(fromStart, source);
  return { mean: fromEnd === undefined ? alongSource : sum(alongSource, 1, applyAffine(fromEnd, target!)), noise };
}

/** A function of a whole number that is evaluated once for each. */
function remembered<T>(make: (k: number) => T): (k: number) => T {
  const known = new Map<number, T>();
  return (k) => {
    const made = known.get(k) ?? make(k);
    known.set(k, made);
    return made;
  };
}

/** The drift of the reference bridge at x towards `end`. */
function towards({ fromEnd, fromPoint, offset }: EndpointDrift, end: Points, x: Points): Points {
  return sum(
    applyAffine({ matrix: fromEnd, offset }, end),
    1,
    applyAffine({ matrix: fromPoint, offset: new Float64Array(x.dimension) }, x),
  );
}

/** x + factor·y. */
function sum(x: Points, factor: number, y: Points): Points {
  const out = allocatePoints(x.count, x.dimension);
  for (let i = 0; i < out.data.length; i++) out.data[i] = x.data[i]! + factor * y.data[i]!;
  return out;
}

/** tr(ggᵀP_t⁻¹ggᵀ) backward, tr(ggᵀΨᵀK_t⁻¹Ψggᵀ) forward: the variance of the target given the end it does not know. */
function targetVariance(reference: Reference, t: number, direction: 'forward' | 'backward', dimension: number): number {
  const { fromEnd, fromPoint } = endpointDrift(reference, t, direction, dimension);
  if (direction === 'forward') {
    const { covariance } = reference.transition(t, reference.horizon, dimension);
    return trace(fromEnd.mmul(covariance).mmul(fromEnd.transpose()));
  }
  const pull = fromPoint.clone().add(reference.driftCoefficients(t, dimension).matrix);
  return trace(pull.mmul(reference.transition(0, t, dimension).covariance).mmul(pull.transpose()));
}
