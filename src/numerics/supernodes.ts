import { minimumDegree } from './minimum-degree.ts';
import { permuteSymmetric, type SparseMatrix, transpose } from './sparse-matrix.ts';

/**
 * Where the entries of the Cholesky factor lie. Neighbouring columns with (nearly) the same pattern form a supernode: a dense
 * panel of `rows × width`, row-major, whose first `width` rows are its own columns.
 */
export interface Supernodes {
  /** `order[k]` is the row of the matrix in position k; everything below is in positions. */
  readonly order: Int32Array;
  /** Supernode s owns the columns `firstColumn[s] ≤ j < firstColumn[s + 1]`. */
  readonly firstColumn: Int32Array;
  readonly supernodeOf: Int32Array;
  /** Rows of the panel of s, ascending: `rows[p]` for `rowPointers[s] ≤ p < rowPointers[s + 1]`. */
  readonly rowPointers: Int32Array;
  readonly rows: Int32Array;
  /** Where the panel of s starts among the values. */
  readonly panelPointers: Int32Array;
  /** Entries of the factor, without the zeros that panels store. */
  readonly nonZeros: number;
  /** Additions and multiplications of the factorisation: Σ (entries of a column)². */
  readonly flops: number;
  /** The lower triangle of the reordered matrix by columns: row j of this matrix holds the rows i ≥ j of column j. */
  readonly lower: SparseMatrix;
}

/** Parent of every column in the elimination tree: the row of the first entry below its diagonal in the factor, or −1. */
function eliminationTree(upperByColumn: SparseMatrix): Int32Array {
  const n = upperByColumn.rows;
  const parent = new Int32Array(n).fill(-1);
  const ancestor = new Int32Array(n).fill(-1); // shortcuts to the root of what is known
  for (let k = 0; k < n; k++) {
    const end = upperByColumn.pointers[k + 1]!;
    for (let p = upperByColumn.pointers[k]!; p < end; p++) {
      for (let i = upperByColumn.indices[p]!; i >= 0 && i < k; ) {
        const up = ancestor[i]!;
        ancestor[i] = k;
        if (up < 0) parent[i] = k;
        i = up;
      }
    }
  }
  return parent;
}

/** Children before parents, every subtree in one run. */
function postorder(parent: Int32Array): Int32Array {
  const n = parent.length;
  const child = new Int32Array(n).fill(-1);
  const sibling = new Int32Array(n);
  const stack = new Int32Array(n);
  let depth = 0;
  for (let i = n - 1; i >= 0; i--) {
    if (parent[i]! < 0) continue;
    sibling[i] = child[parent[i]!]!;
    child[parent[i]!] = i;
  }
  const order = new Int32Array(n);
  let k = 0;
  for (let root = 0; root < n; root++) {
    if (parent[root]! >= 0) continue;
    stack[depth++] = root;
    while (depth > 0) {
      const i = stack[depth - 1]!;
      const next = child[i]!;
      if (next < 0) {
        order[k++] = i;
        depth--;
      } else {
        child[i] = sibling[next]!;
        stack[depth++] = next;
      }
    }
  }
  return order;
}

/**
 * Entries of every column of the factor, diagonal included, with their sum and the sum of their squares: row i of the factor is
 * the union of the paths in the tree from the entries of row i of the matrix up to i. Stops, undefined, above `maxFlops`.
 */
function columnCounts(
  upperByColumn: SparseMatrix,
  parent: Int32Array,
  maxFlops: number,
): { readonly counts: Int32Array; readonly nonZeros: number; readonly flops: number } | undefined {
  const n = parent.length;
  const counts = new Int32Array(n).fill(1);
  const seen = new Int32Array(n).fill(-1);
  let nonZeros = n;
  let flops = n;
  for (let i = 0; i < n; i++) {
    seen[i] = i;
    const end = upperByColumn.pointers[i + 1]!;
    for (let p = upperByColumn.pointers[i]!; p < end; p++) {
      for (let j = upperByColumn.indices[p]!; seen[j] !== i; j = parent[j]!) {
        seen[j] = i;
        flops += 2 * counts[j]! + 1;
        counts[j]!++;
        nonZeros++;
      }
    }
    if (flops > maxFlops) return undefined;
  }
  return { counts, nonZeros, flops };
}

/** Zeros worth storing for a wider panel: the share allowed for panels up to a width. */
function isWorthMerging(width: number, zeros: number, stored: number): boolean {
  if (width <= 4) return true;
  const share = zeros / stored;
  return share < (width <= 16 ? 0.6 : width <= 48 ? 0.15 : 0.05);
}

