/** What the network simplex found: an optimal basis. */
export interface SimplexSolution {
  /** Flow entries (row, column, mass), at most n + m − 1 of them. */
  readonly entries: readonly { readonly row: number; readonly column: number; readonly mass: number }[];
  /** Dual solution: f_i + g_j ≤ C_ij, with equality where mass flows. */
  readonly f: Float64Array;
  readonly g: Float64Array;
  readonly pivots: number;
  /** Mass that had to use forbidden pairs: > 0 means infeasible. */
  readonly forbiddenMass: number;
}

/**
 * Solves the dense transportation problem min Σ C_ij P_ij, P1 = a, Pᵀ1 = b, by the primal network simplex method.
 *
 * The basis is a strongly feasible spanning tree over sources 0 … n − 1, sinks n … n + m − 1 and an artificial root, so that degenerate
 * pivots cannot cycle (Cunningham 1976); entering arcs come from block pricing. Costs have two parts compared lexicographically, a count
 * of artificial or forbidden arcs and the true cost, so that no large constant spoils the digits of the duals.
 *
 * @param costs row-major n × m, +∞ forbids
 * @param a, b positive, equal sums
 */
export function networkSimplex(costs: Float64Array, a: Float64Array, b: Float64Array): SimplexSolution {
  const tree = new SpanningTree(costs, a, b);
  let pivots = 0;
  for (let arc = tree.price(); arc >= 0; arc = tree.price()) {
    tree.pivot(arc);
    pivots++;
  }
  return { ...tree.solution(), pivots };
}

/** The basis: every node but the root has one arc to its parent. */
class SpanningTree {
  private readonly n: number;
  private readonly m: number;
  private readonly costs: Float64Array;
  private readonly root: number;
  private readonly parent: Int32Array;
  private readonly depth: Int32Array;
  /** 1 when the arc runs from the node to its parent. */
  private readonly upward: Uint8Array;
  private readonly flow: Float64Array;
  /** Cost of the arc to the parent: artificial part, true part. */
  private readonly bigCost: Int32Array;
  private readonly cost: Float64Array;
  /** Node potentials π with π_tail − π_head = cost on the tree. */
  private readonly bigPotential: Int32Array;
  private readonly potential: Float64Array;
  private readonly firstChild: Int32Array;
  private readonly nextSibling: Int32Array;
  private readonly previousSibling: Int32Array;
  private readonly stack: Int32Array;
  private readonly slack: number;
  private nextArc = 0;

  constructor(costs: Float64Array, a: Float64Array, b: Float64Array) {
    const [n, m] = [a.length, b.length];
    const nodes = n + m + 1;
    this.n = n;
    this.m = m;
    this.costs = costs;
    this.root = n + m;
    this.parent = new Int32Array(nodes).fill(this.root);
    this.depth = new Int32Array(nodes).fill(1);
    this.upward = new Uint8Array(nodes).fill(1, 0, n);
    this.flow = new Float64Array(nodes);
    this.flow.set(a);
    this.flow.set(b, n);
    this.bigCost = new Int32Array(nodes).fill(1);
    this.cost = new Float64Array(nodes);
    this.bigPotential = new Int32Array(nodes).fill(1, 0, n).fill(-1, n, n + m);
    this.potential = new Float64Array(nodes);
    this.firstChild = new Int32Array(nodes).fill(-1);
    this.nextSibling = new Int32Array(nodes).fill(-1);
    this.previousSibling = new Int32Array(nodes).fill(-1);
    this.stack = new Int32Array(nodes);
    this.parent[this.root] = -1;
    this.depth[this.root] = 0;
    for (let node = 0; node < this.root; node++) this.attach(node, this.root);
    this.slack = 1e-14 * costs.reduce((top, c) => (c < Number.POSITIVE_INFINITY ? Math.max(top, Math.abs(c)) : top), 0);
  }

  /** The arc of most negative reduced cost in the next block that has one; −1 when the basis is optimal. */
  price(): number {
    const { n, m, costs, potential, bigPotential } = this;
    const arcs = n * m;
    const block = Math.max(16, Math.ceil(Math.sqrt(arcs)));
    let best = -1;
    let bestBig = 0;
    let bestReduced = -this.slack;
    let arc = this.nextArc;
    let row = Math.floor(arc / m);
    let column = arc - row * m;
    for (let seen = 0, inBlock = 0; seen < arcs; seen++) {
      const c = costs[arc]!;
      const wall = c === Number.POSITIVE_INFINITY;
      const big = (wall ? 1 : 0) - bigPotential[row]! + bigPotential[n + column]!;
      if (big <= bestBig) {
        const reduced = (wall ? 0 : c) - potential[row]! + potential[n + column]!;
        if (big < bestBig || reduced < bestReduced) {
          best = arc;
          bestBig = big;
          bestReduced = reduced;
        }
      }
      arc++;
      if (++column === m) {
        column = 0;
        if (++row === n) {
          row = 0;
          arc = 0;
        }
      }
      if (++inBlock === block) {
        if (best >= 0) break;
        inBlock = 0;
      }
    }
    this.nextArc = arc;
    return best;
  }

