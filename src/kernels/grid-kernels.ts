/**
 * What separable kernels on grids ask of a machine: products along one axis of a tensor seen as [outer, along, inner], the middle axis being
 * the one that is worked on. Arrays lie in the machine's own memory.
 */
export interface GridKernels {
  readonly kind: 'wasm' | 'typescript';
  /** Threads that took part in the widest call so far, the caller included. */
  threads(): number;
  /** A zeroed array. @throws RangeError when the memory asked for at the start is used up */
  f64(length: number): Float64Array;
  /** out_p = A B_p for `products` matrices one after the other, row-major, (rows × depth)(depth × columns). */
  multiply(A: Float64Array, B: Float64Array, out: Float64Array, shape: ProductShape): void;
  /**
   * out[o, i, r] = log Σ_j m_ij exp(T[o, j, r] − inverse·C_ij) without overflow or underflow, m = 1 or C. Nodes go in blocks: within a pair
   * of blocks, the exponents less their bound max T − inverse·min C are summed as plain products; pairs of blocks are put together with
   * factors of their own. A sum that is so much smaller than its bound that terms may have been lost is taken again, term by term.
   *
   * @returns how many were taken again
   */
  logLines(T: Float64Array, out: Float64Array, lines: Lines, axis: AxisBlocks): number;
  /** Gives the memory back. */
  release(): void;
}

/** Products of one matrix (rows × depth) with others (depth × columns). */
export interface ProductShape {
  readonly products: number;
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
}

/** A tensor [outer, along, inner]. */
export interface Lines {
  readonly outer: number;
  readonly along: number;
  readonly inner: number;
}

/** The kernel of one axis in one direction, in blocks of {@link BLOCK} × BLOCK nodes, results by rows. */
export interface AxisBlocks {
  /** Nodes of the result. */
  readonly count: number;
  /** m_ij exp(−inverse·(C_ij − least)), block by block, each row-major; 0 beyond the last node. */
  readonly kernel: Float64Array;
  /** The least cost of every pair of blocks. */
  readonly least: Float64Array;
  /** C_ij stands at i·stride + j·step. */
  readonly costs: Float64Array;
  readonly stride: number;
  readonly step: number;
  readonly inverse: number;
  /** True when terms are weighted with their cost. */
  readonly moment: boolean;
}

/** Nodes of a block. */
export const BLOCK = 16;
/** Pairs of blocks are left out when e to the minus this bounds them relative to the largest. */
export const NEGLIGIBLE = 690;
/** Sums at least this large relative to their bound have lost nothing that counts: n·e^−50 of it. */
export const RELIABLE_LINE: number = Math.exp(-640);
/** The same for plain products of terms whose largest is 1: what underflows is 1e-308. */
export const RELIABLE = 1e-285;

/** Blocks along an axis. */
export function blocksOf(nodes: number): number {
  return Math.ceil(nodes / BLOCK);
}
