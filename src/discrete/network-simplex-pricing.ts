import type { SpanningTree } from './network-simplex-tree.ts';

/**
 * Block pricing: looks through the arcs in blocks of consecutive ones and settles for the most negative reduced cost
 * C_ij − π_i + π_j of the first block that has any.
 */
export class BlockPricing {
  /** What {@link next} found: row, column and reduced cost. */
  row = -1;
  column = -1;
  reduced = 0;
  /** Arcs looked at so far. */
  scanned = 0;
  private readonly tree: SpanningTree;
  private readonly costs: Float64Array;
  private readonly sinks: Float64Array;
  private readonly block: number;
  private readonly slack: number;
  private nextRow = 0;
  private nextColumn = 0;

  /** @param costs row-major n × m, +∞ for arcs that may not enter; `slack`: reduced costs above −slack count as zero */
  constructor(tree: SpanningTree, costs: Float64Array, slack: number) {
    this.tree = tree;
    this.costs = costs;
    this.sinks = tree.potential.subarray(tree.n, tree.n + tree.m);
    this.block = Math.min(costs.length, Math.max(16, Math.ceil(Math.sqrt(costs.length))));
    this.slack = slack;
  }

  /** Finds an arc to enter the tree; false when there is none: the tree is optimal. */
  next(): boolean {
    const { costs, sinks, block } = this;
    const { n, m, potential } = this.tree;
    let found = -1;
    let foundRow = -1;
    let best = -this.slack;
    let row = this.nextRow;
    let column = this.nextColumn;
    let seen = 0;
    let inBlock = 0;
    do {
      const count = Math.min(m - column, block - inBlock);
      const from = row * m + column;
      const at = firstLeast(costs, from, from + count, sinks, column, best + potential[row]!);
      if (at >= 0) {
        found = at;
        foundRow = row;
        best = costs[at]! + sinks[at - row * m]! - potential[row]!;
      }
      inBlock += count;
      seen += count;
      column += count;
      if (column === m) {
        column = 0;
        if (++row === n) row = 0;
      }
      if (inBlock === block) {
        if (found >= 0) break;
        inBlock = 0;
      }
    } while (seen < costs.length);
    this.nextRow = row;
    this.nextColumn = column;
    this.scanned += seen;
    this.row = foundRow;
    this.column = found - foundRow * m;
    this.reduced = best;
    return found >= 0;
  }
}

/** The place p in [from, to) of the least costs[p] + shifts[p − from + column] below the limit, −1 when none: the loop all time goes to. */
function firstLeast(costs: Float64Array, from: number, to: number, shifts: Float64Array, column: number, limit: number): number {
  let at = -1;
  let least = limit;
  for (let p = from, j = column; p < to; p++, j++) {
    const value = costs[p]! + shifts[j]!;
    if (value < least) {
      least = value;
      at = p;
    }
  }
  return at;
}
