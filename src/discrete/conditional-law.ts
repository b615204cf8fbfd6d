import type { Cost } from '../costs/cost.ts';
import { openTransportEngine } from '../kernels/open-transport-engine.ts';
import { weightedMean } from '../numerics/moments.ts';
import { allocatePoints, type Points, row, takeRows } from '../numerics/points.ts';
import { coordinates } from './plan-moments.ts';

/** The law of the partner of any point, ∝ b_j exp((g_j − c(x, y_j))/ε). */
export interface ConditionalLaw {
  /** Its weights given row i of x, scaled to a largest one of 1; all 0 where every pair is forbidden. */
  weights(x: Points, i: number): Float64Array;
  /** Its means, one row a row of x. */
  mean(x: Points): Points;
}

/** Pairs above which the engine does the sums. */
const MANY_PAIRS = 1e5;

/** Reads the law off the potentials of the partners; `between` gives costs from the asking side to theirs. */
export function conditionalLaw(
  partners: Points,
  weights: Float64Array,
  potential: Float64Array,
  epsilon: number,
  cost: Cost,
  between: (x: Points, y: Points) => Float64Array,
): ConditionalLaw {
  // A potential of +∞ is that of a point whose mass stays: it is nobody's partner.
  const logs = potential.map((g, j) =>
    weights[j]! > 0 && g < Number.POSITIVE_INFINITY ? g / epsilon + Math.log(weights[j]!) : Number.NEGATIVE_INFINITY,
  );
  const law: ConditionalLaw = {
    weights(x, i) {
      const exponents = between(takeRows(x, [i]), partners).map((c, j) => logs[j]! - c / epsilon);
      const top = exponents.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      if (top === Number.NEGATIVE_INFINITY) return exponents.fill(0);
      return exponents.map((t) => Math.exp(t - top));
    },
    mean(x) {
      if (cost.squaredScale !== undefined && x.count * partners.count > MANY_PAIRS)
        return meanOnTheFly(x, partners, logs, epsilon, cost.squaredScale);
      const out = allocatePoints(x.count, partners.dimension);
      for (let i = 0; i < x.count; i++) row(out, i).set(weightedMean(partners, law.weights(x, i)));
      return out;
    },
  };
  return law;
}

/** The barycentric map of many points without forming their plan. */
function meanOnTheFly(x: Points, partners: Points, logs: Float64Array, epsilon: number, scale: number): Points {
  const { dimension } = partners;
  const pad = (count: number): number => count + 64;
  const engine = openTransportEngine({ bytes: 8 * (pad(x.count) + pad(partners.count)) * (2 * dimension + 2) + 4096 });
  try {
    const costs = engine.pointCosts(x.data, partners.data, dimension, scale);
    const [height, width] = [engine.height(x.count), engine.width(partners.count)];
    const [F, G] = [engine.f64(height), engine.f64(width)];
    const [V, out] = [engine.f64(width * dimension), engine.f64(height * dimension)];
    G.set(logs);
    engine.softMinRows(costs, G, 1 / epsilon, F);
    F.fill(Number.NEGATIVE_INFINITY, x.count);
    const flat = coordinates(partners);
    for (let k = 0; k < dimension; k++) V.set(flat.subarray(k * partners.count, (k + 1) * partners.count), k * width);
    engine.apply(costs, F, G, 1 / epsilon, V, dimension, out);
    const means = allocatePoints(x.count, dimension);
    for (let i = 0; i < x.count; i++) for (let k = 0; k < dimension; k++) means.data[i * dimension + k] = out[k * height + i]!;
    return means;
  } finally {
    engine.release();
  }
}
