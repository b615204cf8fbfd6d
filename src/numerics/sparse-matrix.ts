/**
 * A sparse matrix in compressed rows: row i holds the columns `indices[p]` and numbers `values[p]` for
 * `pointers[i] ≤ p < pointers[i + 1]`. Read as compressed columns, the same arrays are the transpose. No position occurs twice.
 *
 * A symmetric matrix is held by its upper triangle, diagonal included: row i holds columns j ≥ i.
 */
export interface SparseMatrix {
  readonly rows: number;
  readonly columns: number;
  /** Length `rows + 1`, from 0 to the number of entries. */
  readonly pointers: Int32Array;
  readonly indices: Int32Array;
  readonly values: Float64Array;
}

/** Turns counts per row into pointers, in place: `counts[i]` is the count of row i, the last slot is free. */
function countsToPointers(counts: Int32Array): void {
  let total = 0;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i]!;
    counts[i] = total;
    total += count;
  }
}

/** Aᵀ in compressed rows, in time linear in the entries. The columns of every row come out ascending. */
export function transpose(a: SparseMatrix): SparseMatrix {
  const nonZeros = a.pointers[a.rows]!;
  const pointers = new Int32Array(a.columns + 1);
  for (let p = 0; p < nonZeros; p++) pointers[a.indices[p]!]!++;
  countsToPointers(pointers);
  const next = pointers.slice();
  const indices = new Int32Array(nonZeros);
  const values = new Float64Array(nonZeros);
  for (let i = 0; i < a.rows; i++) {
    const end = a.pointers[i + 1]!;
    for (let p = a.pointers[i]!; p < end; p++) {
      const q = next[a.indices[p]!]!++;
      indices[q] = i;
      values[q] = a.values[p]!;
    }
  }
  return { rows: a.columns, columns: a.rows, pointers, indices, values };
}

/**
 * The upper triangle of P A Pᵀ, transposed: row k holds the columns j ≤ k of the reordered matrix, where position k is taken by
 * `order[k]`. `a` is the upper triangle of a symmetric matrix.
 */
export function permuteSymmetric(a: SparseMatrix, order: Int32Array): SparseMatrix {
  const n = a.rows;
  const position = new Int32Array(n);
  for (let k = 0; k < n; k++) position[order[k]!] = k;
  const nonZeros = a.pointers[n]!;
  const pointers = new Int32Array(n + 1);
  for (let i = 0; i < n; i++) {
    const end = a.pointers[i + 1]!;
    const k = position[i]!;
    for (let p = a.pointers[i]!; p < end; p++) pointers[Math.max(k, position[a.indices[p]!]!)]!++;
  }
  countsToPointers(pointers);
  const next = pointers.slice();
  const indices = new Int32Array(nonZeros);
  const values = new Float64Array(nonZeros);
  for (let i = 0; i < n; i++) {
    const end = a.pointers[i + 1]!;
    const k = position[i]!;
    for (let p = a.pointers[i]!; p < end; p++) {
      const l = position[a.indices[p]!]!;
      const q = next[Math.max(k, l)]!++;
      indices[q] = Math.min(k, l);
      values[q] = a.values[p]!;
    }
  }
  return { rows: n, columns: n, pointers, indices, values };
}

/**
 * The upper triangle of (1 + shift) I − QᵀQ for a sparse Q (n × m): the Schur complement of the scaled Newton matrix of
 * entropic transport. A row holds its diagonal first, then the others in no particular order.
 *
 * @returns undefined as soon as the triangle would hold more than `maxNonZeros` entries.
 */
export function gramComplement(q: SparseMatrix, shift: number, maxNonZeros: number = Number.POSITIVE_INFINITY): SparseMatrix | undefined {
  const m = q.columns;
  const byColumn = transpose(q);
  const { pointers: rowPointers, indices: columns, values: entries } = transpose(byColumn); // ascending columns
  // The part of every row of Q that lies at or right of the column at hand.
  const first = rowPointers.slice();
  const pointers = new Int32Array(m + 1);
  const sum = new Float64Array(m);
  const seen = new Int32Array(m).fill(-1);
  let indices = new Int32Array(Math.max(m, 4 * columns.length));
  let values = new Float64Array(indices.length);
  let size = 0;
  for (let i = 0; i < m; i++) {
    if (size + m - i > indices.length) {
      indices = grown(indices, new Int32Array(2 * indices.length + m));
      values = grown(values, new Float64Array(indices.length));
    }
    const start = size;
    indices[size++] = i;
    seen[i] = i;
    sum[i] = 1 + shift;
    const end = byColumn.pointers[i + 1]!;
    for (let p = byColumn.pointers[i]!; p < end; p++) {
      const r = byColumn.indices[p]!;
      const rowEnd = rowPointers[r + 1]!;
      const x = byColumn.values[p]!;
      for (let s = first[r]!++; s < rowEnd; s++) {
        const j = columns[s]!;
        if (seen[j] !== i) {
          seen[j] = i;
          sum[j] = 0;
          indices[size++] = j;
        }
        sum[j] = sum[j]! - x * entries[s]!;
      }
    }
    if (size > maxNonZeros) return undefined;
    for (let p = start; p < size; p++) values[p] = sum[indices[p]!]!;
    pointers[i + 1] = size;
  }
  return { rows: m, columns: m, pointers, indices: indices.slice(0, size), values: values.slice(0, size) };
}

function grown<T extends Int32Array | Float64Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}
