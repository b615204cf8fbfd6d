import type { Cost } from '../costs/cost.ts';
import { costRows } from '../costs/cost-rows.ts';
import type { DiscreteMarginal } from '../marginals/discrete-marginal.ts';
import { crossMoment, weightedMean } from '../numerics/moments.ts';
import { type Points, row } from '../numerics/points.ts';
import { dot, toShares } from '../numerics/vectors.ts';

/** Entropic transport between the measures scaled to mass 1, where ε is so large that the plan is their product but for a small part. */
export interface BlurredTransport {
  /** OT_ε, between `value` − `slack` and `value` + `slack`. */
  readonly value: number;
  readonly slack: number;
  /** Potentials of all points. */
  readonly f: Float64Array;
  readonly g: Float64Array;
}

/** Pairs that are summed one by one at most. */
const MOST_PAIRS = 1e8;
/** Largest part of ε that the costs may differ by, beyond what their means by rows and columns explain. */
const SMALL = 1e-5;

/**
 * Expands min ⟨P, C⟩ + ε KL(P | α ⊗ β) in 1/ε, without the differences of numbers of size ε that its dual and its entropy are made of there.
 * With c̄ = ⟨α ⊗ β, C⟩ and R = C − Cβ − Cᵀα + c̄, what is left of the costs after their means by rows and columns,
 *
 * OT_ε = c̄ − ⟨R²⟩/2ε ± ⟨R²⟩ max|R|/6ε²,  f = Cβ − c̄/2 − (R²β − ⟨R²⟩/2)/2ε,
 *
 * since α ⊗ β (1 − R/ε) is a plan, and Cβ ⊕ Cᵀα − c̄ are potentials. Undefined where ε is not far enough above R, pairs are forbidden, or there
 * are too many of them to look at; squared Euclidean costs follow from moments.
 */
export function blurredTransport(
  cost: Cost,
  source: DiscreteMarginal,
  target: DiscreteMarginal,
  epsilon: number,
): BlurredTransport | undefined {
  const [alpha, beta] = [toShares(source.weights), toShares(target.weights)];
  const sums =
    cost.squaredScale === undefined
      ? pairSums(cost, source.points, target.points, alpha, beta)
      : squaredSums(cost.squaredScale, source.points, target.points, alpha, beta);
  if (sums === undefined || !(sums.largest <= SMALL * epsilon)) return undefined;
  const { mean, rows, columns, largest } = sums;
  const spread = dot(alpha, rows.squares);
  const potential = ({ means, squares }: LineSums): Float64Array =>
    means.map((value, i) => value - mean / 2 - (squares[i]! - spread / 2) / (2 * epsilon));
  const rounding = 2 ** -50 * (Math.abs(mean) + largest);
  return {
    value: mean - spread / (2 * epsilon),
    slack: (spread * largest * (1 + 4 * SMALL)) / (6 * epsilon ** 2) + rounding,
    f: potential(rows),
    g: potential(columns),
  };
}

/** Means over the other side: of the costs, and of R². */
interface LineSums {
  readonly means: Float64Array;
  readonly squares: Float64Array;
}

interface CostSums {
  readonly mean: number;
  readonly rows: LineSums;
  readonly columns: LineSums;
  /** max|R|, or above it. */
  readonly largest: number;
}

/** In two passes over all pairs. */
function pairSums(cost: Cost, x: Points, y: Points, alpha: Float64Array, beta: Float64Array): CostSums | undefined {
  const [n, m] = [x.count, y.count];
  if (n * m > MOST_PAIRS) return undefined;
  const line = costRows(cost, x, y);
  const made = (): LineSums => ({ means: new Float64Array(n), squares: new Float64Array(n) });
  const rows = made();
  const columns = { means: new Float64Array(m), squares: new Float64Array(m) };
  for (let i = 0; i < n; i++) {
    const costs = line(i);
    rows.means[i] = dot(beta, costs);
    for (let j = 0; j < m; j++) columns.means[j]! += alpha[i]! * costs[j]!;
  }
  const mean = dot(alpha, rows.means);
  if (!Number.isFinite(mean)) return undefined;
  let largest = 0;
  for (let i = 0; i < n; i++) {
    const costs = line(i);
    for (let j = 0; j < m; j++) {
      const rest = costs[j]! - rows.means[i]! - columns.means[j]! + mean;
      rows.squares[i]! += beta[j]! * rest * rest;
      columns.squares[j]! += alpha[i]! * rest * rest;
      largest = Math.max(largest, Math.abs(rest));
    }
  }
  return { mean, rows, columns, largest };
}

/** From moments: R = −2·scale·(x − x̄)·(y − ȳ) for scale·|x − y|². */
function squaredSums(scale: number, x: Points, y: Points, alpha: Float64Array, beta: Float64Array): CostSums {
  const [mx, my] = [weightedMean(x, alpha), weightedMean(y, beta)];
  const side = (points: Points, centre: Float64Array, other: Points, mean: Float64Array, weights: Float64Array) => {
    const covariance = crossMoment(other, mean, other, mean, weights).to2DArray();
    const trace = covariance.reduce((sum, line, k) => sum + line[k]!, 0);
    let far = 0;
    const means = new Float64Array(points.count);
    const squares = means.map((_, i) => {
      const at = row(points, i);
      const off = at.map((value, k) => value - centre[k]!);
      far = Math.max(far, Math.sqrt(dot(off, off)));
      means[i] = scale * (at.reduce((sum, value, k) => sum + (value - mean[k]!) ** 2, 0) + trace);
      return 4 * scale ** 2 * covariance.reduce((sum, line, k) => sum + off[k]! * line.reduce((s, c, l) => s + c * off[l]!, 0), 0);
    });
    return { means, squares, far };
  };
  const [rows, columns] = [side(x, mx, y, my, beta), side(y, my, x, mx, alpha)];
  return { mean: dot(alpha, rows.means), rows, columns, largest: 2 * scale * rows.far * columns.far };
}
