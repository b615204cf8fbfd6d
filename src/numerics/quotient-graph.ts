import type { SparseMatrix } from './sparse-matrix.ts';

/**
 * The graph of a partly eliminated matrix without its fill. A node is a variable until it is chosen as pivot, then an element:
 * the clique of the variables that its elimination joins. A variable keeps the elements it belongs to and the neighbours that no
 * element accounts for; its list only ever shrinks, so it stays where the matrix put it.
 */
export interface QuotientGraph {
  readonly size: number;
  /** Variable i: elements, then neighbours, from `lists[start[i]]`. */
  readonly lists: Int32Array;
  readonly start: Int32Array;
  readonly elements: Int32Array;
  readonly neighbours: Int32Array;
  /** Element e: its variables, from `cliques[cliqueStart[e]]`. */
  readonly cliques: Int32Array;
  readonly cliqueStart: Int32Array;
  readonly cliqueLength: Int32Array;
  /** Variables that a node stands for; 0 once it is eliminated or merged, negative while it belongs to the new element. */
  readonly weight: Int32Array;
  /** Bound on the external degree of a variable; weight of the clique of an element. */
  readonly degree: Int32Array;
  /** Stamps; 0 for an element that a larger one has absorbed. */
  readonly stamp: Int32Array;
  /** The node that took a node in, or −1. */
  readonly owner: Int32Array;
  /** Doubly linked lists of variables by degree. */
  readonly head: Int32Array;
  readonly next: Int32Array;
  readonly previous: Int32Array;
  /** Variables of the new element by hash. */
  readonly bucket: Int32Array;
  readonly hash: Int32Array;
  /** Pivots so far, in order. */
  readonly pivots: Int32Array;
}

/** The graph of a symmetric matrix given by its upper triangle. */
export function quotientGraph(a: SparseMatrix): QuotientGraph {
  const n = a.rows;
  const neighbours = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    for (let p = a.pointers[i]!; p < a.pointers[i + 1]!; p++) {
      const j = a.indices[p]!;
      if (j === i) continue;
      neighbours[i]!++;
      neighbours[j]!++;
    }
  }
  const start = new Int32Array(n + 1);
  for (let i = 0; i < n; i++) start[i + 1] = start[i]! + neighbours[i]!;
  const lists = new Int32Array(start[n]!);
  const fill = start.slice();
  for (let i = 0; i < n; i++) {
    for (let p = a.pointers[i]!; p < a.pointers[i + 1]!; p++) {
      const j = a.indices[p]!;
      if (j === i) continue;
      lists[fill[i]!++] = j;
      lists[fill[j]!++] = i;
    }
  }
  const none = (): Int32Array => new Int32Array(n).fill(-1);
  return {
    size: n,
    lists,
    start,
    elements: new Int32Array(n),
    neighbours,
    // Cliques and lists together never outgrow the matrix; n more leave room for the clique in the making.
    cliques: new Int32Array(lists.length + n),
    cliqueStart: new Int32Array(n),
    cliqueLength: new Int32Array(n),
    weight: new Int32Array(n).fill(1),
    degree: neighbours.slice(),
    stamp: new Int32Array(n).fill(1),
    owner: none(),
    head: none(),
    next: none(),
    previous: none(),
    bucket: none(),
    hash: new Int32Array(n),
    pivots: new Int32Array(n),
  };
}

/** Puts variable i first among those of its degree. */
export function insertByDegree(g: QuotientGraph, i: number): void {
  const d = g.degree[i]!;
  const second = g.head[d]!;
  if (second >= 0) g.previous[second] = i;
  g.next[i] = second;
  g.previous[i] = -1;
  g.head[d] = i;
}

/** Takes variable i out of the list of its degree. */
export function removeByDegree(g: QuotientGraph, i: number): void {
  const before = g.previous[i]!;
  const after = g.next[i]!;
  if (after >= 0) g.previous[after] = before;
  if (before >= 0) g.next[before] = after;
  else g.head[g.degree[i]!] = after;
}

/** Moves the living cliques, which lie in order of creation, to the front; returns the first free place. */
export function compactCliques(g: QuotientGraph, pivotCount: number): number {
  let free = 0;
  for (let s = 0; s < pivotCount; s++) {
    const e = g.pivots[s]!;
    if (g.stamp[e] === 0) continue;
    const from = g.cliqueStart[e]!;
    g.cliques.copyWithin(free, from, from + g.cliqueLength[e]!);
    g.cliqueStart[e] = free;
    free += g.cliqueLength[e]!;
  }
  return free;
}
