import { BlockPricing } from './network-simplex-pricing.ts';
import { type DualGuess, greedyStart } from './network-simplex-start.ts';
import type { SpanningTree } from './network-simplex-tree.ts';
import { PlanBuilder } from './plan-entries.ts';
import type { PlanEntries } from './transport-plan.ts';

/** What the network simplex found: a feasible basis, the optimal one unless it was stopped. */
export interface SimplexSolution {
  /** Flow on allowed pairs, at most n + m − 1 of them. */
  readonly entries: PlanEntries;
  /** Dual solution: f_i + g_j ≤ C_ij, with equality where mass flows if optimal. */
  readonly f: Float64Array;
  readonly g: Float64Array;
  readonly pivots: number;
  /** False when it was stopped before the end. */
  readonly optimal: boolean;
  /** Mass on forbidden pairs, not among the entries: > 0 at the end means infeasible. */
  readonly forbiddenMass: number;
}

/** Where a run is. */
export interface SimplexProgress {
  readonly pivots: number;
  /** Mass that still uses forbidden pairs. */
  readonly forbiddenMass: number;
}

/** Arcs looked at between two yields: a few milliseconds. */
const ARCS_PER_YIELD = 2_000_000;
const PIVOTS_PER_YIELD = 512;
/** Reduced costs above −SLACK · max |C| are rounding. */
const SLACK = 1e-14;
/** Forbidden mass below this share of the total is rounding. */
const STRANDED = 1e-12;

/**
 * Solves the dense transportation problem min Σ C_ij P_ij, P1 = a, Pᵀ1 = b, by the primal network simplex method, from a greedy plan,
 * with strongly feasible trees and block pricing [bonneel2011].
 *
 * @param costs row-major n × m, +∞ forbids
 * @param a, b positive, equal sums
 */
export function networkSimplex(costs: Float64Array, a: Float64Array, b: Float64Array, guess?: DualGuess): SimplexSolution {
  const steps = networkSimplexSteps(costs, a, b, guess);
  for (;;) {
    const step = steps.next(false);
    if (step.done) return step.value;
  }
}

/**
 * {@link networkSimplex} in steps of a few milliseconds; `next(true)` stops it with the plan so far and duals that bound the optimum.
 *
 * When the first plan needs forbidden pairs, a first phase minimises their mass. Its duals (integers) tell which pairs no feasible plan
 * uses; the second phase closes these to entry. Together that compares costs lexicographically, without a large constant that would
 * spoil the digits of the duals.
 */
export function* networkSimplexSteps(
  costs: Float64Array,
  a: Float64Array,
  b: Float64Array,
  guess: DualGuess = {},
  maxPivots: number = Number.POSITIVE_INFINITY,
): Generator<SimplexProgress, SimplexSolution, boolean> {
  const start = greedyStart(costs, a, b, guess);
  let begun = start.next();
  let stopped = false;
  while (!begun.done) {
    stopped = (yield { pivots: 0, forbiddenMass: 0 }) || stopped;
    begun = start.next();
  }
  const { tree, atTop } = begun.value;
  const run = { pivots: 0, maxPivots, stopped };
  let open = costs;
  let walls: Float64Array | undefined;
  if (stranded(tree, costs, a)) {
    const indicator = costs.map((c) => (c === Number.POSITIVE_INFINITY ? 1 : 0));
    yield* optimise(tree, indicator, new Float64Array(atTop.length), costs, run);
    if (run.stopped || stranded(tree, costs, a)) return solution(tree, costs, run.pivots, !run.stopped);
    walls = Float64Array.from(tree.potential);
    open = closeUnused(tree, costs, indicator);
  }
  yield* optimise(tree, open, atTop, costs, run);
  return solution(tree, costs, run.pivots, !run.stopped, walls);
}

