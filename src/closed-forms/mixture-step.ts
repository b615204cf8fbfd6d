import type { Points } from '../numerics/points.ts';
import { combine, dot } from '../numerics/vectors.ts';
import {
  blendComponents,
  endQuadratics,
  type MixturePotential,
  type PotentialComponent,
  potentialComponent,
  startQuadratics,
} from './mixture-potential.ts';
import { type TermMoments, termMoments, termShares } from './mixture-quadratics.ts';
import {
  addOuter,
  applySpread,
  conditionalSpread,
  innerSpreads,
  isDiagonal,
  type Spread,
  sandwichSpread,
  shiftSpread,
  spreadOf,
} from './mixture-spread.ts';

/** Weighted points, weights of sum one. */
export interface WeightedPoints {
  readonly points: Points;
  readonly weights: Float64Array;
}

/** What one look at both samples says about a potential. */
export interface PotentialFit {
  readonly potential: MixturePotential;
  /** E log c(x) − E log v(y): KL(plan | this plan) up to a constant. */
  readonly loss: number;
  /** `loss` + ½·ridge·Σ_k tr V_k⁻¹: what a step lowers. */
  readonly objective: number;
  /** Size of the terms whose difference the loss is: its rounding is about 1e-16 of it. */
  readonly size: number;
  /** Moments of x under the conditional weights. */
  readonly source: TermMoments;
  /** Moments of y under the responsibilities of v. */
  readonly target: TermMoments;
}

/** Loss and moments of a potential on samples. */
export function evaluatePotential(potential: MixturePotential, x: WeightedPoints, y: WeightedPoints, ridge: number): PotentialFit {
  const diagonal = isDiagonal(potential.components[0]!.covariance);
  const start = termShares(startQuadratics(potential), x.points);
  const end = termShares(endQuadratics(potential), y.points);
  let source: TermMoments | undefined;
  let target: TermMoments | undefined;
  const [c, v] = [dot(x.weights, start.values), dot(y.weights, end.values)];
  const penalty = ridge === 0 ? 0 : potential.components.reduce((sum, { precision }) => sum + innerSpreads(precision, unit(precision)), 0);
  return {
    potential,
    loss: c - v,
    objective: c - v + 0.5 * ridge * penalty,
    size: Math.abs(c) + Math.abs(v) + 1,
    // A step that is turned down needs the loss only.
    get source() {
      source ??= termMoments(x.points, x.weights, start.shares, diagonal);
      return source;
    },
    get target() {
      target ??= termMoments(y.points, y.weights, end.shares, diagonal);
      return target;
    },
  };
}

/** A direction in which the objective falls, and how fast. */
export interface DescentStep {
  /** The potential at a fraction s of the way, 0 ≤ s ≤ 1. */
  at(s: number): MixturePotential;
  /** d objective/ds at s = 0, ≤ 0; 0 where the potential is stationary. */
  readonly slope: number;
}

/**
 * The step of expectation–maximisation. Given the responsibilities of v at the target sample, the objective is bounded above by a function
 * that is convex in the natural parameters (weights, V⁻¹r, V⁻¹) and touches it. With the conditional weights of x frozen as well, the
 * minimiser is a Gaussian plan for every component, between the parts of x and y that belong to it, in closed form: V + VUV = Y, r = ȳ − Vx̄,
 * while a weight grows by the ratio of target to source mass, as in Sinkhorn's algorithm. Freezing keeps the gradient, so the segment to that
 * point starts downhill, and a backtracking search along it lowers the objective: the iteration is monotone. With one component nothing is
 * frozen and one step is exact.
 */
export function descentStep({ potential, source, target }: PotentialFit, ridge: number): DescentStep {
  const moves = potential.components.map((component, k) => componentMove(component, sideMoments(source, k), sideMoments(target, k), ridge));
  return {
    slope: Math.min(
      0,
      moves.reduce((sum, { slope }) => sum + slope, 0),
    ),
    at: (s) => ({ dimension: potential.dimension, components: moves.map((move) => move.at(s)) }),
  };
}

