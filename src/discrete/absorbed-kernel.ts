import type { CostBlock, Kernel, TransportEngine } from '../kernels/transport-engine.ts';
import type { SparseMatrix } from '../numerics/sparse-matrix.ts';
import { columnLogSum } from './column-log-sum.ts';
import type { KernelPasses, TransportKernel } from './semi-dual.ts';
import type { Side } from './side.ts';

/** How far g may move, in units of ε, before the kernel is absorbed anew: exp of it must stay far from overflow. */
const REACH = { double: 40, single: 20 };

/**
 * The kernel with potentials absorbed, K_ij = exp(F0_i + G0_j − C_ij/ε), stored in f32 or f64. F0 is the hard minimum over the row, so every
 * row has the maximum 1 and K v can neither vanish nor overflow. One reading of K is one full Sinkhorn iteration; exponentials of all
 * pairs are only needed for a new ε, or when g has moved far.
 *
 * @see [schmitzer2019]
 */
export class AbsorbedKernel implements TransportKernel {
  readonly engine: TransportEngine;
  readonly passes: KernelPasses = { matrix: 0, exponential: 0 };
  private readonly costs: CostBlock;
  private readonly source: Side;
  private readonly target: Side;
  private readonly columns: number;
  private readonly F0: Float64Array;
  private readonly G0: Float64Array;
  private readonly u: Float64Array;
  private readonly v: Float64Array;
  private readonly sum: Float64Array;
  private readonly weighted: Float64Array;
  private readonly single: Float32Array | undefined;
  private double: Float64Array | undefined;
  private K: Kernel;
  private inverse = 1;
  /** Arithmetic in f64 on a kernel in f32. */
  private wide = false;
  private fresh = false;

  /** `single` leaves room for f32 storage, which half the passes need; without it everything is f64. */
  constructor(engine: TransportEngine, costs: CostBlock, source: Side, target: Side, single: boolean) {
    const [height, width] = [engine.height(costs.rows), engine.width(costs.columns)];
    this.engine = engine;
    this.costs = costs;
    this.source = source;
    this.target = target;
    this.columns = costs.columns;
    this.F0 = engine.f64(height);
    this.u = engine.f64(height);
    this.weighted = engine.f64(height);
    this.G0 = engine.f64(width);
    this.v = engine.f64(width);
    this.sum = engine.f64(width);
    this.single = single ? engine.f32(height * width, false) : undefined;
    if (!single) this.double = engine.f64(height * width, false);
    this.K = this.single ?? this.double!;
  }

  /** Bytes of the arrays above, with room for the polish in double precision. */
  static bytes(height: number, width: number, single: boolean): number {
    return height * width * (single ? 12 : 8) + 8 * (3 * height + 3 * width) + 16 * 64;
  }

  setLevel(epsilon: number, precise: boolean, wide = false): void {
    this.wide = wide;
    const before = this.K;
    if (precise || this.single === undefined) {
      this.double ??= this.engine.f64(this.engine.height(this.costs.rows) * this.engine.width(this.columns), false);
      this.K = this.double;
    } else this.K = this.single;
    if (this.inverse !== 1 / epsilon || this.K !== before) this.fresh = false;
    this.inverse = 1 / epsilon;
  }

  fit(G: Float64Array, F: Float64Array, c: Float64Array): void {
    const { engine, K, v, u, sum, source } = this;
    this.centre(G);
    engine.fused(K, v, source.weights, u, sum, 'divide', this.wide);
    this.passes.matrix++;
    engine.product(v, sum, c);
    this.rowPotential(F);
  }

  softRows(G: Float64Array, H: Float64Array): void {
    this.centre(G);
    this.engine.multiply(this.K, this.v, this.u);
    this.passes.matrix += 0.5;
    this.engine.log(this.u, H);
    for (let i = 0; i < this.costs.rows; i++) H[i] = this.F0[i]! - H[i]!;
  }

  columnSums(F: Float64Array, G: Float64Array, c: Float64Array): void {
    const { engine, v, sum } = this;
    this.centre(G);
    this.rowScaling(F);
    engine.multiplyTranspose(this.K, this.u, sum);
    this.passes.matrix += 0.5;
    engine.product(v, sum, c);
  }

