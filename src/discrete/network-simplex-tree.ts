/**
 * A spanning tree of sources 0 … n − 1, sinks n … n + m − 1 and an artificial root n + m, with flows on its arcs and node potentials π
 * (π_tail − π_head = cost on the tree: f = π on sources, g = −π on sinks).
 *
 * The nodes stand in one circular list in preorder, so that a subtree is the stretch from its top to `last`. A pivot costs the length of
 * the cycle plus the smaller of the two halves into which the leaving arc cuts the tree. It keeps the tree strongly feasible, every arc
 * without flow pointing up, which rules out cycling (Cunningham 1976).
 */
export class SpanningTree {
  readonly n: number;
  readonly m: number;
  readonly root: number;
  /** Nodes, the root included. */
  readonly count: number;
  readonly parent: Int32Array;
  /** 1 when the arc runs from the node to its parent. */
  readonly upward: Uint8Array;
  /** Flow on the arc to the parent; the arcs of the root never carry any. */
  readonly flow: Float64Array;
  readonly potential: Float64Array;
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  private readonly last: Int32Array;
  private readonly size: Int32Array;

  /**
   * Hangs the trees of a forest under the root.
   *
   * @param preorder all nodes but the root, every one after its parent, subtrees contiguous; `parent`, `upward`, `flow` by node
   */
  constructor(n: number, m: number, forest: { preorder: Int32Array; parent: Int32Array; upward: Uint8Array; flow: Float64Array }) {
    this.n = n;
    this.m = m;
    this.root = n + m;
    this.count = n + m + 1;
    this.parent = forest.parent;
    this.upward = forest.upward;
    this.flow = forest.flow;
    this.potential = new Float64Array(this.count);
    this.next = new Int32Array(this.count);
    this.previous = new Int32Array(this.count);
    this.last = Int32Array.from(this.next.keys());
    this.size = new Int32Array(this.count).fill(1);
    let before = this.root;
    for (const node of forest.preorder) {
      this.next[before] = node;
      this.previous[node] = before;
      before = node;
    }
    this.next[before] = this.root;
    this.previous[this.root] = before;
    for (let k = forest.preorder.length - 1; k >= 0; k--) {
      const node = forest.preorder[k]!;
      const over = this.parent[node]!;
      // Backwards, the first child that comes by is the last one.
      if (this.size[over] === 1) this.last[over] = this.last[node]!;
      this.size[over]! += this.size[node]!;
    }
  }

  /** Computes all potentials from the root down, `cost(tail, head)` on tree arcs, so that rounding of updates does not pile up. */
  setPotentials(cost: (row: number, column: number) => number, atTop: Float64Array): void {
    const { n, root, parent, upward, potential, next } = this;
    potential[root] = 0;
    for (let node = next[root]!; node !== root; node = next[node]!) {
      const over = parent[node]!;
      if (over === root) potential[node] = atTop[node]!;
      else if (upward[node] === 1) potential[node] = potential[over]! + cost(node, over - n);
      else potential[node] = potential[over]! - cost(over, node - n);
    }
  }

