import type { TransportEngine } from '../kernels/transport-engine.ts';
import type { SparseMatrix } from '../numerics/sparse-matrix.ts';
import { inner, sumOf } from './padded-vectors.ts';
import type { Side } from './side.ts';

/**
 * What the semi-dual asks of a cost, whichever way its kernel is kept: stored and absorbed, in the log domain on the fly, separable on a
 * grid, truncated on a tree. F, G are potentials divided by ε with the logarithms of the weights in them: P_ij = exp(F_i + G_j − C_ij/ε).
 */
export interface TransportKernel {
  readonly engine: TransportEngine;
  /** Prepares for another ε; `precise` asks for double precision throughout, `wide` for double arithmetic on what is stored in single. */
  setLevel(epsilon: number, precise: boolean, wide?: boolean): void;
  /** F ← log a − log Σ_j exp(G_j − C_ij/ε), so that rows are exact, and the column sums c of that plan. */
  fit(G: Float64Array, F: Float64Array, c: Float64Array): void;
  /** H_i = −log Σ_j exp(G_j − C_ij/ε). */
  softRows(G: Float64Array, H: Float64Array): void;
  /** c_j = Σ_i P_ij. */
  columnSums(F: Float64Array, G: Float64Array, c: Float64Array): void;
  /** out = Pᵀ(w ∘ P x), with P at F, G and w given by rows. */
  gram(F: Float64Array, G: Float64Array, w: Float64Array, x: Float64Array, out: Float64Array): void;
  /** log c_j where the sum itself underflows. */
  logColumnSum(j: number, F: Float64Array, G: Float64Array): number;
  /** The entries P_ij > keep·min(a_i, b_j); undefined when there are more than `most`. Absent where they cannot be listed. */
  sparsePlan?(F: Float64Array, G: Float64Array, keep: number, most: number): SparseMatrix | undefined;
  /** Row sums and column sums in double precision. */
  marginals(F: Float64Array, G: Float64Array, rows: Float64Array, columns: Float64Array): void;
  /** A proven bound of Σ|P − P̃|/Σa when `marginals` sums up an approximation P̃ of P. Absent where it is exact to rounding. */
  bound?(F: Float64Array, G: Float64Array): number;
  /** Threads that took part in its widest pass. Absent where they are the engine's. */
  threads?(): number;
  /** Work so far. */
  readonly passes: KernelPasses;
}

/** What the work was: reads of a stored kernel, and passes of n·m exponentials. */
export interface KernelPasses {
  matrix: number;
  exponential: number;
}

/** All that one pass tells about the semi-dual at G. */
export interface SemiDualPoint {
  readonly G: Float64Array;
  /** The best F for G. */
  readonly F: Float64Array;
  /** Column sums of the plan; its rows are right by the choice of F. */
  readonly c: Float64Array;
  /** What the column sums should be: b, or b·exp(−g/ρ) on a penalised side. */
  readonly wanted: Float64Array;
  /** log(wanted/c). */
  readonly logRatio: Float64Array;
  /** Semi-dual value in units of ε, up to a constant. */
  value: number;
  /** Σ|c − wanted|/Σb. */
  error: number;
}

/** Rounding of a mean of logarithms of sums in single precision. */
const SINGLE_ROUNDING = 4e-9;
/** The smallest column sum that double precision still tells from an underflow. */
const LOST = 1e-200;

/**
 * The dual of entropic transport with f eliminated: a concave function of g alone with gradient b − c (b·e^{−g/ρ} − c when penalised), c the
 * column sums of the plan whose rows are right. g + ε·log(b/c) is one full Sinkhorn iteration.
 *
 * @see [cuturi2013] [chizat2018]
 */
export class SemiDual {
  readonly kernel: TransportKernel;
  readonly source: Side;
  readonly target: Side;
  epsilon = 1;
  /** ρ/(ρ + ε) of the target, 1 when exact: a Sinkhorn step is τ·log(wanted/c). */
  tau = 1;
  private sourceTau = 1;
  /** False where rounding of single precision makes the dual rough. */
  private smooth = true;
  private readonly soft: Float64Array;

