import type { AscentVectors, ColumnVectors } from './ascent-vectors.ts';

/**
 * What entropic transport asks of a machine: passes over an n × m kernel, and vector operations on its sides.
 *
 * Everything lies in the engine's own memory. Matrices are row-major with `width(m)` columns and `height(n)` rows; vectors of the columns
 * have length `width(m)`, those of the rows `height(n)`. Padding costs nothing and counts for nothing: stored costs are +∞ there and points
 * are far away, so that whatever stands in the padding of G, v or x meets a weight of exactly 0; row weights `a` must be 0 there.
 *
 * Units: F, G are potentials divided by ε with the logarithms of the weights in them, `inverse` is 1/ε, so that
 * P_ij = exp(F_i + G_j − inverse·C_ij).
 *
 * Rows are split into blocks that depend on the shape alone, each with sums of its own that are added in a fixed order: the bits do not
 * depend on the number of threads.
 */
export interface TransportEngine extends AscentVectors {
  readonly kind: 'wasm' | 'typescript';
  /** Threads that took part in the widest call so far, the caller included. */
  threads(): number;
  /** Why there can be only fewer threads than asked for, if so. */
  readonly threadsReason: string | undefined;
  /** m rounded up to whole vectors. */
  width(columns: number): number;
  /** n rounded up to whole groups of rows. */
  height(rows: number): number;
  /**
   * An array in the engine's memory, aligned to 64 bytes: zeroed, or with anything in it where `zeroed` is false (for what is overwritten
   * at once, such as K). @throws RangeError when the memory asked for at the start is used up
   */
  f64(length: number, zeroed?: boolean): Float64Array;
  f32(length: number, zeroed?: boolean): Float32Array;
  /** Forgets all arrays; the memory starts again. */
  reset(): void;
  /** Copies row-major costs (rows × columns, +∞ allowed) into the engine. */
  storedCosts(costs: Float64Array, rows: number, columns: number): StoredCosts;
  /** Copies points (rows × d, columns × d); costs are scale·|x − y|², computed from differences when needed. */
  pointCosts(x: Float64Array, y: Float64Array, dimension: number, scale: number): PointCosts;
  /** The costs of points, computed once and stored: the same bits, where |x − y|² takes longer to compute than to read. */
  storedPointCosts(points: PointCosts): StoredCosts;

  /** F0_i = −max_j(G_j − inverse·C_ij), K_ij = exp(F0_i + G_j − inverse·C_ij): each row has the maximum 1. 0 below e^−690, in f32 e^−60: no product is subnormal. */
  absorb(costs: CostBlock, G: Float64Array, inverse: number, K: Kernel, F0: Float64Array): void;
  /**
   * s = K v; u = a/s (0 where a is 0) or a·s; sum = Kᵀu: one read of K. With f32 K the products are f32, the sums f64; `wide`: all
   * arithmetic in f64, exact for the rounded kernel.
   */
  fused(K: Kernel, v: Float64Array, a: Float64Array, u: Float64Array, sum: Float64Array, mode: 'divide' | 'multiply', wide?: boolean): void;
  /** out = K v. */
  multiply(K: Kernel, v: Float64Array, out: Float64Array): void;
  /**
   * Lists, row by row, the entries with K_ij v_j > byRow_i or K_ij w_j > byColumn_i. `visit` gets the row, how many there are, their
   * columns and their K_ij v_j, which it must copy; false ends the listing.
   */
  largeEntries(
    K: Kernel,
    v: Float64Array,
    w: Float64Array,
    byRow: Float64Array,
    byColumn: Float64Array,
    visit: (row: number, count: number, columns: Int32Array, values: Float64Array) => boolean,
  ): void;
  /** out = Kᵀu. */
  multiplyTranspose(K: Kernel, u: Float64Array, out: Float64Array): void;

