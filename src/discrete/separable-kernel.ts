import type { GridKernels } from '../kernels/grid-kernels.ts';
import { RELIABLE } from '../kernels/grid-kernels.ts';
import { type Over, SeparableProduct } from '../kernels/separable-product.ts';
import type { TransportEngine } from '../kernels/transport-engine.ts';
import type { GridProblem } from './grid-problem.ts';
import { roundedGridSums } from './grid-rounding.ts';
import type { PlanPasses, RoundedSums, Rounding } from './plan-passes.ts';
import type { KernelPasses, TransportKernel } from './semi-dual.ts';
import type { Side } from './side.ts';

/** One side: the nodes with weight among all nodes, a tensor of all nodes, and room for two vectors of the nodes with weight. */
interface GridSide {
  readonly nodes: Int32Array;
  readonly tensor: Float64Array;
  readonly vector: Float64Array;
  readonly sums: Float64Array;
}

/**
 * The kernel of a cost that is a sum over axes, between regular grids: products go one axis at a time and cost n Σ_k n_k instead of n².
 * Sums are taken in plain products of scaled exponentials as long as none of them comes near the end of the range of doubles, and line by
 * line in the log domain otherwise; both are exact to rounding. Nodes of weight zero have the potential −∞.
 *
 * @see [solomon2015]
 */
export class SeparableKernel implements TransportKernel, PlanPasses {
  readonly engine: TransportEngine;
  readonly passes: KernelPasses = { matrix: 0, exponential: 0 };
  readonly grid: GridProblem;
  readonly product: SeparableProduct;
  private readonly source: Side;
  private readonly rows: GridSide;
  private readonly columns: GridSide;
  /** log c of the latest column sums. */
  private readonly logColumns: Float64Array;
  private epsilon = 1;
  /** False when plain products fell out of range at this ε. */
  private readonly plain: Record<Over, boolean> = { columns: true, rows: true };

  constructor(
    engine: TransportEngine,
    kernels: GridKernels,
    grid: GridProblem,
    source: Side,
    nodes: { readonly rows: Int32Array; readonly columns: Int32Array },
  ) {
    this.engine = engine;
    this.grid = grid;
    this.source = source;
    const side = (indices: Int32Array, count: number, length: number): GridSide => ({
      nodes: indices,
      tensor: kernels.f64(count),
      vector: engine.f64(length),
      sums: engine.f64(length),
    });
    this.rows = side(nodes.rows, grid.source.weights.length, engine.height(nodes.rows.length));
    this.columns = side(nodes.columns, grid.target.weights.length, engine.width(nodes.columns.length));
    this.logColumns = engine.f64(engine.width(nodes.columns.length));
    this.product = new SeparableProduct(kernels, grid.axes);
  }

  /** Bytes of the arrays above in the engine, and in the memory of the grid kernels. */
  static bytes(height: number, width: number): number {
    return 8 * (2 * height + 3 * width) + 5 * 64;
  }

  static gridBytes({ source, target, axes }: GridProblem): number {
    return SeparableProduct.bytes(axes) + 8 * (source.weights.length + target.weights.length) + 2 * 64;
  }

  threads(): number {
    return this.product.kernels.threads();
  }

  setLevel(epsilon: number): void {
    this.epsilon = epsilon;
    this.product.setLevel(1 / epsilon);
    this.plain.columns = true;
    this.plain.rows = true;
  }

  fit(G: Float64Array, F: Float64Array, c: Float64Array): void {
    this.logSums('columns', G, F);
    const { logs, count } = this.source;
    for (let i = 0; i < count; i++) F[i] = logs[i]! - F[i]!;
    F.fill(Number.NEGATIVE_INFINITY, count);
    this.columnSums(F, G, c);
  }

  softRows(G: Float64Array, H: Float64Array): void {
    this.logSums('columns', G, H);
    for (let i = 0; i < H.length; i++) H[i] = -H[i]!;
  }

