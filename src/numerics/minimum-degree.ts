import { compactCliques, insertByDegree, type QuotientGraph, quotientGraph, removeByDegree } from './quotient-graph.ts';
import type { SparseMatrix } from './sparse-matrix.ts';

/** Joins the neighbours of the pivot and the cliques of its elements into one clique at `free`, and absorbs those elements. */
function formElement(g: QuotientGraph, pivot: number, free: number): void {
  const { lists, cliques, weight, stamp } = g;
  weight[pivot] = -weight[pivot]!;
  let size = free;
  let total = 0;
  const first = g.start[pivot]!;
  const firstNeighbour = first + g.elements[pivot]!;
  for (let s = first; s <= firstNeighbour; s++) {
    const own = s === firstNeighbour;
    const e = own ? pivot : lists[s]!;
    const source = own ? lists : cliques;
    const from = own ? s : g.cliqueStart[e]!;
    const to = from + (own ? g.neighbours[pivot]! : g.cliqueLength[e]!);
    for (let p = from; p < to; p++) {
      const i = source[p]!;
      const w = weight[i]!;
      if (w <= 0) continue;
      weight[i] = -w;
      total += w;
      cliques[size++] = i;
      removeByDegree(g, i);
    }
    if (own) break;
    stamp[e] = 0;
    g.owner[e] = pivot;
  }
  g.cliqueStart[pivot] = free;
  g.cliqueLength[pivot] = size - free;
  g.degree[pivot] = total;
}

/** Sets stamp[e] − base = |L_e \ L_pivot| for every element e that meets the new one. */
function measureOverlaps(g: QuotientGraph, pivot: number, base: number): void {
  const { lists, cliques, stamp } = g;
  const end = g.cliqueStart[pivot]! + g.cliqueLength[pivot]!;
  for (let s = g.cliqueStart[pivot]!; s < end; s++) {
    const i = cliques[s]!;
    const w = -g.weight[i]!;
    const last = g.start[i]! + g.elements[i]!;
    for (let p = g.start[i]!; p < last; p++) {
      const e = lists[p]!;
      const seen = stamp[e]!;
      if (seen >= base) stamp[e] = seen - w;
      else if (seen !== 0) stamp[e] = g.degree[e]! + base - w;
    }
  }
}

/**
 * Replaces, in the list of every variable of the new element, what the element accounts for by the element itself, and bounds the
 * degree. A variable with nothing else is eliminated with the pivot. Returns the weight eliminated in this way.
 */
function updateVariables(g: QuotientGraph, pivot: number, base: number): number {
  const { lists, cliques, weight, stamp, bucket } = g;
  const end = g.cliqueStart[pivot]! + g.cliqueLength[pivot]!;
  let eliminated = 0;
  for (let s = g.cliqueStart[pivot]!; s < end; s++) {
    const i = cliques[s]!;
    const first = g.start[i]!;
    const lastElement = first + g.elements[i]!;
    const last = lastElement + g.neighbours[i]!;
    let degree = 0;
    let hash = pivot;
    let free = first;
    for (let p = first; p < lastElement; p++) {
      const e = lists[p]!;
      if (stamp[e] === 0) continue;
      const outside = stamp[e]! - base;
      if (outside > 0) {
        degree += outside;
        hash += e;
        lists[free++] = e;
      } else {
        stamp[e] = 0; // the new element covers it
        g.owner[e] = pivot;
      }
    }
    const kept = free;
    for (let p = lastElement; p < last; p++) {
      const j = lists[p]!;
      if (weight[j]! <= 0) continue;
      degree += weight[j]!;
      hash += j;
      lists[free++] = j;
    }
    if (degree === 0) {
      eliminated -= weight[i]!;
      weight[i] = 0;
      g.owner[i] = pivot;
      continue;
    }
    // At least one entry went, so there is room for the pivot in front.
    lists[free] = lists[kept]!;
    lists[kept] = lists[first]!;
    lists[first] = pivot;
    g.elements[i] = kept - first + 1;
    g.neighbours[i] = free - kept;
    g.degree[i] = Math.min(g.degree[i]!, degree);
    hash %= g.size;
    g.hash[i] = hash;
    g.next[i] = bucket[hash]!;
    bucket[hash] = i;
  }
  return eliminated;
}

