import { SpanningTree } from './network-simplex-tree.ts';

/** A dual guess, finite, in units of cost. */
export interface DualGuess {
  readonly f?: Float64Array;
  readonly g?: Float64Array;
}

/** A first basis, with the potentials of the tops of its trees. */
export interface SimplexStart {
  readonly tree: SpanningTree;
  /** Potential of every node were it the child of the root: a dual guess. */
  readonly atTop: Float64Array;
}

const ROWS_PER_YIELD = 64;

/**
 * A first plan: every row in turn ships to the open column of least C_ij − g_j until it is empty, forbidden pairs last.
 *
 * Its arcs form a forest in which all carry flow. Each tree hangs under the root by an arc without flow; none of these can ever carry any,
 * so that their costs are free and are set to what the dual guess says.
 *
 * @param guess default g_j = min_i (C_ij − min_k C_ik)
 */
export function* greedyStart(costs: Float64Array, a: Float64Array, b: Float64Array, guess: DualGuess = {}): Generator<void, SimplexStart> {
  const [n, m] = [a.length, b.length];
  const { f, g } = completeGuess(costs, n, m, guess);
  const arcs = new GreedyForest(n, m);
  const demand = Float64Array.from(b);
  const open = Int32Array.from(b.keys());
  let left = m;
  for (let i = 0; i < n && left > 0; i++) {
    let supply = a[i]!;
    while (supply > 0 && left > 0) {
      const k = leastOpen(costs, i * m, g, open, left);
      const j = open[k]!;
      const mass = Math.min(supply, demand[j]!);
      arcs.add(i, j, mass);
      supply -= mass;
      demand[j]! -= mass;
      if (!(demand[j]! > 0)) open[k] = open[--left]!;
    }
    if (i % ROWS_PER_YIELD === ROWS_PER_YIELD - 1) yield;
  }
  const atTop = new Float64Array(n + m);
  atTop.set(f);
  atTop.set(
    g.map((x) => -x),
    n,
  );
  return { tree: arcs.tree(), atTop };
}

/** The place in `open` of the column with least C − g; forbidden pairs only when nothing else is open. */
function leastOpen(costs: Float64Array, offset: number, g: Float64Array, open: Int32Array, left: number): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let k = 0; k < left; k++) {
    const j = open[k]!;
    const value = costs[offset + j]! - g[j]!;
    if (value < least) {
      least = value;
      best = k;
    }
  }
  return best;
}

/** Fills in the side of the duals that is not given by the largest feasible values, 0 where all pairs are forbidden. */
function completeGuess(costs: Float64Array, n: number, m: number, guess: DualGuess): { f: Float64Array; g: Float64Array } {
  const f = guess.f ?? rowMinima(costs, n, m, guess.g ?? new Float64Array(m));
  if (guess.g !== undefined) return { f, g: guess.g };
  const g = new Float64Array(m).fill(Number.POSITIVE_INFINITY);
  for (let i = 0, p = 0; i < n; i++) {
    const fi = f[i]!;
    for (let j = 0; j < m; j++, p++) {
      const value = costs[p]! - fi;
      if (value < g[j]!) g[j] = value;
    }
  }
  return { f, g: g.map((x) => (x < Number.POSITIVE_INFINITY ? x : 0)) };
}

function rowMinima(costs: Float64Array, n: number, m: number, g: Float64Array): Float64Array {
  const f = new Float64Array(n);
  for (let i = 0, p = 0; i < n; i++) {
    let least = Number.POSITIVE_INFINITY;
    for (let j = 0; j < m; j++, p++) {
      const value = costs[p]! - g[j]!;
      if (value < least) least = value;
    }
    f[i] = least < Number.POSITIVE_INFINITY ? least : 0;
  }
  return f;
}

/** The arcs of the first plan as linked lists, one of each node. */
class GreedyForest {
  private readonly n: number;
  private readonly m: number;
  private count = 0;
  private readonly rows: Int32Array;
  private readonly columns: Int32Array;
  private readonly masses: Float64Array;
  private readonly first: Int32Array;
  /** The next arc of the same row (even) and of the same column (odd). */
  private readonly following: Int32Array;

  constructor(n: number, m: number) {
    this.n = n;
    this.m = m;
    // Every arc empties a row or a column.
    this.rows = new Int32Array(n + m);
    this.columns = new Int32Array(n + m);
    this.masses = new Float64Array(n + m);
    this.first = new Int32Array(n + m).fill(-1);
    this.following = new Int32Array(2 * (n + m));
  }

  add(row: number, column: number, mass: number): void {
    const arc = this.count++;
    this.rows[arc] = row;
    this.columns[arc] = column;
    this.masses[arc] = mass;
    this.following[2 * arc] = this.first[row]!;
    this.following[2 * arc + 1] = this.first[this.n + column]!;
    this.first[row] = arc;
    this.first[this.n + column] = arc;
  }

  /** Walks every tree from its first node, sources first. */
  tree(): SpanningTree {
    const { n, m, rows, columns, masses, first, following } = this;
    const root = n + m;
    const parent = new Int32Array(root + 1).fill(-1);
    const upward = new Uint8Array(root + 1).fill(1);
    const flow = new Float64Array(root + 1);
    const preorder = new Int32Array(root);
    const stack = new Int32Array(root);
    let visited = 0;
    for (let top = 0; top < root; top++) {
      if (parent[top] !== -1) continue;
      parent[top] = root;
      let size = 0;
      stack[size++] = top;
      while (size > 0) {
        const node = stack[--size]!;
        preorder[visited++] = node;
        const side = node < n ? 0 : 1;
        for (let arc = first[node]!; arc >= 0; arc = following[2 * arc + side]!) {
          const other = side === 0 ? n + columns[arc]! : rows[arc]!;
          if (parent[other] !== -1) continue;
          parent[other] = node;
          upward[other] = side;
          flow[other] = masses[arc]!;
          stack[size++] = other;
        }
      }
    }
    return new SpanningTree(n, m, { preorder, parent, upward, flow });
  }
}
