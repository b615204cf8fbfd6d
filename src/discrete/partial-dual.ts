import type { ConcaveFunction, ConcavePoint } from './bounded-ascent.ts';
import type { Workspace } from './workspace.ts';

/** The smallest column sum that double precision still tells from an underflow. */
const LOST = 1e-200;

/** How the sides are tied: at most their weights, or exactly them; and the mass to move where both sides leave it open. */
export interface PartialSides {
  readonly source: 'exact' | 'at-most';
  readonly target: 'exact' | 'at-most';
  /** Σ P; that of the exact side where there is one. */
  readonly mass: number;
}

/**
 * The dual of partial transport, min ⟨P, C⟩ + ε KL(P | a ⊗ b) with P1 ≤ a, Pᵀ1 ≤ b, ΣP = s: maximise ⟨a, f⟩ + ⟨b, g⟩ + sλ − ε(ΣP − m_a m_b)
 * over f ≤ 0, g ≤ 0 and λ, P = a ⊗ b exp((f ⊕ g + λ − C)/ε). An exact side has no bound, and no λ is needed beside it. Given g, the best f and
 * λ follow in one pass and a sort; what is left is a smooth concave function of z = g/ε with the gradient b − c, on z ≤ 0.
 *
 * @see [caffarelli2010] [benamou2015]
 */
export class PartialDual implements ConcaveFunction {
  readonly size: number;
  readonly bounded: boolean;
  readonly sides: PartialSides;
  /** λ/ε, 0 beside an exact side. */
  lambda = 0;
  readonly F: Float64Array;
  readonly G: Float64Array;
  private readonly workspace: Workspace;
  /** −log Σ_j exp(G_j − C_ij/ε): f/ε + λ/ε if rows were exact. */
  private readonly H: Float64Array;
  private readonly c: Float64Array;
  private readonly rows: Float64Array;

  constructor(workspace: Workspace, sides: PartialSides) {
    const { engine, source, target } = workspace;
    this.workspace = workspace;
    this.sides = sides;
    this.size = target.count;
    this.bounded = sides.target === 'at-most';
    this.F = engine.f64(source.weights.length);
    this.H = engine.f64(source.weights.length);
    this.rows = engine.f64(source.weights.length);
    this.G = engine.f64(target.weights.length);
    this.c = engine.f64(target.weights.length);
  }

  /** True when λ is a variable. */
  private get open(): boolean {
    return this.sides.source === 'at-most' && this.sides.target === 'at-most';
  }

  setLevel(epsilon: number): void {
    this.workspace.kernel.setLevel(epsilon, true);
  }

  /** F and the column sums that follow from z. */
  spread(z: Float64Array): void {
    const { F, G, H, c, sides } = this;
    const { kernel, source, target } = this.workspace;
    for (let j = 0; j < target.count; j++) G[j] = target.logs[j]! + z[j]!;
    kernel.softRows(G, H);
    this.lambda = this.open ? waterLevel(source.logs, H, source.count, sides.mass) : 0;
    F.fill(Number.NEGATIVE_INFINITY);
    for (let i = 0; i < source.count; i++) F[i] = source.logs[i]! + (sides.source === 'exact' ? H[i]! : Math.min(H[i]!, this.lambda));
    kernel.columnSums(F, G, c);
  }

  evaluate(point: ConcavePoint): void {
    const { z, plain, gradient, curvature } = point;
    this.spread(z);
    const { F, G, H, c, sides, lambda } = this;
    const { kernel, source, target } = this.workspace;
    let [value, moved] = [0, 0];
    for (let j = 0; j < target.count; j++) {
      const logC = c[j]! > LOST ? Math.log(c[j]!) : kernel.logColumnSum(j, F, G);
      // Where z would go if columns were exact.
      plain[j] = z[j]! + target.logs[j]! - logC;
      const want = target.weights[j]!;
      gradient[j] = want - c[j]!;
      curvature[j] = Math.max(want, c[j]!);
      value += want * z[j]!;
      moved += c[j]!;
    }
    const shift = this.open ? waterLevel(target.logs, plain, target.count, sides.mass) : 0;
    for (let j = 0; j < target.count; j++) plain[j] = (this.bounded ? Math.min(0, plain[j]! - shift) : plain[j]!) - z[j]!;
    for (let i = 0; i < source.count; i++) {
      value += source.weights[i]! * (sides.source === 'exact' ? H[i]! : Math.min(0, H[i]! - lambda));
    }
    point.value = value + sides.mass * lambda - moved;
    point.error = this.columnError(z);
  }

  /** Σ|actual − wanted|/mass by sides, recomputed; what is missing of the mass counts for the source. */
  errors(z: Float64Array): { readonly source: number; readonly target: number } {
    const { F, G, rows, c, sides, lambda } = this;
    const { kernel, source } = this.workspace;
    kernel.marginals(F, G, rows, c);
    let [sum, moved] = [0, 0];
    for (let i = 0; i < source.count; i++) {
      const f = F[i]! - source.logs[i]! - lambda;
      sum += Math.abs(rows[i]! - wanted(source.weights[i]!, rows[i]!, f, sides.source));
      moved += rows[i]!;
    }
    return { source: (sum + Math.abs(moved - sides.mass)) / sides.mass, target: this.columnError(z) };
  }

  private columnError(z: Float64Array): number {
    const { target } = this.workspace;
    let sum = 0;
    for (let j = 0; j < target.count; j++) sum += Math.abs(this.c[j]! - wanted(target.weights[j]!, this.c[j]!, z[j]!, this.sides.target));
    return sum / this.sides.mass;
  }
}

/** What a sum should be: its weight, or less where the potential (over ε) need not hold it back: the sum after min(0, z + log(w/c)). */
function wanted(weight: number, sum: number, z: number, side: 'exact' | 'at-most'): number {
  return side === 'exact' ? weight : Math.min(weight, sum * Math.exp(-z));
}

/** λ with Σ_i min(w_i, w_i e^{λ − H_i}) = mass, from the logarithms of the weights; the largest H when that is all there is. */
export function waterLevel(logs: Float64Array, H: Float64Array, count: number, mass: number): number {
  const order = Int32Array.from({ length: count }, (_, i) => i).sort((p, q) => H[p]! - H[q]!);
  const top = H[order[count - 1]!]!;
  // Tails log Σ w e^{−H} over the rows not yet full, from the back.
  const tails = new Float64Array(count + 1).fill(Number.NEGATIVE_INFINITY);
  for (let k = count - 1; k >= 0; k--) {
    const i = order[k]!;
    tails[k] = logAdd(tails[k + 1]!, logs[i]! - H[i]!);
  }
  let full = 0;
  for (let k = 0; k < count; k++) {
    // Rows before k full, the others at w e^{λ − H}: right when the first of them is not full.
    const left = mass - full;
    if (!(left > 0)) break;
    const level = Math.log(left) - tails[k]!;
    if (level <= H[order[k]!]!) return level;
    full += Math.exp(logs[order[k]!]!);
  }
  return top;
}

function logAdd(x: number, y: number): number {
  const top = Math.max(x, y);
  if (top === Number.NEGATIVE_INFINITY) return top;
  return top + Math.log1p(Math.exp(Math.min(x, y) - top));
}