  softColumns(F: Float64Array, H: Float64Array): void {
    this.logSums('rows', F, H);
    for (let j = 0; j < H.length; j++) H[j] = -H[j]!;
  }

  columnSums(F: Float64Array, G: Float64Array, c: Float64Array): void {
    this.sums('rows', F, G, this.logColumns, c);
  }

  gram(F: Float64Array, G: Float64Array, w: Float64Array, x: Float64Array, out: Float64Array): void {
    const between = new Float64Array(F.length);
    this.apply(F, G, x, 1, between);
    for (let i = 0; i < this.source.count; i++) between[i]! *= w[i]!;
    this.applyTranspose(F, G, between, 1, out);
  }

  logColumnSum(j: number): number {
    return this.logColumns[j]!;
  }

  marginals(F: Float64Array, G: Float64Array, rows: Float64Array, columns: Float64Array): void {
    this.sums('columns', G, F, rows, rows);
    this.sums('rows', F, G, columns, columns);
  }

  /** ⟨P, C⟩. */
  linear(F: Float64Array, G: Float64Array): number {
    const { vector, nodes } = this.rows;
    const plain = this.logSums('columns', G, vector);
    let total = 0;
    this.grid.axes.forEach((_, k) => {
      if (plain) this.direct('columns', G, vector, k);
      else this.inLogs('columns', G, vector, k);
      for (let i = 0; i < nodes.length; i++) vector[i] = F[i]! + vector[i]!;
      this.engine.exp(vector, vector);
      for (let i = 0; i < nodes.length; i++) total += vector[i]!;
    });
    return total;
  }

  apply(F: Float64Array, G: Float64Array, V: Float64Array, count: number, out: Float64Array): void {
    this.transported('columns', G, F, V, count, out);
  }

  applyTranspose(F: Float64Array, G: Float64Array, U: Float64Array, count: number, out: Float64Array): void {
    this.transported('rows', F, G, U, count, out);
  }

  roundedSums(
    F: Float64Array,
    G: Float64Array,
    rounding: Rounding,
    logs: { readonly a: Float64Array; readonly b: Float64Array },
  ): RoundedSums {
    const scaled = { F: F.map((t, i) => t + Math.log(rounding.x[i]!)), G: G.map((t, j) => t + Math.log(rounding.y[j]!)) };
    const [rows, columns] = [this.rows.sums, this.columns.sums];
    this.marginals(scaled.F, scaled.G, rows, columns);
    const plan = { ...scaled, rows, columns, linear: this.linear(scaled.F, scaled.G), epsilon: this.epsilon };
    return roundedGridSums(this.grid, { rows: this.rows.nodes, columns: this.columns.nodes }, plan, rounding, logs);
  }

  /** log Σ exp(T − C/ε) at every node of the other side, those without weight too. */
  logSumsEverywhere(over: Over, T: Float64Array): Float64Array {
    const [own, other] = this.sides(over);
    spread(own, T, Number.NEGATIVE_INFINITY);
    this.product.logSum(over, own.tensor, other.tensor);
    this.passes.exponential++;
    return other.tensor.slice();
  }

  /** Sums of the plan over one side: logs_i = P_i + log Σ exp(T − C/ε), out = exp(logs); 0 in the padding. */
  private sums(over: Over, T: Float64Array, P: Float64Array, logs: Float64Array, out: Float64Array): void {
    const count = this.sides(over)[1].nodes.length;
    this.logSums(over, T, logs);
    for (let i = 0; i < count; i++) logs[i] = P[i]! + logs[i]!;
    this.engine.exp(logs, out);
    out.fill(0, count);
  }

  /** log Σ exp(T − C/ε) on the nodes with weight; true when plain products did it. */
  private logSums(over: Over, T: Float64Array, out: Float64Array): boolean {
    if (this.plain[over] && this.direct(over, T, out) >= RELIABLE) return true;
    this.plain[over] = false;
    this.inLogs(over, T, out);
    return false;
  }

