/**
 * What separable kernels on grids ask of a machine: three loops over tensors seen as [outer, along, inner], the middle axis being the one
 * that is worked on. Arrays lie in the machine's own memory.
 */
export interface GridKernels {
  readonly kind: 'wasm' | 'typescript';
  /** A zeroed array. @throws RangeError when the memory asked for at the start is used up */
  f64(length: number): Float64Array;
  /** out = A B, row-major, (rows × depth)(depth × columns), the factors starting at the given offsets. */
  multiply(
    A: Float64Array,
    B: Float64Array,
    out: Float64Array,
    shape: { readonly rows: number; readonly depth: number; readonly columns: number },
    offsets: { readonly B: number; readonly out: number },
  ): void;
  /** top[o, r] = max_j T[o, j, r], 0 where that is −∞; out = exp(T − top) ≤ 1. */
  shiftLines(T: Float64Array, top: Float64Array, out: Float64Array, lines: Lines): void;
  /**
   * Sums over lines back in the log domain: S[o, i, r] ← top[o, r] + log S. A sum so small that terms of it may have been lost is
   * recomputed from T with a maximum of its own: log Σ_j m(C_ij) exp(T[o, j, r] − inverse·C_ij), m the identity or 1.
   *
   * @returns how many were recomputed
   */
  restoreLines(S: Float64Array, top: Float64Array, T: Float64Array, lines: Lines, axis: LineCosts): number;
}

/** A tensor [outer, along, inner]. */
export interface Lines {
  readonly outer: number;
  readonly along: number;
  readonly inner: number;
}

/** The costs between the nodes of one axis, read in either direction. */
export interface LineCosts {
  readonly costs: Float64Array;
  /** Nodes of the result, and how far apart they and the summed ones lie in `costs`. */
  readonly count: number;
  readonly stride: number;
  readonly step: number;
  readonly inverse: number;
  /** True when terms are weighted with their cost. */
  readonly moment: boolean;
}

/** Sums of shifted terms above this have lost nothing that counts: what underflows is 1e-308 of the largest term. */
export const RELIABLE = 1e-285;