  /** Brings the arc tail → head of this (negative) reduced cost into the tree; the last blocking arc of its cycle leaves. */
  pivot(tail: number, head: number, reduced: number): void {
    const { parent, upward, flow, size } = this;
    let i = tail;
    let j = head;
    while (i !== j) {
      if (size[i]! < size[j]!) i = parent[i]!;
      else j = parent[j]!;
    }
    const join = i;
    // Flow goes down to the tail and up from the head: arcs against it block. Ties: the last in the direction of the flow leaves.
    let delta = Number.POSITIVE_INFINITY;
    let leaving = -1;
    let atTail = true;
    for (let node = tail; node !== join; node = parent[node]!) {
      if (upward[node] === 1 && flow[node]! < delta) {
        delta = flow[node]!;
        leaving = node;
      }
    }
    for (let node = head; node !== join; node = parent[node]!) {
      if (upward[node] === 0 && flow[node]! <= delta) {
        delta = flow[node]!;
        leaving = node;
        atTail = false;
      }
    }
    if (delta > 0) {
      for (let node = tail; node !== join; node = parent[node]!) flow[node]! += upward[node] === 1 ? -delta : delta;
      for (let node = head; node !== join; node = parent[node]!) flow[node]! += upward[node] === 1 ? delta : -delta;
    }
    const [below, above] = atTail ? [tail, head] : [head, tail];
    const moved = size[leaving]!;
    for (let node = parent[leaving]!; node !== join; node = parent[node]!) size[node]! -= moved;
    for (let node = above; node !== join; node = parent[node]!) size[node]! += moved;
    this.cut(leaving);
    const end = this.turnOver(below, leaving, above, atTail ? 1 : 0, delta);
    this.insert(below, end, above);
    // π_tail − π_head falls by −reduced: by moving the half that was cut off, or the other one the opposite way.
    const shift = atTail ? reduced : -reduced;
    if (2 * moved <= this.count) this.shift(below, moved, shift);
    else this.shift(this.next[end]!, this.count - moved, -shift);
  }

  /** Takes the stretch of a subtree out of the list. */
  private cut(top: number): void {
    const { parent, next, previous, last } = this;
    const end = last[top]!;
    const before = previous[top]!;
    const after = next[end]!;
    next[before] = after;
    previous[after] = before;
    for (let node = parent[top]!; node >= 0 && last[node] === end; node = parent[node]!) last[node] = before;
  }

  /**
   * Makes `below` the top of the subtree that was cut at `leaving`: the nodes between them change parent, the rest keeps its own.
   *
   * @returns the new last node of the subtree
   */
  private turnOver(below: number, leaving: number, above: number, direction: number, delta: number): number {
    const { parent, upward, flow, next, previous, last, size } = this;
    let end = last[below]!;
    let node = below;
    let newParent = above;
    let newUp = direction;
    let newFlow = delta;
    // Of the subtree below, which is spliced out of the one at hand.
    let [sizeBelow, lastBelow, beforeBelow, afterBelow] = [0, -1, -1, -1];
    for (;;) {
      const oldParent = parent[node]!;
      const oldUp = upward[node]!;
      const oldFlow = flow[node]!;
      const oldSize = size[node]!;
      const oldLast = last[node]!;
      const oldBefore = previous[node]!;
      const oldAfter: number = oldLast === lastBelow ? afterBelow : next[oldLast]!;
      if (node !== below) {
        next[end] = node;
        previous[node] = end;
        if (oldLast === lastBelow) end = beforeBelow;
        else {
          next[beforeBelow] = afterBelow;
          previous[afterBelow] = beforeBelow;
          end = oldLast;
        }
      }
      parent[node] = newParent;
      upward[node] = newUp;
      flow[node] = newFlow;
      size[node] = oldSize - sizeBelow;
      if (node === leaving) break;
      sizeBelow = oldSize;
      lastBelow = oldLast;
      beforeBelow = oldBefore;
      afterBelow = oldAfter;
      newParent = node;
      newUp = 1 - oldUp;
      newFlow = oldFlow;
      node = oldParent;
    }
    if (below !== leaving) {
      for (let stem = leaving, sum = 0; ; stem = parent[stem]!) {
        sum += size[stem]!;
        size[stem] = sum;
        last[stem] = end;
        if (stem === below) break;
      }
    }
    return end;
  }

  /** Puts the stretch `top … end` right after its parent. */
  private insert(top: number, end: number, over: number): void {
    const { parent, next, previous, last } = this;
    const after = next[over]!;
    next[over] = top;
    previous[top] = over;
    next[end] = after;
    previous[after] = end;
    for (let node = over; node >= 0 && last[node] === over; node = parent[node]!) last[node] = end;
  }

  private shift(first: number, count: number, by: number): void {
    const { next, potential } = this;
    for (let k = 0, node = first; k < count; k++, node = next[node]!) potential[node]! += by;
  }
}
