import type { Bridge } from '../couplings/bridge.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { CouplingMoments } from '../couplings/coupling.ts';
import type { DiffusionBridge } from '../diffusion/diffusion-run.ts';
import type { LearnedBridge } from '../diffusion/learned-bridge.ts';
import { DomainError } from '../errors.ts';
import type { Points } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import type { DriftField } from '../references/drift-field.ts';
import { type TimeGrid, timeGrid } from '../references/time-grid.ts';
import { chainNodes } from './chain-nodes.ts';

/** The exact bridge as far as it is known: its drift, and draws where it has any. */
export interface Truth extends Pick<DriftField, 'drift'> {
  readonly simulate?: Bridge['simulate'];
  readonly sampleConditional?: Bridge['sampleConditional'];
}

/** What is judged, with what its checks share. */
export interface Judged {
  readonly bridge: Bridge;
  /** The bridge as a run, where it is one: its chains and iterates. */
  readonly run: DiffusionBridge | undefined;
  readonly problem: BridgeProblem;
  /** Paths behind every estimate. */
  readonly samples: number;
  readonly random: RandomSource;
  readonly truth: Truth | undefined;
  /** Paths of the law that is judged, drawn once: see {@link drawPaths}. */
  paths(): NodePaths;
  /** Moments of the law after a half-step of the run, computed once. */
  moments(halfStep: number): CouplingMoments;
}

/** Paths of a process on the nodes of a grid, in forward order. */
export interface NodePaths {
  readonly grid: TimeGrid;
  readonly nodes: readonly Points[];
}

/** Intervals in which a bridge without steps of its own is looked at. */
const INTERVALS = 16;
/** Where inside the horizon single nodes are looked at, as shares of the steps. */
const PLACES = [0.25, 0.5, 0.75];

/** Of a run its last chain, in the direction learned last; of any other bridge paths from its source on {@link halvedGrid}. */
export function drawPaths(bridge: Bridge, run: DiffusionBridge | undefined, samples: number, random: RandomSource): NodePaths {
  if (run !== undefined) {
    const chain = run.chain(run.halfSteps.length);
    return { grid: chain.grid, nodes: chainNodes(chain, samples, random) };
  }
  const grid = halvedGrid(bridge);
  return { grid, nodes: bridge.simulate({ count: samples, grid, random }).points };
}

/**
 * The halves of intervals, so that every odd node is a mid-point: those of the bridge's own steps where it has any, otherwise of
 * t_k = T(1 − cos(πk/n))/2, since drifts are steep where a bridge comes to its ends.
 */
function halvedGrid(bridge: Bridge): TimeGrid {
  const { horizon } = bridge.reference;
  const own = (bridge as Partial<LearnedBridge>).grid;
  const end = (k: number): number => (horizon * (1 - Math.cos((Math.PI * k) / INTERVALS))) / 2;
  const durations = own?.durations ?? Float64Array.from({ length: INTERVALS }, (_, k) => end(k + 1) - end(k));
  return timeGrid.fromSteps(Float64Array.from({ length: 2 * durations.length }, (_, i) => durations[i >> 1]! / 2));
}

/** Interior nodes at a quarter, a half and three quarters of the steps. */
export function innerNodes({ steps }: TimeGrid): number[] {
  return [...new Set(PLACES.map((share) => Math.min(steps - 1, Math.max(1, Math.round(share * steps)))))];
}

/** What `make` returns, or the words in which the bridge refuses it. */
export function orRefusal<T>(make: () => T): { readonly value: T } | { readonly refusal: string } {
  try {
    return { value: make() };
  } catch (error) {
    if (error instanceof DomainError) return { refusal: error.message };
    throw error;
  }
}

/**
 * The error in nats that learning an affine map for every transition from the paths of the cache leaves at least: d(d + 1)/2n a transition.
 * What is smaller says nothing. Nothing where no transition was learned.
 */
export function regressionNoise({ run, problem }: Judged): number {
  if (run === undefined) return 0;
  const d = problem.dimension;
  return (run.options.grid.steps * d * (d + 1)) / (2 * run.options.paths);
}