/** First columns of the supernodes, and n at the end. */
function partition(parent: Int32Array, counts: Int32Array): Int32Array {
  const n = parent.length;
  const firsts = new Int32Array(n + 1);
  const nonZeros = new Float64Array(n + 1); // of each supernode, without stored zeros
  let size = 0;
  for (let j = 0; j < n; ) {
    const first = j;
    let own = counts[j]!;
    for (j++; j < n && parent[j - 1] === j && counts[j - 1] === counts[j]! + 1; j++) own += counts[j]!;
    firsts[size] = first;
    nonZeros[size++] = own;
    // The columns just before may be children: take them in while that costs few zeros.
    while (size > 1 && parent[firsts[size - 1]! - 1] === firsts[size - 1]) {
      const from = firsts[size - 2]!;
      const width = j - from;
      const height = first - from + counts[first]!;
      const stored = width * height - (width * (width - 1)) / 2;
      const inside = nonZeros[size - 2]! + nonZeros[size - 1]!;
      if (!isWorthMerging(width, stored - inside, stored)) break;
      size--;
      nonZeros[size - 1] = inside;
    }
  }
  firsts[size] = n;
  return firsts.slice(0, size + 1);
}

/** Rows of every panel: its columns, the entries of the matrix below them, and what its children in the tree pass on. */
function panelRows(lower: SparseMatrix, firstColumn: Int32Array, supernodeOf: Int32Array, rowPointers: Int32Array): Int32Array {
  const n = lower.rows;
  const count = firstColumn.length - 1;
  const rows = new Int32Array(rowPointers[count]!);
  const seen = new Int32Array(n).fill(-1);
  const child = new Int32Array(count).fill(-1);
  const sibling = new Int32Array(count);
  for (let s = 0; s < count; s++) {
    const first = firstColumn[s]!;
    const last = firstColumn[s + 1]!;
    let size = rowPointers[s]!;
    for (let j = first; j < last; j++) rows[size++] = j;
    const below = size;
    for (let j = first; j < last; j++) {
      for (let p = lower.pointers[j]!; p < lower.pointers[j + 1]!; p++) {
        const i = lower.indices[p]!;
        if (i < last || seen[i] === s) continue;
        seen[i] = s;
        rows[size++] = i;
      }
    }
    for (let c = child[s]!; c >= 0; c = sibling[c]!) {
      for (let p = rowPointers[c]! + firstColumn[c + 1]! - firstColumn[c]!; p < rowPointers[c + 1]!; p++) {
        const i = rows[p]!;
        if (i < last || seen[i] === s) continue;
        seen[i] = s;
        rows[size++] = i;
      }
    }
    rows.subarray(below, size).sort();
    if (size > below) {
      const up = supernodeOf[rows[below]!]!;
      sibling[s] = child[up]!;
      child[up] = s;
    }
  }
  return rows;
}

/**
 * Everything about the Cholesky factor of a symmetric matrix but its numbers.
 *
 * @param a upper triangle
 * @returns undefined when the factorisation would need more than `maxFlops` operations
 * @see [davis2006]
 */
export function supernodes(a: SparseMatrix, maxFlops: number): Supernodes | undefined {
  const n = a.rows;
  const degreeOrder = minimumDegree(a);
  const order = postorder(eliminationTree(permuteSymmetric(a, degreeOrder))).map((k) => degreeOrder[k]!);
  const upperByColumn = permuteSymmetric(a, order);
  const parent = eliminationTree(upperByColumn);
  const counted = columnCounts(upperByColumn, parent, maxFlops);
  if (counted === undefined) return undefined;
  const { counts, nonZeros, flops } = counted;
  const firstColumn = partition(parent, counts);
  const count = firstColumn.length - 1;
  const supernodeOf = new Int32Array(n);
  const rowPointers = new Int32Array(count + 1);
  const panelPointers = new Int32Array(count + 1);
  for (let s = 0; s < count; s++) {
    const first = firstColumn[s]!;
    const last = firstColumn[s + 1]!;
    supernodeOf.fill(s, first, last);
    // The last column has the pattern that all others share below the diagonal block.
    const height = last - 1 - first + counts[last - 1]!;
    rowPointers[s + 1] = rowPointers[s]! + height;
    panelPointers[s + 1] = panelPointers[s]! + height * (last - first);
  }
  const lower = transpose(upperByColumn);
  const rows = panelRows(lower, firstColumn, supernodeOf, rowPointers);
  return { order, firstColumn, supernodeOf, rowPointers, rows, panelPointers, nonZeros, flops, lower };
}
