import type { CostBlock, TransportEngine } from '../kernels/transport-engine.ts';
import { columnLogSum } from './column-log-sum.ts';
import type { KernelPasses, TransportKernel } from './semi-dual.ts';
import type { Side } from './side.ts';

/**
 * The kernel in the log domain: nothing stored but the costs, or not even them when they are distances of points. Every pass takes one
 * exponential a pair; the previous F serves as the shift, so that no running maximum is needed.
 */
export class LogKernel implements TransportKernel {
  readonly engine: TransportEngine;
  readonly passes: KernelPasses = { matrix: 0, exponential: 0 };
  private readonly costs: CostBlock;
  private readonly source: Side;
  /** Row potentials that keep the exponents in range. */
  private readonly shift: Float64Array;
  private readonly q: Float64Array;
  private inverse = 1;
  private single = false;
  private fresh = false;

  constructor(engine: TransportEngine, costs: CostBlock, source: Side) {
    const height = engine.height(costs.rows);
    this.engine = engine;
    this.costs = costs;
    this.source = source;
    this.shift = engine.f64(height);
    this.q = engine.f64(height);
  }

  /** Bytes of the arrays above. */
  static bytes(height: number): number {
    return 16 * height + 2 * 64;
  }

  setLevel(epsilon: number, precise: boolean): void {
    this.inverse = 1 / epsilon;
    this.single = !precise;
    this.fresh = false;
  }

  fit(G: Float64Array, F: Float64Array, c: Float64Array): void {
    const { engine, costs, shift, q, source, inverse } = this;
    if (!this.fresh) this.recentre(G);
    engine.logFused(costs, shift, G, inverse, undefined, source.weights, q, c, 'divide', this.single);
    this.passes.exponential++;
    if (!this.inRange()) {
      this.recentre(G);
      engine.logFused(costs, shift, G, inverse, undefined, source.weights, q, c, 'divide', this.single);
      this.passes.exponential++;
    }
    engine.log(q, F);
    for (let i = 0; i < costs.rows; i++) F[i] = shift[i]! + F[i]!;
    F.fill(Number.NEGATIVE_INFINITY, costs.rows);
    shift.set(F);
  }

  softRows(G: Float64Array, H: Float64Array): void {
    this.engine.softMinRows(this.costs, G, this.inverse, H);
    this.passes.exponential++;
  }

  columnSums(F: Float64Array, G: Float64Array, c: Float64Array): void {
    this.engine.marginals(this.costs, F, G, this.inverse, this.q, c);
    this.passes.exponential++;
  }

  gram(F: Float64Array, G: Float64Array, w: Float64Array, x: Float64Array, out: Float64Array): void {
    this.engine.logFused(this.costs, F, G, this.inverse, x, w, this.q, out, 'multiply', this.single);
    this.passes.exponential++;
  }

  logColumnSum(j: number, F: Float64Array, G: Float64Array): number {
    return columnLogSum(this.engine, this.costs, j, F, G[j]!, this.inverse);
  }

  marginals(F: Float64Array, G: Float64Array, rows: Float64Array, columns: Float64Array): number {
    this.passes.exponential++;
    return this.engine.marginals(this.costs, F, G, this.inverse, rows, columns);
  }

  /** Makes the shift right for G. */
  private recentre(G: Float64Array): void {
    const { shift, costs, source } = this;
    this.engine.softMinRows(costs, G, this.inverse, shift);
    for (let i = 0; i < costs.rows; i++) shift[i] = shift[i]! + source.logs[i]!;
    shift.fill(Number.NEGATIVE_INFINITY, costs.rows);
    this.passes.exponential++;
    this.fresh = true;
  }

  private inRange(): boolean {
    for (let i = 0; i < this.costs.rows; i++) {
      const q = this.q[i]!;
      if (!(q > 1e-250 && q < 1e250)) return false;
    }
    return true;
  }
}