/** Merges variables of the new element that have the same elements and neighbours: they will be eliminated together. */
function mergeIndistinguishable(g: QuotientGraph, pivot: number, base: number): number {
  const { lists, cliques, weight, stamp, start, elements, neighbours, bucket, next } = g;
  const end = g.cliqueStart[pivot]! + g.cliqueLength[pivot]!;
  let mark = base;
  for (let s = g.cliqueStart[pivot]!; s < end; s++) {
    const member = cliques[s]!;
    if (weight[member]! >= 0) continue;
    let i = bucket[g.hash[member]!]!;
    bucket[g.hash[member]!] = -1;
    for (; i >= 0 && next[i]! >= 0; i = next[i]!) {
      const length = elements[i]! + neighbours[i]!;
      for (let p = start[i]! + 1; p < start[i]! + length; p++) stamp[lists[p]!] = mark;
      let before = i;
      for (let j = next[i]!; j >= 0; j = next[j]!) {
        let same = elements[j] === elements[i] && neighbours[j] === neighbours[i];
        for (let p = start[j]! + 1; same && p < start[j]! + length; p++) same = stamp[lists[p]!] === mark;
        if (same) {
          weight[i]! += weight[j]!;
          weight[j] = 0;
          g.owner[j] = i;
          next[before] = next[j]!;
        } else {
          before = j;
        }
      }
      mark++;
    }
  }
  return mark;
}

/** Puts the variables that are left of the new element back among the candidates; returns the least degree met. */
function releaseVariables(g: QuotientGraph, pivot: number, remaining: number): number {
  const { cliques, weight, degree } = g;
  const first = g.cliqueStart[pivot]!;
  const end = first + g.cliqueLength[pivot]!;
  let free = first;
  let least = remaining;
  for (let s = first; s < end; s++) {
    const i = cliques[s]!;
    const w = -weight[i]!;
    if (w <= 0) continue;
    weight[i] = w;
    degree[i] = Math.min(degree[i]! + degree[pivot]! - w, remaining - w);
    least = Math.min(least, degree[i]!);
    insertByDegree(g, i);
    cliques[free++] = i;
  }
  g.cliqueLength[pivot] = free - first;
  return least;
}

/** Positions of all nodes: every pivot in its turn, followed by what went with it. */
function finalOrder(g: QuotientGraph, pivotCount: number): Int32Array {
  const turn = new Int32Array(g.size).fill(-1);
  for (let s = 0; s < pivotCount; s++) turn[g.pivots[s]!] = s;
  const heads = new Int32Array(pivotCount).fill(-1);
  const following = new Int32Array(g.size);
  for (let i = g.size - 1; i >= 0; i--) {
    if (turn[i]! >= 0) continue;
    let pivot = g.owner[i]!;
    while (turn[pivot]! < 0) pivot = g.owner[pivot]!;
    following[i] = heads[turn[pivot]!]!;
    heads[turn[pivot]!] = i;
  }
  const order = new Int32Array(g.size);
  let k = 0;
  for (let s = 0; s < pivotCount; s++) {
    order[k++] = g.pivots[s]!;
    for (let i = heads[s]!; i >= 0; i = following[i]!) order[k++] = i;
  }
  return order;
}

/**
 * An order of elimination with little fill: always a variable of (nearly) least degree in the graph of what is left. Degrees are
 * the bounds of the approximate minimum degree method, with element absorption, mass elimination and merging of
 * indistinguishable variables; ties go to the variable touched last, so the same matrix gives the same order.
 *
 * @param a upper triangle of a symmetric matrix; only the pattern is read
 * @returns `order[k]` is the row to be eliminated in step k
 * @see [amestoy1996]
 */
export function minimumDegree(a: SparseMatrix): Int32Array {
  const g = quotientGraph(a);
  const n = g.size;
  for (let i = n - 1; i >= 0; i--) insertByDegree(g, i);
  let base = 2;
  let widest = 0;
  let least = 0;
  let free = 0;
  let pivotCount = 0;
  for (let eliminated = 0; eliminated < n; ) {
    while (g.head[least]! < 0) least++;
    const pivot = g.head[least]!;
    removeByDegree(g, pivot);
    const ownWeight = g.weight[pivot]!;
    if (free + least > g.cliques.length) free = compactCliques(g, pivotCount);
    formElement(g, pivot, free);
    measureOverlaps(g, pivot, base);
    const massWeight = updateVariables(g, pivot, base);
    eliminated += ownWeight + massWeight;
    widest = Math.max(widest, g.degree[pivot]!);
    g.degree[pivot]! -= massWeight;
    base = mergeIndistinguishable(g, pivot, base + widest) + 1;
    if (base > 1 << 30) {
      for (let i = 0; i < n; i++) if (g.stamp[i] !== 0) g.stamp[i] = 1;
      base = 2;
    }
    least = Math.min(least, releaseVariables(g, pivot, n - eliminated));
    g.weight[pivot] = 0;
    if (g.cliqueLength[pivot] === 0) g.stamp[pivot] = 0;
    free = g.cliqueStart[pivot]! + g.cliqueLength[pivot]!;
    g.pivots[pivotCount++] = pivot;
  }
  return finalOrder(g, pivotCount);
}
