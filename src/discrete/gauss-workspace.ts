import { openGaussEngine } from '../kernels/open-gauss-engine.ts';
import { openTransportEngine } from '../kernels/open-transport-engine.ts';
import type { SolverProblem } from './dense-problem.ts';
import { GaussKernel } from './gauss-kernel.ts';
import { boxCounts, centredClouds } from './gauss-level.ts';
import { gaussPasses } from './gauss-passes.ts';
import { makeSide } from './side.ts';
import { padded } from './storage-limit.ts';
import type { Penalties } from './values.ts';
import type { ComputeOptions, Workspace } from './workspace.ts';

/** What a fast Gauss transform is to be made for. */
export interface GaussRequest {
  /** The smallest ε. */
  readonly epsilon: number;
  /** Wanted bound of Σ|P − P̃|, relative to the mass. */
  readonly accuracy: number;
}

/** Pairs from which the transform is tried: below, stored kernels are as fast. */
const MANY_PAIRS = 4e8;
/** Most boxes of a cloud: with more, √ε is so small that boxes hold few points and there is little to gain. */
const MOST_BOXES = 6000;
const PLANE_OR_SPACE = 3;

/** Opens a workspace with a fast Gauss transform; undefined where another kernel is better. `vectors`: bytes that the method needs besides. */
export function openGaussWorkspace(
  dense: SolverProblem,
  penalties: Penalties,
  { epsilon, accuracy }: GaussRequest,
  options: ComputeOptions & { readonly vectors: (height: number, width: number) => number },
): Workspace | undefined {
  const [n, m, d] = [dense.a.length, dense.b.length, dense.x.dimension];
  if (!dense.squared || d > PLANE_OR_SPACE || n * m < MANY_PAIRS) return undefined;
  const { threads, engine: kind } = options;
  const [height, width] = [padded(n), padded(m)];
  const bytes = 8 * (d + 5) * (height + width) + GaussKernel.bytes(height) + options.vectors(height, width) + 4096;
  const engine = openTransportEngine({ bytes, ...(threads === undefined ? {} : { threads }), ...(kind === undefined ? {} : { kind }) });
  const costs = engine.pointCosts(dense.x.data, dense.y.data, d, dense.cost.squaredScale!);
  const clouds = centredClouds(costs);
  if (Math.max(...boxCounts(clouds, 1 / epsilon)) > MOST_BOXES) {
    engine.release();
    return undefined;
  }
  const source = makeSide(engine, dense.a, engine.height(n), penalties.source);
  const target = makeSide(engine, dense.b, engine.width(m), penalties.target);
  const kernel = new GaussKernel(engine, costs, source, target, accuracy, () => openGaussEngine(kind ?? 'auto', threads));
  return {
    engine,
    source,
    target,
    kernel,
    passes: (at) => gaussPasses(kernel, clouds, at),
    release() {
      kernel.release();
      engine.release();
    },
  };
}