  /**
   * The same without a stored kernel: w_ij = exp(F_i + G_j − inverse·C_ij), s_i = Σ_j w_ij v_j (v = 1 when absent), q = a/s or a·s,
   * sum_j = Σ_i q_i w_ij. F is only a shift that keeps the exponents in range: when a sum is 0 or not finite the caller takes softMin.
   * `single`: exponentials in f32.
   */
  logFused(
    costs: CostBlock,
    F: Float64Array,
    G: Float64Array,
    inverse: number,
    v: Float64Array | undefined,
    a: Float64Array,
    q: Float64Array,
    sum: Float64Array,
    mode: 'divide' | 'multiply',
    single: boolean,
  ): void;
  /** out_i = −log Σ_j exp(G_j − inverse·C_ij), shifted by the maximum; +∞ for a row without finite pair. */
  softMinRows(costs: CostBlock, G: Float64Array, inverse: number, out: Float64Array): void;
  /** out_j = −log Σ_i exp(F_i − inverse·C_ij), likewise. F must be −∞ in the padding of the rows. */
  softMinColumns(costs: CostBlock, F: Float64Array, inverse: number, out: Float64Array): void;
  /** Row sums and column sums of P in f64 and, returned, Σ P_ij C_ij. F must be −∞ in the padding of the rows. */
  marginals(costs: CostBlock, F: Float64Array, G: Float64Array, inverse: number, rows: Float64Array, columns: Float64Array): number;
  /** out_r = P V_r for `count` vectors of the columns, one after the other in V; out likewise by rows. */
  apply(costs: CostBlock, F: Float64Array, G: Float64Array, inverse: number, V: Float64Array, count: number, out: Float64Array): void;
  /** out_r = Pᵀ U_r. */
  applyTranspose(
    costs: CostBlock,
    F: Float64Array,
    G: Float64Array,
    inverse: number,
    U: Float64Array,
    count: number,
    out: Float64Array,
  ): void;
  /**
   * Sums over Q_ij = x_i P_ij y_j + ea_i eb_j, a plan moved onto its marginals: linear Σ Q C, logs Σ Q log Q, mass Σ Q,
   * cross Σ Q (logA_i + logB_j); `forbidden` when ea_i eb_j > 0 meets C_ij = +∞ (that term is left out).
   */
  roundedSums(
    costs: CostBlock,
    F: Float64Array,
    G: Float64Array,
    inverse: number,
    scaling: { readonly x: Float64Array; readonly y: Float64Array; readonly ea: Float64Array; readonly eb: Float64Array },
    logs: { readonly a: Float64Array; readonly b: Float64Array },
  ): { readonly linear: number; readonly logs: number; readonly mass: number; readonly cross: number; readonly forbidden: boolean };

  /** Σ x_k y_k; lengths are multiples of 8. */
  dot(x: Float64Array, y: Float64Array): number;
  /** y += alpha x. */
  axpy(alpha: number, x: Float64Array, y: Float64Array): void;
  /** out_k = exp(x_k), relative error 3e-16; may be in place. */
  exp(x: Float64Array, out: Float64Array): void;
  /** out_k = log(x_k), absolute error 3e-16·max(1, |log x|); −∞ at 0. */
  log(x: Float64Array, out: Float64Array): void;
  /**
   * The two loops of L-BFGS: out = −H (c − wanted), where H starts as γ/D, D = max(c, wanted) and γ = s·y/(y·D⁻¹y) of the newest pair;
   * 0 where D is. Pairs are rows of `S` and `Y` (capacity × length), the newest in row `newest`, `count` of them going back cyclically;
   * `rho` holds 1/(s·y) by row.
   */
  lbfgsDirection(
    pairs: {
      readonly S: Float64Array;
      readonly Y: Float64Array;
      readonly rho: Float64Array;
      readonly newest: number;
      readonly count: number;
    },
    columns: Omit<ColumnVectors, 'G'>,
    out: Float64Array,
  ): void;
  /** Gives the memory and threads back; arrays must not be used afterwards. */
  release(): void;
}

/** K, height(n) × width(m). */
export type Kernel = Float64Array | Float32Array;

/** Costs in an engine's memory. */
export type CostBlock = StoredCosts | PointCosts;

export interface StoredCosts {
  readonly kind: 'stored';
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/** Costs scale·|x − y|² between points. */
export interface PointCosts {
  readonly kind: 'points';
  readonly rows: number;
  readonly columns: number;
  readonly dimension: number;
  readonly scale: number;
  /** height(rows) × d, row-major. */
  readonly x: Float64Array;
  /** d × width(columns): one coordinate after the other. */
  readonly y: Float64Array;
}

/** How to open an engine. */
export interface TransportEngineOptions {
  /** Bytes that the arrays will need together, padding included. */
  readonly bytes: number;
  /** Most threads, the caller included; a problem too small for them uses one. @defaultValue what the machine has, at most 8 */
  readonly threads?: number;
  /** @defaultValue `'auto'`: WebAssembly SIMD where the runtime has it, else plain TypeScript */
  readonly kind?: 'auto' | 'wasm' | 'typescript';
}
