import type { GaussEngine } from '../kernels/gauss-engine.ts';
import type { PointCosts, TransportEngine } from '../kernels/transport-engine.ts';
import { columnLogSum } from './column-log-sum.ts';
import { transformBound } from './gauss-bound.ts';
import {
  type CentredClouds,
  centredClouds,
  type PreparedLevel,
  phasedLogs,
  prepareLevel,
  type Resolution,
  swappedClouds,
} from './gauss-level.ts';
import { boxLogs, receiveLogs, receiveSums, sendWeights } from './gauss-sums.ts';
import { GaussTransform } from './gauss-transform.ts';
import type { KernelPasses, TransportKernel } from './semi-dual.ts';
import type { Side } from './side.ts';

/** The part of single precision: a kernel right to about 1e-5 and consistent with itself. */
const ROUGH: Resolution = { degree: 8, threshold: 1e-11, budget: 1e-2, proven: false };
/** The most nodes an axis. */
const MOST_NODES = 24;
/** A change of G, translations aside, after which boxes and tilts are made anew. */
const DRIFT = 6;

/** Which of the transforms of a level. */
type Use = 'rough' | 'fine' | 'certified';

interface Prepared extends Pick<PreparedLevel, 'bounded'> {
  readonly sums: GaussTransform;
  readonly engine: GaussEngine;
  /** What it was made for. */
  readonly G: Float64Array;
}

/**
 * The kernel of squared Euclidean costs in up to three dimensions by a fast Gauss transform: passes take time linear in the points, nothing
 * of n × m exists. What is left out and what is interpolated is bounded by {@link transformBound}.
 */
export class GaussKernel implements TransportKernel {
  readonly engine: TransportEngine;
  readonly passes: KernelPasses = { matrix: 0, exponential: 0 };
  private readonly costs: PointCosts;
  private readonly source: Side;
  private readonly target: Side;
  private readonly open: () => GaussEngine;
  private readonly prepared: Map<Use, Prepared> = new Map();
  /** Engines without a level. */
  private readonly spare: GaussEngine[] = [];
  private readonly accuracy: number;
  private readonly clouds: CentredClouds;
  private readonly products: Float64Array;
  private inverse = 1;
  private use: Use = 'fine';
  private degree: number;
  /** True when no degree keeps the bound: marginals go over all pairs then. */
  private exact = false;
  private widest = 1;

  /** `accuracy`: what the bound of Σ|P − P̃| should be in the certified passes, relative to the mass. */
  constructor(engine: TransportEngine, costs: PointCosts, source: Side, target: Side, accuracy: number, open: () => GaussEngine) {
    this.engine = engine;
    this.costs = costs;
    this.source = source;
    this.target = target;
    this.open = open;
    this.clouds = centredClouds(costs);
    this.accuracy = accuracy;
    this.degree = accuracy < 1e-9 ? 20 : 16;
    this.products = engine.f64(source.weights.length);
  }

  /** Bytes of arrays in the engine of vectors. */
  static bytes(height: number): number {
    return 8 * height + 64;
  }

  threads(): number {
    return [...this.prepared.values()].reduce((most, { engine }) => Math.max(most, engine.threads()), this.widest);
  }

  setLevel(epsilon: number, precise: boolean, wide = false): void {
    if (this.inverse !== 1 / epsilon) {
      for (const use of [...this.prepared.keys()]) this.drop(use);
      this.exact = false;
    }
    this.inverse = 1 / epsilon;
    this.use = precise || wide ? 'fine' : 'rough';
    if (this.use === 'fine') this.drop('rough');
  }

  fit(G: Float64Array, F: Float64Array, c: Float64Array): void {
    const { source } = this;
    const { sums } = this.level(G, this.use);
    sendWeights(sums.y, G);
    sums.rows();
    receiveLogs(sums.x, F);
    for (let i = 0; i < source.count; i++) {
      if (Number.isNaN(F[i]!)) F[i] = this.logRowSum(i, G);
      F[i] = source.logs[i]! - F[i]!;
    }
    F.fill(Number.NEGATIVE_INFINITY, source.count);
    sendWeights(sums.x, F);
    sums.columns();
    receiveSums(sums.y, G, c);
    this.passes.exponential++;
  }