/** The Gaussian plan between moments of x and y that a component stands for, of given total weight. */
export function gaussianComponent(source: SideMoments, target: SideMoments, ridge: number): PotentialComponent {
  const spread = shiftSpread(target.covariance, ridge / target.mass);
  const covariance = conditionalSpread(source.covariance, spread);
  const mean = combine([1, target.mean], [-1, applySpread(covariance, source.mean)]);
  const component = potentialComponent(0, mean, covariance);
  return { ...component, logWeight: Math.log(target.mass) - meanExponent(component, source) };
}

/** Mass, mean and covariance of the part of a sample that belongs to one component. */
export interface SideMoments {
  readonly mass: number;
  readonly mean: Float64Array;
  readonly covariance: Spread;
}

/** Masses below it say nothing about moments. */
const EMPTY = 1e-12;
/** The largest change of a log-weight in one step. */
const REACH = 5;

function componentMove(
  component: PotentialComponent,
  source: SideMoments,
  target: SideMoments,
  ridge: number,
): { at: (s: number) => PotentialComponent; slope: number } {
  const log = Math.log(Math.max(target.mass, Number.MIN_VALUE)) - Math.log(Math.max(source.mass, Number.MIN_VALUE));
  const gain = Math.max(-REACH, Math.min(REACH, log));
  const ofWeight = (source.mass - target.mass) * gain;
  if (source.mass < EMPTY || target.mass < EMPTY) {
    return { at: (s) => ({ ...component, logWeight: component.logWeight + s * gain }), slope: ofWeight };
  }
  const best = gaussianComponent(source, target, ridge);
  const level = component.logWeight + meanExponent(component, source);
  return {
    at(s) {
      const made = blendComponents(component, best, s);
      return { ...made, logWeight: level + s * gain - meanExponent(made, source) };
    },
    slope: ofWeight + target.mass * shapeSlope(component, best, source, target, ridge),
  };
}

/** E(½ xᵀVx + r·x) over the component's part of the source. */
function meanExponent({ mean, covariance }: PotentialComponent, source: SideMoments): number {
  return (
    dot(mean, source.mean) + 0.5 * (innerSpreads(covariance, source.covariance) + dot(source.mean, applySpread(covariance, source.mean)))
  );
}

/** Derivative of E[log-partition of (V⁻¹r + x, V⁻¹)] − E log-density's linear part, per unit of mass, towards `best`. */
function shapeSlope(
  { mean, covariance, precision }: PotentialComponent,
  best: PotentialComponent,
  source: SideMoments,
  target: SideMoments,
  ridge: number,
): number {
  // Mean and covariance of y that the component predicts from its part of the source.
  const predicted = combine([1, mean], [1, applySpread(covariance, source.mean)]);
  const gap = combine([1, target.mean], [-1, predicted]);
  const change = combine([1, applySpread(best.precision, best.mean)], [-1, applySpread(precision, mean)]);
  const turn = combine([1, applySpread(best.precision, predicted)], [-1, applySpread(precision, predicted)]);
  const spread = addOuter(shiftSpread(target.covariance, ridge / target.mass), 1, gap);
  const own = (s: Spread): number =>
    innerSpreads(s, spread) - innerSpreads(s, covariance) - innerSpreads(s, sandwichSpread(covariance, source.covariance));
  // E yyᵀ of target minus prediction = spread − own covariance + predicted·gapᵀ + gap·predictedᵀ.
  return -dot(gap, change) + dot(gap, turn) + 0.5 * (own(best.precision) - own(precision));
}

/** The part of one term, centred. */
export function sideMoments({ masses, means, seconds }: TermMoments, k: number): SideMoments {
  const d = means.length / masses.length;
  const size = seconds.length / masses.length;
  const mean = means.slice(k * d, (k + 1) * d);
  return { mass: masses[k]!, mean, covariance: addOuter(spreadOf(seconds.slice(k * size, (k + 1) * size), d), -1, mean) };
}

function unit(s: Spread): Spread {
  return isDiagonal(s) ? new Float64Array(s.length).fill(1) : shiftSpread(s.clone().mul(0), 1);
}