  constructor(kernel: TransportKernel, source: Side, target: Side) {
    this.kernel = kernel;
    this.source = source;
    this.target = target;
    this.soft = source.exact ? source.weights : kernel.engine.f64(source.weights.length);
  }

  setLevel(epsilon: number, precise: boolean, wide = false): void {
    this.epsilon = epsilon;
    this.tau = this.target.exact ? 1 : this.target.rho / (this.target.rho + epsilon);
    this.sourceTau = this.source.exact ? 1 : this.source.rho / (this.source.rho + epsilon);
    this.smooth = precise || wide;
    this.kernel.setLevel(epsilon, precise, wide);
  }

  /** What rounding may do to the value of a point. */
  valueRounding({ value }: SemiDualPoint): number {
    return 1e-15 * Math.abs(value) + (this.smooth ? 0 : SINGLE_ROUNDING * this.source.mass);
  }

  /** A point with room for everything, G = 0. */
  allocate(): SemiDualPoint {
    const { engine } = this.kernel;
    const width = this.target.weights.length;
    return {
      G: engine.f64(width),
      F: engine.f64(this.source.weights.length),
      c: engine.f64(width),
      wanted: this.target.exact ? this.target.weights : engine.f64(width),
      logRatio: engine.f64(width),
      value: 0,
      error: Number.POSITIVE_INFINITY,
    };
  }

  /** Fills in the rest of a point whose G is set. */
  evaluate(point: SemiDualPoint): void {
    const { kernel, source, target } = this;
    const { G, F, c, wanted, logRatio } = point;
    if (source.exact) kernel.fit(G, F, c);
    else {
      kernel.softRows(G, this.soft);
      for (let i = 0; i < source.count; i++) F[i] = source.logs[i]! + this.sourceTau * this.soft[i]!;
      F.fill(Number.NEGATIVE_INFINITY, source.count);
      kernel.columnSums(F, G, c);
    }
    // Nothing may come of the padding.
    c.fill(0, target.count);
    if (!target.exact) this.fillWanted(G, wanted);
    const { logs } = target;
    const penalty = target.exact ? 0 : this.epsilon / target.rho;
    const { error, linear, mass, least } = kernel.engine.compareColumns({ G, c, wanted, logs, penalty }, logRatio);
    if (!(least > LOST)) this.rescueColumns(point, penalty);
    logRatio.fill(0, target.count);
    let value = target.exact ? linear : -mass / penalty;
    value += source.exact ? inner(source.weights, F, source.count) : this.penalisedRows(F) - sumOf(c, target.count);
    point.value = value;
    point.error = error / target.mass;
  }

  /** The ratios of columns whose sums underflow. */
  private rescueColumns({ F, G, c, logRatio }: SemiDualPoint, penalty: number): void {
    const { logs, count } = this.target;
    for (let j = 0; j < count; j++) {
      if (c[j]! > LOST) continue;
      logRatio[j] = logs[j]! - penalty * (G[j]! - logs[j]!) - this.kernel.logColumnSum(j, F, G);
    }
  }

  /** wanted_j = b_j exp(−g_j/ρ), g/ε = G − log b. */
  private fillWanted(G: Float64Array, wanted: Float64Array): void {
    const { logs, rho, count } = this.target;
    const ratio = this.epsilon / rho;
    for (let j = 0; j < count; j++) wanted[j] = logs[j]! - ratio * (G[j]! - logs[j]!);
    wanted.fill(Number.NEGATIVE_INFINITY, count);
    this.kernel.engine.exp(wanted, wanted);
  }

  /** −(ρ/ε) Σ a_i e^{−f_i/ρ}. */
  private penalisedRows(F: Float64Array): number {
    const { weights, logs, rho, count } = this.source;
    const ratio = this.epsilon / rho;
    let total = 0;
    for (let i = 0; i < count; i++) total += weights[i]! * Math.exp(-ratio * (F[i]! - logs[i]!));
    return -total / ratio;
  }
}