  softRows(G: Float64Array, H: Float64Array): void {
    const { sums } = this.level(G, this.use);
    sendWeights(sums.y, G);
    sums.rows();
    receiveLogs(sums.x, H);
    for (let i = 0; i < this.source.count; i++) H[i] = Number.isNaN(H[i]!) ? -this.logRowSum(i, G) : -H[i]!;
    this.passes.exponential += 0.5;
  }

  /** H_j = −log Σ_i exp(F_i − C_ij/ε), for any F: by a transform of its own with the clouds swapped. */
  softColumns(F: Float64Array, H: Float64Array): void {
    const { source, target } = this;
    // Two levels at once would not keep to the memory.
    for (const use of [...this.prepared.keys()]) this.drop(use);
    const weights = { a: target.weights, b: source.weights };
    const { transform } = prepareLevel(swappedClouds(this.clouds), weights, F, this.inverse, this.resolution('certified'));
    const engine = this.spare.pop() ?? this.open();
    const sums = new GaussTransform(engine, transform);
    sendWeights(sums.y, F);
    sums.rows();
    receiveLogs(sums.x, H);
    this.widest = Math.max(this.widest, engine.threads());
    this.spare.push(engine);
    for (let j = 0; j < target.count; j++) {
      H[j] = Number.isNaN(H[j]!) ? -columnLogSum(this.engine, this.costs, j, F, 0, this.inverse) : -H[j]!;
    }
    H.fill(Number.POSITIVE_INFINITY, target.count);
    this.passes.exponential += 0.5;
  }

  columnSums(F: Float64Array, G: Float64Array, c: Float64Array): void {
    this.columnProduct(this.level(G, this.use), F, G, undefined, c);
  }

  gram(F: Float64Array, G: Float64Array, w: Float64Array, x: Float64Array, out: Float64Array): void {
    const { products } = this;
    const level = this.level(G, this.use);
    this.rowProduct(level, F, G, x, products);
    for (let i = 0; i < this.source.count; i++) products[i]! *= w[i]!;
    this.columnProduct(level, F, G, products, out);
  }

  logColumnSum(j: number, F: Float64Array, G: Float64Array): number {
    return columnLogSum(this.engine, this.costs, j, F, G[j]!, this.inverse);
  }

  marginals(F: Float64Array, G: Float64Array, rows: Float64Array, columns: Float64Array): void {
    if (this.exact) {
      this.engine.marginals(this.costs, F, G, this.inverse, rows, columns);
      this.passes.exponential++;
      return;
    }
    const level = this.level(G, 'certified');
    this.rowProduct(level, F, G, undefined, rows);
    this.columnProduct(level, F, G, undefined, columns);
  }

  /** A proven bound of Σ|P − P̃| for what the certified passes sum up; makes them finer until it is as small as asked for, in the end pair by pair. */
  bound(F: Float64Array, G: Float64Array): number {
    if (this.exact) return 0;
    for (;;) {
      const bound = this.leftOut(F, G);
      if (bound <= this.accuracy) return bound;
      this.drop('certified');
      if (this.degree + 2 > MOST_NODES) {
        this.exact = true;
        return 0;
      }
      this.degree += 2;
    }
  }

  /** A proven bound of Σ|P − P̃| relative to the mass for `apply` and `applyTranspose` at the degree that they have. */
  leftOut(F: Float64Array, G: Float64Array): number {
    const { bounded, sums } = this.level(G, 'certified');
    const { inverse } = this;
    const copyLogs = {
      x: boxLogs(sums.x.cloud, (i, p) => F[i]! + sums.x.phase[p]!),
      y: boxLogs(sums.y.cloud, (j, p) => G[j]! + sums.y.phase[p]!),
    };
    const wholeLogs = {
      x: phasedLogs(bounded.x, bounded.tilts.x, bounded.linear.x, F, inverse),
      y: phasedLogs(bounded.y, bounded.tilts.y, bounded.linear.y, G, inverse),
    };
    return transformBound(bounded, copyLogs, wholeLogs, { F, G }) / this.source.mass;
  }

