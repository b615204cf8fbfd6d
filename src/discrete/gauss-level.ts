import type { PointCosts } from '../kernels/transport-engine.ts';
import { type BoxedCloud, boxedCloud, copiedBoxes } from './boxed-cloud.ts';
import { type BoundedLevel, remainderOf } from './gauss-bound.ts';
import { boxLogs } from './gauss-sums.ts';
import { territories } from './gauss-territories.ts';
import { type BoxPlan, boxMasses, boxPlan } from './gauss-tilts.ts';
import type { GaussLevel } from './gauss-transform.ts';

/** How finely a level is resolved. */
export interface Resolution {
  /** Chebyshev nodes an axis, even. */
  readonly degree: number;
  /** Share of a box's mass below which a pair of boxes is left out. */
  readonly threshold: number;
  /** Share of a box's mass that interpolating a pair may cost. */
  readonly budget: number;
  /** Whether the bound has to keep to the budget, or an estimate that is a hundred times smaller and more. */
  readonly proven: boolean;
}

/** Points in units in which costs are squared distances, each cloud about its mean. */
export interface CentredClouds {
  readonly dimension: 2 | 3;
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** Mean of x less mean of y. */
  readonly shift: readonly number[];
  /** Ratio of the spreads of x and y, by axis, square root. */
  readonly ratios: readonly number[];
}

/** Side of boxes in units of √ε. */
const SIDE = 0.7;
/** How much one cloud's boxes may differ from the other's. */
const STRETCH = 3;

/** A level with what its bound needs. */
export interface PreparedLevel {
  readonly transform: GaussLevel;
  readonly bounded: BoundedLevel;
}

/** Boxes, tilts and pairs for the plan that follows from G. */
export function prepareLevel(
  clouds: CentredClouds,
  weights: { readonly a: Float64Array; readonly b: Float64Array },
  G: Float64Array,
  inverse: number,
  { degree, threshold, budget, proven }: Resolution,
): PreparedLevel {
  const { dimension } = clouds;
  const sides = boxSides(clouds, inverse);
  const x = boxedCloud(clouds.x, dimension, sides.x);
  const y = boxedCloud(clouds.y, dimension, sides.y);
  const linear = linearPhases(x, y, clouds, inverse);
  const columnLogs = boxLogs(y, (j, p) => G[j]! + linear.y[p]!);
  const plan = boxPlan(x, y, boxMasses(x, weights.a), boxMasses(y, weights.b), columnLogs, inverse, threshold);
  const { pairs } = plan;
  const parts = territories(x, y, pairs, inverse, excessOf(dimension, pairs, degree, budget, proven));
  const [xs, ys] = [copiedBoxes(x, parts.x.box), copiedBoxes(y, parts.y.box)];
  return {
    transform: {
      x: xs,
      y: ys,
      inverse,
      degree,
      tilts: { x: parts.x.tilts, y: parts.y.tilts },
      linear: linearPhases(xs, ys, clouds, inverse),
      pairs: { x: parts.x.ofPair, y: parts.y.ofPair, systems: parts.systems },
    },
    bounded: { x, y, inverse, degree, tilts: plan.tilts, pairs, territories: parts, linear },
  };
}

/** log of the interpolation error of a pair over its budget: the bound for boxes at the middle of their mass, or its leading term. */
function excessOf(
  dimension: number,
  { logs, scales }: BoxPlan['pairs'],
  degree: number,
  budget: number,
  proven: boolean,
): (pair: number, sum: number, square: number) => number {
  const cut = Math.log(budget);
  if (proven) {
    const remainder = remainderOf(degree, dimension);
    return (p, sum, square) => logs[p]! - scales[p]! - cut + remainder(sum, square) + sum;
  }
  let logFactorial = 0;
  for (let k = 2; k <= degree; k++) logFactorial += Math.log(k);
  return (p, sum) => logs[p]! - scales[p]! - cut + degree * Math.log(sum / 2) - logFactorial;
}

function boxSides({ ratios }: CentredClouds, inverse: number): { readonly x: readonly number[]; readonly y: readonly number[] } {
  const unit = SIDE / Math.sqrt(inverse);
  return { x: ratios.map((ratio) => unit * ratio), y: ratios.map((ratio) => unit / ratio) };
}

