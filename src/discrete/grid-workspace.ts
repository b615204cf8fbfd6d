import { DomainError } from '../errors.ts';
import { openGridKernels } from '../kernels/open-grid-kernels.ts';
import { openTransportEngine } from '../kernels/open-transport-engine.ts';
import type { SolverProblem } from './dense-problem.ts';
import type { GridProblem } from './grid-problem.ts';
import { SeparableKernel } from './separable-kernel.ts';
import { makeSide } from './side.ts';
import { gigabytes, padded } from './storage-limit.ts';
import type { Penalties } from './values.ts';
import type { ComputeOptions, Workspace } from './workspace.ts';

/** Opens an engine for the vectors of a problem between grids, and its separable kernel. `vectors`: bytes that the method needs besides. */
export function openGridWorkspace(
  path: string,
  dense: SolverProblem,
  grid: GridProblem,
  penalties: Penalties,
  options: ComputeOptions & { readonly memory: number; readonly vectors: (height: number, width: number) => number },
): Workspace & { readonly kernel: SeparableKernel } {
  const { memory, threads, engine: kind } = options;
  const [height, width] = [padded(dense.a.length), padded(dense.b.length)];
  const longest = Math.max(...grid.source.shape, ...grid.target.shape);
  const gridBytes = SeparableKernel.gridBytes(grid);
  if (gridBytes > memory) {
    throw new DomainError(
      `${path}: grids of ${grid.source.shape.join(' × ')} and ${grid.target.shape.join(' × ')} nodes need ${gigabytes(gridBytes)} GB, above the limit of ${gigabytes(memory)} GB; raise memory`,
    );
  }
  const bytes = 8 * 4 * (height + width) + SeparableKernel.bytes(height, width) + options.vectors(height, width) + 4096;
  const engine = openTransportEngine({ bytes, ...(threads === undefined ? {} : { threads }), ...(kind === undefined ? {} : { kind }) });
  const source = makeSide(engine, dense.a, engine.height(dense.a.length), penalties.source);
  const target = makeSide(engine, dense.b, engine.width(dense.b.length), penalties.target);
  const kernels = openGridKernels({ bytes: gridBytes, longest, kind: kind ?? 'auto', ...(threads === undefined ? {} : { threads }) });
  const kernel = new SeparableKernel(engine, kernels, grid, source, dense);
  const passes = (epsilon: number): SeparableKernel => {
    kernel.setLevel(epsilon);
    return kernel;
  };
  return {
    engine,
    source,
    target,
    kernel,
    passes,
    release() {
      kernels.release();
      engine.release();
    },
  };
}
