import { factorPanel, subtractProduct } from './panel-products.ts';
import type { SparseMatrix } from './sparse-matrix.ts';
import { type Supernodes, supernodes } from './supernodes.ts';

/** A pivot below this share of its diagonal entry may be rounding of a zero. */
const NEGLIGIBLE = 2 ** -48;

/** A = Pᵀ L Lᵀ P, ready to solve. */
export interface SparseCholesky {
  /** Writes A⁻¹ b to `out`, which may be `b` itself. */
  readonly solve: (b: Float64Array, out: Float64Array) => void;
  /** Entries of L. */
  readonly nonZeros: number;
  /** Additions and multiplications of the factorisation. */
  readonly flops: number;
}

/**
 * Cholesky factorisation of a sparse symmetric positive definite matrix: minimum degree order, then dense panels of columns with
 * the same pattern, each updated by the panels to its left that reach into it.
 *
 * The same matrix gives the same bits.
 *
 * @param a upper triangle, diagonal included: row i holds columns j ≥ i
 * @param options.maxFlops refuse what costs more additions and multiplications; known before any number is computed
 * @defaultValue `maxFlops` = Infinity
 * @returns undefined when `maxFlops` is exceeded or a pivot is not positive beyond doubt
 * @see [amestoy1996]
 * @see [davis2006]
 */
export function sparseCholesky(a: SparseMatrix, options: { readonly maxFlops?: number } = {}): SparseCholesky | undefined {
  const pattern = supernodes(a, options.maxFlops ?? Number.POSITIVE_INFINITY);
  if (pattern === undefined) return undefined;
  const panels = new Float64Array(pattern.panelPointers[pattern.panelPointers.length - 1]!);
  const inverse = new Float64Array(a.rows);
  if (!factor(pattern, panels, inverse)) return undefined;
  const work = new Float64Array(a.rows);
  const { order } = pattern;
  return {
    solve(b, out) {
      for (let k = 0; k < work.length; k++) work[k] = b[order[k]!]!;
      solveForward(pattern, panels, inverse, work);
      solveBackward(pattern, panels, inverse, work);
      for (let k = 0; k < work.length; k++) out[order[k]!] = work[k]!;
    },
    nonZeros: pattern.nonZeros,
    flops: pattern.flops,
  };
}

/**
 * Writes the columns of the matrix into the panel of supernode s, and the least acceptable pivots; `local` maps rows of the matrix
 * to rows of the panel.
 */
function assemble(pattern: Supernodes, s: number, panels: Float64Array, leastPivots: Float64Array, local: Int32Array): void {
  const { lower, firstColumn, panelPointers } = pattern;
  const first = firstColumn[s]!;
  const last = firstColumn[s + 1]!;
  const width = last - first;
  const at = panelPointers[s]!;
  for (let j = first; j < last; j++) {
    const end = lower.pointers[j + 1]!;
    for (let p = lower.pointers[j]!; p < end; p++) panels[at + local[lower.indices[p]!]! * width + j - first] = lower.values[p]!;
    leastPivots[j] = Math.max(0, NEGLIGIBLE * panels[at + (j - first) * (width + 1)]!);
  }
}

/** Left-looking: every panel gathers what earlier panels take from it, then is factored. False when a pivot is not positive. */
function factor(pattern: Supernodes, panels: Float64Array, inverse: Float64Array): boolean {
  const { firstColumn, supernodeOf, rowPointers, rows, panelPointers } = pattern;
  const count = firstColumn.length - 1;
  const local = new Int32Array(inverse.length);
  // Panels that reach into s next: head[s], then along next; reach[d] is the first of their rows that is not yet done.
  const head = new Int32Array(count).fill(-1);
  const next = new Int32Array(count);
  const reach = new Int32Array(count);
  let largest = 0;
  for (let s = 0; s < count; s++) largest = Math.max(largest, panelPointers[s + 1]! - panelPointers[s]!);
  const update = new Float64Array(largest);
  for (let s = 0; s < count; s++) {
    const first = firstColumn[s]!;
    const last = firstColumn[s + 1]!;
    const width = last - first;
    const from = rowPointers[s]!;
    const to = rowPointers[s + 1]!;
    const at = panelPointers[s]!;
    for (let p = from; p < to; p++) local[rows[p]!] = p - from;
    assemble(pattern, s, panels, inverse, local);
    for (let d = head[s]!; d >= 0; ) {
      const following = next[d]!;
      const begin = reach[d]!;
      const end = rowPointers[d + 1]!;
      let stop = begin;
      while (stop < end && rows[stop]! < last) stop++;
      const w = firstColumn[d + 1]! - firstColumn[d]!;
      const source = panelPointers[d]! + (begin - rowPointers[d]!) * w;
      const m = end - begin;
      const n = stop - begin;
      update.fill(0, 0, m * n);
      subtractProduct(update, 0, n, panels, source, w, source, w, m, n, w);
      for (let i = 0; i < m; i++) {
        const target = at + local[rows[begin + i]!]! * width - first;
        for (let j = 0; j < n; j++) panels[target + rows[begin + j]!]! += update[i * n + j]!;
      }
      reach[d] = stop;
      if (stop < end) {
        const up = supernodeOf[rows[stop]!]!;
        next[d] = head[up]!;
        head[up] = d;
      }
      d = following;
    }
    if (!factorPanel(panels, at, to - from, width, inverse, first)) return false;
    if (from + width < to) {
      const up = supernodeOf[rows[from + width]!]!;
      reach[s] = from + width;
      next[s] = head[up]!;
      head[up] = s;
    }
  }
  return true;
}

/** y ← L⁻¹ y. */
function solveForward(pattern: Supernodes, panels: Float64Array, inverse: Float64Array, y: Float64Array): void {
  const { firstColumn, rowPointers, rows, panelPointers } = pattern;
  for (let s = 0; s < firstColumn.length - 1; s++) {
    const first = firstColumn[s]!;
    const width = firstColumn[s + 1]! - first;
    const end = rowPointers[s + 1]!;
    let v = panelPointers[s]!;
    for (let j = 0; j < width; j++, v += width) {
      let sum = y[first + j]!;
      for (let l = 0; l < j; l++) sum -= panels[v + l]! * y[first + l]!;
      y[first + j] = sum * inverse[first + j]!;
    }
    for (let p = rowPointers[s]! + width; p < end; p++, v += width) {
      let sum = 0;
      for (let l = 0; l < width; l++) sum += panels[v + l]! * y[first + l]!;
      y[rows[p]!]! -= sum;
    }
  }
}

/** y ← L⁻ᵀ y. */
function solveBackward(pattern: Supernodes, panels: Float64Array, inverse: Float64Array, y: Float64Array): void {
  const { firstColumn, rowPointers, rows, panelPointers } = pattern;
  for (let s = firstColumn.length - 2; s >= 0; s--) {
    const first = firstColumn[s]!;
    const width = firstColumn[s + 1]! - first;
    const end = rowPointers[s + 1]!;
    let v = panelPointers[s]! + width * width;
    for (let p = rowPointers[s]! + width; p < end; p++, v += width) {
      const x = y[rows[p]!]!;
      for (let l = 0; l < width; l++) y[first + l]! -= panels[v + l]! * x;
    }
    v = panelPointers[s]! + width * width;
    for (let j = width - 1; j >= 0; j--) {
      v -= width;
      const x = y[first + j]! * inverse[first + j]!;
      y[first + j] = x;
      for (let l = 0; l < j; l++) y[first + l]! -= panels[v + l]! * x;
    }
  }
}