/** How many boxes either cloud would take. */
export function boxCounts(clouds: CentredClouds, inverse: number): [number, number] {
  const sides = boxSides(clouds, inverse);
  const { dimension: d } = clouds;
  const count = (points: Float64Array, side: readonly number[]): number => {
    const seen = new Set<string>();
    for (let p = 0; p < points.length; p += d) seen.add(side.map((s, k) => Math.round(points[p + k]! / s)).join());
    return seen.size;
  };
  return [count(clouds.x, sides.x), count(clouds.y, sides.y)];
}

/** −|x − y|² = −|x' − y'|² − 2Δ·x' − |Δ|² + 2Δ·y' for points about their means, Δ the difference of the means. */
function linearPhases(
  x: BoxedCloud,
  y: BoxedCloud,
  { x: xs, y: ys, shift }: CentredClouds,
  inverse: number,
): { x: Float64Array; y: Float64Array } {
  const d = x.dimension;
  const phase = (cloud: BoxedCloud, points: Float64Array, sign: number, constant: number): Float64Array =>
    Float64Array.from(cloud.order, (i) => {
      if (i < 0) return 0;
      let sum = constant;
      for (let k = 0; k < d; k++) sum += 2 * sign * shift[k]! * points[i * d + k]!;
      return inverse * sum;
    });
  const square = shift.reduce((sum, s) => sum + s * s, 0);
  return { x: phase(x, xs, -1, -square), y: phase(y, ys, 1, 0) };
}

/** Brings point costs into that form; a line is put into the plane. */
export function centredClouds({ x, y, rows, columns, dimension, scale }: PointCosts): CentredClouds {
  const d = dimension === 3 ? 3 : 2;
  const unit = Math.sqrt(scale);
  const stride = y.length / dimension;
  const centred = (count: number, coordinate: (i: number, k: number) => number) => {
    const data = new Float64Array(count * d);
    const means = new Array<number>(d).fill(0);
    const spreads = new Array<number>(d).fill(0);
    for (let k = 0; k < dimension; k++) {
      for (let i = 0; i < count; i++) means[k]! += (unit * coordinate(i, k)) / count;
      for (let i = 0; i < count; i++) {
        const offset = unit * coordinate(i, k) - means[k]!;
        data[i * d + k] = offset;
        spreads[k]! += (offset * offset) / count;
      }
    }
    return { data, means, spreads };
  };
  const source = centred(rows, (i, k) => x[i * dimension + k]!);
  const target = centred(columns, (j, k) => y[k * stride + j]!);
  // Where the map stretches, partners of x lie farther apart than those of y: x gets the smaller boxes.
  const ratios = source.spreads.map((s, k) => {
    const ratio = (s / target.spreads[k]!) ** 0.25;
    return Number.isFinite(ratio) && ratio > 0 ? Math.min(STRETCH, Math.max(1 / STRETCH, ratio)) : 1;
  });
  return { dimension: d, x: source.data, y: target.data, shift: source.means.map((m, k) => m - target.means[k]!), ratios };
}

/** The same with source and target exchanged. */
export function swappedClouds({ dimension, x, y, shift, ratios }: CentredClouds): CentredClouds {
  return { dimension, x: y, y: x, shift: shift.map((s) => -s), ratios: ratios.map((ratio) => 1 / ratio) };
}

/** log w of the boxes or copies of a cloud for potentials by point. */
export function phasedLogs(
  cloud: BoxedCloud,
  tilts: Float64Array,
  linear: Float64Array,
  potential: Float64Array,
  inverse: number,
): Float64Array {
  const { dimension: d, offsets, starts, boxes } = cloud;
  const stride = starts[boxes]!;
  return boxLogs(cloud, (i, p, b) => {
    let value = potential[i]! + linear[p]!;
    for (let k = 0; k < d; k++) {
      const u = offsets[k * stride + p]!;
      value -= inverse * u * (u - 2 * tilts[b * d + k]!);
    }
    return value;
  });
}