/** Pivots until no arc wants in, for costs of which the infinite ones never enter. */
function* optimise(
  tree: SpanningTree,
  costs: Float64Array,
  atTop: Float64Array,
  allowed: Float64Array,
  run: { pivots: number; readonly maxPivots: number; stopped: boolean },
): Generator<SimplexProgress, void, boolean> {
  const { n, m } = tree;
  const ofArc = (row: number, column: number): number => {
    const c = costs[row * m + column]!;
    return c < Number.POSITIVE_INFINITY ? c : 0;
  };
  let top = 0;
  for (const c of costs) if (c < Number.POSITIVE_INFINITY && Math.abs(c) > top) top = Math.abs(c);
  const pricing = new BlockPricing(tree, costs, SLACK * top);
  tree.setPotentials(ofArc, atTop);
  let fresh = true;
  let sinceFresh = 0;
  let nextYield = pricing.scanned + ARCS_PER_YIELD;
  while (!run.stopped) {
    if (!pricing.next()) {
      if (fresh) return;
      sinceFresh = tree.count;
    } else {
      if (run.pivots >= run.maxPivots) {
        run.stopped = true;
        return;
      }
      tree.pivot(pricing.row, n + pricing.column, pricing.reduced);
      run.pivots++;
      sinceFresh++;
      fresh = false;
    }
    if (sinceFresh >= tree.count) {
      tree.setPotentials(ofArc, atTop);
      fresh = true;
      sinceFresh = 0;
    }
    if (pricing.scanned >= nextYield || run.pivots % PIVOTS_PER_YIELD === 0) {
      nextYield = pricing.scanned + ARCS_PER_YIELD;
      if (yield { pivots: run.pivots, forbiddenMass: forbiddenMass(tree, allowed) }) run.stopped = true;
    }
  }
}

function stranded(tree: SpanningTree, costs: Float64Array, a: Float64Array): boolean {
  const mass = forbiddenMass(tree, costs);
  return mass > 0 && mass > STRANDED * a.reduce((sum, w) => sum + w, 0);
}

function forbiddenMass(tree: SpanningTree, costs: Float64Array): number {
  let mass = 0;
  forEachArc(tree, (row, column, flow) => {
    if (costs[row * tree.m + column] === Number.POSITIVE_INFINITY) mass += flow;
  });
  return mass;
}

function forEachArc({ n, root, parent, upward, flow }: SpanningTree, visit: (row: number, column: number, flow: number) => void): void {
  for (let node = 0; node < root; node++) {
    const over = parent[node]!;
    if (over === root) continue;
    if (upward[node] === 1) visit(node, over - n, flow[node]!);
    else visit(over, node - n, flow[node]!);
  }
}

/** Pairs of positive reduced cost in the first phase carry nothing in any feasible plan. */
function closeUnused({ n, m, potential }: SpanningTree, costs: Float64Array, indicator: Float64Array): Float64Array {
  const out = Float64Array.from(costs);
  for (let i = 0, p = 0; i < n; i++) {
    for (let j = 0; j < m; j++, p++) {
      if (indicator[p]! - potential[i]! + potential[n + j]! > 0.5) out[p] = Number.POSITIVE_INFINITY;
    }
  }
  return out;
}

function solution(tree: SpanningTree, costs: Float64Array, pivots: number, optimal: boolean, walls?: Float64Array): SimplexSolution {
  const { n, m, potential } = tree;
  const plan = new PlanBuilder(n + m);
  forEachArc(tree, (row, column, flow) => {
    if (costs[row * m + column]! < Number.POSITIVE_INFINITY) plan.add(row, column, flow);
  });
  const f = potential.slice(0, n);
  const g = potential.slice(n, n + m).map((x) => -x);
  if (!optimal) makeFeasible(costs, f, g);
  else if (walls !== undefined) raiseWalls(costs, walls, f, g);
  return { entries: plan.entries(n), f, g, pivots, optimal, forbiddenMass: forbiddenMass(tree, costs) };
}

/** The largest g that is feasible with f. */
function makeFeasible(costs: Float64Array, f: Float64Array, g: Float64Array): void {
  const [n, m] = [f.length, g.length];
  g.fill(Number.POSITIVE_INFINITY);
  for (let i = 0, p = 0; i < n; i++) {
    for (let j = 0; j < m; j++, p++) {
      const value = costs[p]! - f[i]!;
      if (value < g[j]!) g[j] = value;
    }
  }
}

/** Adds as much of the duals of the first phase as feasibility on the pairs that were closed needs. */
function raiseWalls(costs: Float64Array, walls: Float64Array, f: Float64Array, g: Float64Array): void {
  const [n, m] = [f.length, g.length];
  let weight = 0;
  for (let i = 0, p = 0; i < n; i++) {
    for (let j = 0; j < m; j++, p++) {
      const spare = walls[n + j]! - walls[i]!;
      if (spare > 0.5 && costs[p]! < Number.POSITIVE_INFINITY) weight = Math.max(weight, (f[i]! + g[j]! - costs[p]!) / spare);
    }
  }
  for (let i = 0; i < n; i++) f[i]! += weight * walls[i]!;
  for (let j = 0; j < m; j++) g[j]! -= weight * walls[n + j]!;
}
