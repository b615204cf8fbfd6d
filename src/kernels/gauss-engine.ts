/**
 * What the fast Gauss transform asks of a machine: points to Chebyshev moments and back, and tensors through matrices, one axis at a time.
 *
 * Arrays lie in the engine's own memory. Tensors have q^d numbers, q even and d = 2 or 3, and stand one after the other.
 */
export interface GaussEngine {
  readonly kind: 'wasm' | 'typescript';
  /** Threads that took part in the widest call so far, the caller included. */
  threads(): number;
  /** Forgets all arrays and makes room for others of `bytes` together; those of before must not be used any more. */
  reset(bytes: number): void;
  /** A zeroed array, aligned to 64 bytes. */
  f64(length: number): Float64Array;
  i32(length: number): Int32Array;
  /** M_b,klm = Σ_p w_p T_k(t_p1) T_l(t_p2) T_m(t_p3) over the points of every box, k + l + m < q (runs of m rounded up to even). */
  moments(points: BoxedCoordinates, w: Float64Array, q: number, M: Float64Array): void;
  /** out_p = Σ C_b,klm T_k T_l T_m at the points of every box. */
  evaluate(points: BoxedCoordinates, C: Float64Array, q: number, out: Float64Array): void;
  /** dst_g[i, a] = Σ_o scale_o Σ_b src_o[b, i] M_o[b, a] over the operations of every group. */
  contract(
    operations: Contractions,
    q: number,
    inner: number,
    src: Float64Array,
    M: Float64Array,
    dst: Float64Array,
    factors?: MatrixFactors,
  ): void;
  release(): void;
}

/** Points by boxes, each box in whole groups of 8. */
export interface BoxedCoordinates {
  readonly dimension: 2 | 3;
  readonly boxes: number;
  /** Where the boxes begin and, last, end. */
  readonly starts: Int32Array;
  /** Coordinates within the box in [−1, 1], one axis after the other. */
  readonly t: Float64Array;
}

/** Tensors times matrices by the tensor they add to. */
export interface Contractions {
  /** Where the operations of each result begin and, last, end. */
  readonly groups: Int32Array;
  /** Numbers of tensors and of matrices. */
  readonly sources: Int32Array;
  readonly matrices: Int32Array;
  readonly scales: Float64Array;
}

/** One matrix for all: what its columns or rows are multiplied by, vectors of q numbers of which the operations give the number. */
export interface MatrixFactors {
  readonly values: Float64Array;
  readonly along: 'columns' | 'rows';
}

/** Bytes of an array, padding included. */
export function arrayBytes(length: number): number {
  return 64 * Math.ceil(length / 8);
}