  /** out = P V, `count` vectors one after the other. */
  apply(F: Float64Array, G: Float64Array, V: Float64Array, count: number, out: Float64Array): void {
    const level = this.level(G, 'certified');
    const [width, height] = [V.length / count, out.length / count];
    for (let r = 0; r < count; r++) {
      this.rowProduct(level, F, G, V.subarray(r * width, (r + 1) * width), out.subarray(r * height, (r + 1) * height));
    }
  }

  /** out = Pᵀ U, likewise. */
  applyTranspose(F: Float64Array, G: Float64Array, U: Float64Array, count: number, out: Float64Array): void {
    const level = this.level(G, 'certified');
    const [height, width] = [U.length / count, out.length / count];
    for (let r = 0; r < count; r++) {
      this.columnProduct(level, F, G, U.subarray(r * height, (r + 1) * height), out.subarray(r * width, (r + 1) * width));
    }
  }

  release(): void {
    for (const { engine } of this.prepared.values()) engine.release();
    for (const engine of this.spare) engine.release();
    this.prepared.clear();
    this.spare.length = 0;
  }

  /** out = P v; v = 1 when absent. */
  private rowProduct({ sums }: Prepared, F: Float64Array, G: Float64Array, v: Float64Array | undefined, out: Float64Array): void {
    sendWeights(sums.y, G, v);
    sums.rows();
    receiveSums(sums.x, F, out);
    this.passes.exponential += 0.5;
  }

  /** out = Pᵀ u; u = 1 when absent. */
  private columnProduct({ sums }: Prepared, F: Float64Array, G: Float64Array, u: Float64Array | undefined, out: Float64Array): void {
    sendWeights(sums.x, F, u);
    sums.columns();
    receiveSums(sums.y, G, out);
    this.passes.exponential += 0.5;
  }

  /** The transform of the level, made for G when there is none or G has drifted away. */
  private level(G: Float64Array, use: Use): Prepared {
    const known = this.prepared.get(use);
    if (known !== undefined && drift(known.G, G, this.target.count) <= DRIFT) return known;
    // In space a level takes hundreds of megabytes: one at a time.
    for (const other of [...this.prepared.keys()]) if (other === use || this.clouds.dimension === 3) this.drop(other);
    const resolution = use === 'rough' ? ROUGH : this.resolution(use);
    const weights = { a: this.source.weights, b: this.target.weights };
    const { transform, bounded } = prepareLevel(this.clouds, weights, G, this.inverse, resolution);
    const engine = this.spare.pop() ?? this.open();
    const prepared = { bounded, engine, sums: new GaussTransform(engine, transform), G: G.slice() };
    this.prepared.set(use, prepared);
    return prepared;
  }

  private resolution(use: Use): Resolution {
    const threshold = Math.min(1e-12, 1e-6 * this.accuracy);
    if (use === 'certified') return { degree: this.degree, threshold, budget: 1000 * this.accuracy, proven: true };
    return {
      degree: this.clouds.dimension < 3 ? this.degree : Math.min(this.degree, 12),
      threshold,
      budget: 100 * this.accuracy,
      proven: false,
    };
  }

  private drop(use: Use): void {
    const prepared = this.prepared.get(use);
    if (prepared === undefined) return;
    this.prepared.delete(use);
    this.widest = Math.max(this.widest, prepared.engine.threads());
    this.spare.push(prepared.engine);
  }

  /** log Σ_j exp(G_j − C_ij/ε), pair by pair. */
  private logRowSum(i: number, G: Float64Array): number {
    const { x, y, dimension, scale, columns } = this.costs;
    const stride = y.length / dimension;
    const exponent = (j: number): number => {
      let square = 0;
      for (let k = 0; k < dimension; k++) square += (x[i * dimension + k]! - y[k * stride + j]!) ** 2;
      return G[j]! - this.inverse * scale * square;
    };
    let top = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < columns; j++) top = Math.max(top, exponent(j));
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += Math.exp(exponent(j) - top);
    return top + Math.log(sum);
  }
}

/** The largest |ΔG − mean ΔG|. */
function drift(before: Float64Array, now: Float64Array, count: number): number {
  let mean = 0;
  for (let j = 0; j < count; j++) mean += (now[j]! - before[j]!) / count;
  let most = 0;
  for (let j = 0; j < count; j++) most = Math.max(most, Math.abs(now[j]! - before[j]! - mean));
  return most;
}