  gram(F: Float64Array, G: Float64Array, w: Float64Array, x: Float64Array, out: Float64Array): void {
    const { engine, K, v, u, sum, weighted } = this;
    this.centre(G);
    this.rowScaling(F);
    for (let i = 0; i < weighted.length; i++) weighted[i] = u[i]! * u[i]! * w[i]!;
    engine.product(v, x, out);
    engine.fused(K, out, weighted, u, sum, 'multiply', this.wide);
    this.passes.matrix++;
    engine.product(v, sum, out);
  }

  logColumnSum(j: number, F: Float64Array, G: Float64Array): number {
    return columnLogSum(this.engine, this.costs, j, F, G[j]!, this.inverse);
  }

  sparsePlan(F: Float64Array, G: Float64Array, keep: number, most: number): SparseMatrix | undefined {
    const { engine, K, u, v, sum, weighted, source, target } = this;
    this.centre(G);
    this.rowScaling(F);
    // P_ij > keep·a_i is K_ij v_j > keep·a_i/u_i, and P_ij > keep·b_j is K_ij v_j/b_j > keep/u_i.
    const byRow = new Float64Array(weighted.length).fill(Number.POSITIVE_INFINITY);
    const byColumn = byRow.slice();
    for (let i = 0; i < source.count; i++) {
      byRow[i] = (keep * source.weights[i]!) / u[i]!;
      byColumn[i] = keep / u[i]!;
    }
    for (let j = 0; j < target.count; j++) sum[j] = v[j]! / target.weights[j]!;
    sum.fill(0, target.count);
    const pointers = new Int32Array(source.count + 1);
    let indices = new Int32Array(16 * source.count);
    let values = new Float64Array(indices.length);
    let size = 0;
    engine.largeEntries(K, v, sum, byRow.subarray(0, source.count), byColumn, (i, count, columns, products) => {
      while (size + count > indices.length) {
        indices = grown(indices, new Int32Array(2 * indices.length));
        values = grown(values, new Float64Array(indices.length));
      }
      const scale = u[i]!;
      for (let p = 0; p < count; p++) {
        indices[size] = columns[p]!;
        values[size++] = products[p]! * scale;
      }
      pointers[i + 1] = size;
      return size <= most;
    });
    if (size > most) return undefined;
    return { rows: source.count, columns: target.count, pointers, indices: indices.subarray(0, size), values: values.subarray(0, size) };
  }

  marginals(F: Float64Array, G: Float64Array, rows: Float64Array, columns: Float64Array): number {
    this.passes.exponential++;
    return this.engine.marginals(this.costs, F, G, this.inverse, rows, columns);
  }

  /** Sets v = exp(G − G0), absorbing anew when that would leave the range of the kernel. */
  private centre(G: Float64Array): void {
    const { engine, G0, v, columns } = this;
    const reach = this.K === this.single ? REACH.single : REACH.double;
    const far = engine.difference(G, G0, v);
    v.fill(0, columns);
    if (!(this.fresh && far <= reach)) {
      engine.absorb(this.costs, G, this.inverse, this.K, this.F0);
      G0.set(G);
      this.passes.exponential++;
      this.fresh = true;
      v.fill(0);
    }
    engine.exp(v, v);
  }

  /** F = F0 + log u. */
  private rowPotential(F: Float64Array): void {
    const { engine, F0, costs } = this;
    engine.log(this.u, F);
    engine.axpy(1, F0, F);
    F.fill(Number.NEGATIVE_INFINITY, costs.rows);
  }

  /** u = exp(F − F0), 0 in the padding. */
  private rowScaling(F: Float64Array): void {
    const { F0, u } = this;
    this.engine.difference(F, F0, u);
    u.fill(Number.NEGATIVE_INFINITY, this.costs.rows);
    this.engine.exp(u, u);
  }
}

function grown<T extends Int32Array | Float64Array>(from: T, into: T): T {
  into.set(from);
  return into;
}