  /** Brings the arc into the basis and takes the last blocking arc of its cycle out. */
  pivot(arc: number): void {
    const { parent, depth, upward, flow } = this;
    const tail = Math.floor(arc / this.m);
    const head = this.n + (arc - tail * this.m);
    // Apex of the cycle.
    let [i, j] = [tail, head];
    while (i !== j) {
      if (depth[i]! >= depth[j]!) i = parent[i]!;
      else j = parent[j]!;
    }
    const apex = i;
    // Flow goes down to the tail and up from the head: arcs against it block. Ties: the last in the direction of the flow leaves.
    let delta = Number.POSITIVE_INFINITY;
    let leaving = -1;
    let below = tail;
    for (let node = tail; node !== apex; node = parent[node]!) {
      if (upward[node] === 1 && flow[node]! < delta) {
        delta = flow[node]!;
        leaving = node;
      }
    }
    for (let node = head; node !== apex; node = parent[node]!) {
      if (upward[node] === 0 && flow[node]! <= delta) {
        delta = flow[node]!;
        leaving = node;
        below = head;
      }
    }
    for (let node = tail; node !== apex; node = parent[node]!) flow[node]! += upward[node] === 1 ? -delta : delta;
    for (let node = head; node !== apex; node = parent[node]!) flow[node]! += upward[node] === 1 ? delta : -delta;
    this.rehang(below, below === tail ? head : tail, leaving, arc, delta, below === tail ? 1 : 0);
  }

  /** Cuts the subtree at `leaving`, turns it over so that `below` is its root, and hangs it under `above` by the entering arc. */
  private rehang(below: number, above: number, leaving: number, arc: number, delta: number, direction: number): void {
    const { parent, upward, flow, bigCost, cost } = this;
    const c = this.costs[arc]!;
    const wall = c === Number.POSITIVE_INFINITY;
    let node = below;
    let newParent = above;
    let [newUp, newFlow, newBig, newCost] = [direction, delta, wall ? 1 : 0, wall ? 0 : c];
    for (;;) {
      const oldParent = parent[node]!;
      const [oldUp, oldFlow, oldBig, oldCost] = [upward[node]!, flow[node]!, bigCost[node]!, cost[node]!];
      this.detach(node, oldParent);
      this.attach(node, newParent);
      upward[node] = newUp;
      flow[node] = newFlow;
      bigCost[node] = newBig;
      cost[node] = newCost;
      if (node === leaving) break;
      newParent = node;
      [newUp, newFlow, newBig, newCost] = [1 - oldUp, oldFlow, oldBig, oldCost];
      node = oldParent;
    }
    this.refresh(below);
  }

  /** Depths and potentials of a subtree, from its parent down: never incremental, so that rounding does not pile up. */
  private refresh(top: number): void {
    const { parent, depth, upward, bigCost, cost, bigPotential, potential, firstChild, nextSibling, stack } = this;
    let size = 0;
    stack[size++] = top;
    while (size > 0) {
      const node = stack[--size]!;
      const over = parent[node]!;
      const sign = upward[node] === 1 ? 1 : -1;
      depth[node] = depth[over]! + 1;
      bigPotential[node] = bigPotential[over]! + sign * bigCost[node]!;
      potential[node] = potential[over]! + sign * cost[node]!;
      for (let child = firstChild[node]!; child >= 0; child = nextSibling[child]!) stack[size++] = child;
    }
  }

  private attach(node: number, to: number): void {
    const { parent, firstChild, nextSibling, previousSibling } = this;
    const first = firstChild[to]!;
    parent[node] = to;
    nextSibling[node] = first;
    previousSibling[node] = -1;
    if (first >= 0) previousSibling[first] = node;
    firstChild[to] = node;
  }

  private detach(node: number, from: number): void {
    const { firstChild, nextSibling, previousSibling } = this;
    const [before, after] = [previousSibling[node]!, nextSibling[node]!];
    if (before >= 0) nextSibling[before] = after;
    else firstChild[from] = after;
    if (after >= 0) previousSibling[after] = before;
  }

  solution(): Omit<SimplexSolution, 'pivots'> {
    const { n, m, root, parent, upward, flow, costs } = this;
    const entries: { row: number; column: number; mass: number }[] = [];
    let forbiddenMass = 0;
    for (let node = 0; node < root; node++) {
      if (!(flow[node]! > 0)) continue;
      const over = parent[node]!;
      const [tail, head] = upward[node] === 1 ? [node, over] : [over, node];
      if (tail === root || head === root) continue;
      entries.push({ row: tail, column: head - n, mass: flow[node]! });
      if (costs[tail * m + head - n] === Number.POSITIVE_INFINITY) forbiddenMass += flow[node]!;
    }
    return { entries, forbiddenMass, ...this.duals() };
  }

  /** f and g from the potentials: the artificial part counts as much as dual feasibility needs, which is 0 on connected bases. */
  private duals(): { f: Float64Array; g: Float64Array } {
    const { n, m, costs, potential, bigPotential } = this;
    let weight = 0;
    for (let i = 0, p = 0; i < n; i++) {
      for (let j = 0; j < m; j++, p++) {
        const big = bigPotential[n + j]! - bigPotential[i]!;
        if (big > 0 && costs[p]! < Number.POSITIVE_INFINITY) {
          weight = Math.max(weight, (potential[i]! - potential[n + j]! - costs[p]!) / big);
        }
      }
    }
    return {
      f: Float64Array.from({ length: n }, (_, i) => potential[i]! + weight * (bigPotential[i]! - 1)),
      g: Float64Array.from({ length: m }, (_, j) => -potential[n + j]! - weight * (bigPotential[n + j]! - 1)),
    };
  }
}