  /** The same by plain products; returns the smallest sum of terms whose largest is 1, by which the caller judges. */
  private direct(over: Over, T: Float64Array, out: Float64Array, moment?: number): number {
    const { engine, product } = this;
    const [own, other] = this.sides(over);
    const top = this.exponentials(own, T);
    spread(own, own.vector, 0);
    product.multiply(over, own.tensor, other.tensor, moment);
    this.passes.matrix += 0.5;
    const smallest = gather(other, out);
    if (moment === undefined && !(smallest >= RELIABLE)) return smallest;
    engine.log(out, out);
    for (let i = 0; i < other.nodes.length; i++) out[i]! += top;
    return smallest;
  }

  private inLogs(over: Over, T: Float64Array, out: Float64Array, moment?: number): void {
    const [own, other] = this.sides(over);
    spread(own, T, Number.NEGATIVE_INFINITY);
    this.product.logSum(over, own.tensor, other.tensor, moment);
    this.passes.exponential += 0.5;
    gather(other, out);
  }

  /** own.vector = exp(T − max T), and that maximum. */
  private exponentials(own: GridSide, T: Float64Array): number {
    const count = own.nodes.length;
    let top = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < count; j++) if (T[j]! > top) top = T[j]!;
    if (top === Number.NEGATIVE_INFINITY) top = 0;
    for (let j = 0; j < count; j++) own.vector[j] = T[j]! - top;
    own.vector.fill(Number.NEGATIVE_INFINITY, count);
    this.engine.exp(own.vector, own.vector);
    return top;
  }

  /** out_r = Σ exp(P + T − C/ε) V_r. */
  private transported(over: Over, T: Float64Array, P: Float64Array, V: Float64Array, count: number, out: Float64Array): void {
    const [own, other] = this.sides(over);
    const { sums } = other;
    const [stride, outStride] = [T.length, P.length];
    const plain = this.logSums(over, T, sums);
    const top = plain ? this.exponentials(own, T) : 0;
    const scaled = own.vector.slice();
    for (let r = 0; r < count; r++) {
      const [v, into] = [V.subarray(r * stride, (r + 1) * stride), out.subarray(r * outStride, (r + 1) * outStride)];
      into.fill(0);
      if (plain) {
        for (let j = 0; j < own.nodes.length; j++) own.vector[j] = scaled[j]! * v[j]!;
        spread(own, own.vector, 0);
        this.product.multiply(over, own.tensor, other.tensor);
        gather(other, into);
        this.passes.matrix += 0.5;
        // The row's mass times a mean: its factors alone might overflow.
        for (let i = 0; i < other.nodes.length; i++) into[i] = Math.exp(P[i]! + sums[i]!) * (into[i]! / Math.exp(sums[i]! - top));
      } else {
        for (const sign of [1, -1]) {
          const part = T.map((t, j) => (sign * v[j]! > 0 ? t + Math.log(sign * v[j]!) : Number.NEGATIVE_INFINITY));
          this.inLogs(over, part, sums);
          for (let i = 0; i < other.nodes.length; i++) into[i]! += sign * Math.exp(P[i]! + sums[i]!);
        }
      }
    }
  }

  /** The side that sums run over, and the one they are for. */
  private sides(over: Over): readonly [GridSide, GridSide] {
    return over === 'columns' ? [this.columns, this.rows] : [this.rows, this.columns];
  }
}

/** Writes values of the nodes with weight into the tensor of all nodes. */
function spread({ nodes, tensor }: GridSide, values: Float64Array, elsewhere: number): void {
  if (nodes.length < tensor.length) tensor.fill(elsewhere);
  for (let p = 0; p < nodes.length; p++) tensor[nodes[p]!] = values[p]!;
}

/** Reads the nodes with weight, and returns the smallest value. */
function gather({ nodes, tensor }: GridSide, out: Float64Array): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (let p = 0; p < nodes.length; p++) {
    const value = tensor[nodes[p]!]!;
    out[p] = value;
    if (value < smallest) smallest = value;
  }
  return smallest;
}
