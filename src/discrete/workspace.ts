import { DomainError } from '../errors.ts';
import { openTransportEngine } from '../kernels/open-transport-engine.ts';
import type { CostBlock, TransportEngine } from '../kernels/transport-engine.ts';
import { requireInteger } from '../numerics/vectors.ts';
import { AbsorbedKernel } from './absorbed-kernel.ts';
import type { SolverProblem } from './dense-problem.ts';
import { type GaussRequest, openGaussWorkspace } from './gauss-workspace.ts';
import { openGridWorkspace } from './grid-workspace.ts';
import { LogKernel } from './log-kernel.ts';
import { enginePasses, type PlanPasses } from './plan-passes.ts';
import type { TransportKernel } from './semi-dual.ts';
import { makeSide, type Side } from './side.ts';
import { DEFAULT_MEMORY, gigabytes, POINTS_INSTEAD, padded, requireMemory, requireRoomForCosts } from './storage-limit.ts';
import type { Penalties } from './values.ts';

/** Where and how the passes over all pairs are done. */
export interface ComputeOptions {
  /**
   * Most bytes that stored costs and kernels may take. A problem that needs more works from its points, with memory O(n + m), when the cost
   * is squared Euclidean. @defaultValue 2.4e9
   */
  readonly memory?: number;
  /** Most threads. The answer is the same, to the bit, for any number. @defaultValue what the machine has, at most 8 */
  readonly threads?: number;
  /** `'wasm'`, `'typescript'`, or `'auto'`: WebAssembly SIMD where the runtime has it. @defaultValue `'auto'` */
  readonly engine?: 'auto' | 'wasm' | 'typescript';
}

/** How the kernel is kept. */
export type KernelStorage = 'absorbed' | 'log';

/** An engine with the problem in it. */
export interface Workspace {
  readonly engine: TransportEngine;
  readonly source: Side;
  readonly target: Side;
  readonly kernel: TransportKernel;
  /** Sums over the plan at an ε. */
  passes(epsilon: number): PlanPasses;
  /** Gives everything back. */
  release(): void;
}

/** Costs of points in more dimensions are stored when there is room: computing them costs more than reading them. */
const CHEAP_DIMENSION = 3;
/** Pairs below which f32 saves nothing. */
const FEW_PAIRS = 4096;

/** Opens an engine, copies the problem into it and makes its kernel. `vectors`: bytes that the method needs besides. */
export function openWorkspace(
  path: string,
  dense: SolverProblem,
  penalties: Penalties,
  options: ComputeOptions & {
    readonly storage: KernelStorage;
    readonly single: boolean;
    /** Where a fast Gauss transform would do instead of the storage asked for. */
    readonly gauss?: GaussRequest;
    readonly vectors: (height: number, width: number) => number;
  },
): Workspace {
  const [n, m] = [dense.a.length, dense.b.length];
  const [height, width] = [padded(n), padded(m)];
  requireCompute(path, options);
  const { memory = DEFAULT_MEMORY, threads, engine: kind } = options;
  if (dense.grid !== undefined) return openGridWorkspace(path, dense, dense.grid, penalties, { ...options, memory });
  const gauss = options.gauss === undefined ? undefined : openGaussWorkspace(dense, penalties, options.gauss, options);
  if (gauss !== undefined) return gauss;
  const single = options.single && n * m > FEW_PAIRS;
  const matrix = 8 * height * width;
  const kernelBytes = AbsorbedKernel.bytes(height, width, single);
  const points = 8 * (height + width) * dense.x.dimension;
  let storage = options.storage;
  let stored = !dense.squared || dense.x.dimension > CHEAP_DIMENSION;
  const needed = (): number => (stored ? matrix : 0) + (dense.squared ? points : 0) + (storage === 'absorbed' ? kernelBytes : 0);
  if (needed() > memory) storage = 'log';
  if (needed() > memory && dense.squared) stored = false;
  if (needed() > memory) {
    if (!dense.squared) requireRoomForCosts(path, n, m, memory, POINTS_INSTEAD);
    throw new DomainError(
      `${path}: ${n} + ${m} points of ${dense.x.dimension} coordinates need ${gigabytes(needed())} GB, above the limit of ${gigabytes(memory)} GB; raise memory`,
    );
  }
  const sides = 8 * 4 * (height + width);
  const bytes = needed() + sides + LogKernel.bytes(height) + options.vectors(height, width) + 4096;
  const engine = openTransportEngine({ bytes, ...(threads === undefined ? {} : { threads }), ...(kind === undefined ? {} : { kind }) });
  const costs = costsIn(engine, dense, stored);
  const source = makeSide(engine, dense.a, engine.height(n), penalties.source);
  const target = makeSide(engine, dense.b, engine.width(m), penalties.target);
  const kernel = storage === 'absorbed' ? new AbsorbedKernel(engine, costs, source, target, single) : new LogKernel(engine, costs, source);
  return { engine, source, target, kernel, passes: (epsilon) => enginePasses(engine, costs, epsilon), release: () => engine.release() };
}

/** Copies what the costs are made of into the engine, and makes them there where they are to be stored. */
function costsIn(engine: TransportEngine, dense: SolverProblem, stored: boolean): CostBlock {
  if (!dense.squared) return engine.storedCosts(dense.costs, dense.a.length, dense.b.length);
  const points = engine.pointCosts(dense.x.data, dense.y.data, dense.x.dimension, dense.cost.squaredScale!);
  return stored ? engine.storedPointCosts(points) : points;
}

/** Refuses options that are none. */
function requireCompute(path: string, { memory = DEFAULT_MEMORY, threads = 1, engine = 'auto' }: ComputeOptions): void {
  requireMemory(path, memory, DEFAULT_MEMORY);
  requireInteger(`${path}: threads`, threads, 1);
  if (!['auto', 'wasm', 'typescript'].includes(engine)) {
    throw new DomainError(`${path}: unknown engine '${String(engine)}'; use 'auto', 'wasm' or 'typescript'`);
  }
}
