import { batchThreads } from '#batch-threads';
import type { Cost } from '../costs/cost.ts';
import type { EntropicProblem } from '../couplings/entropic-problem.ts';
import { requireProblem } from '../couplings/require-problem.ts';
import { ShapeError } from '../errors.ts';
import { compileTransport } from '../kernels/wasm-module.ts';
import { type Progress, requireIterationOptions } from '../numerics/iterate.ts';
import type { Points } from '../numerics/points.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';
import { batchWork } from './batch-work.ts';
import type { DiscreteCoupling } from './discrete-coupling.ts';
import { runSolves, runSolvesAsync, type Solves } from './prepared-solve.ts';
import { shareSolves } from './shared-solves.ts';
import { type PreparedSinkhorn, prepareSinkhorn, SINKHORN_OPTIONS, type SinkhornOptions } from './sinkhorn.ts';

/** What `onProgress` of a batch is told: the step of the current problem, and which it is. */
export interface BatchProgress extends Progress {
  /** Index of the current problem. */
  readonly problem: number;
  /** How many there are. */
  readonly problems: number;
}

/** Options of {@link sinkhornBatch}: those of `sinkhorn`, for every problem. */
export interface SinkhornBatchOptions extends Omit<SinkhornOptions, 'initial' | 'onProgress'> {
  /** Called after every check of the error of every problem; the problems then follow one another. */
  readonly onProgress?: (progress: BatchProgress) => void;
}

type Options = SinkhornBatchOptions & { readonly signal?: AbortSignal };

const OPTIONS = SINKHORN_OPTIONS.filter((name) => name !== 'initial');

/**
 * Solves many entropic problems, on several threads where there is enough to do; the answers are those of {@link sinkhorn}, one by one, to
 * the bit. For all pairs of N histograms make the `costMatrix` once: they share it. Problems that follow one another between the same two
 * measures share costs as well. `timeLimit` holds for the batch: problems that it leaves no time for come back with status `time-limit`.
 *
 * `threads` counts the caller, who solves problems like everybody else and goes on alone where no worker is to be had; 1 starts none, and
 * with `onProgress` one problem follows the other. Each problem is then solved by one thread, which `stats.batchThread` tells: grids, partial
 * transport and problems too large to stand in `memory` side by side stay with the caller and have threads of their own.
 *
 * @param problems sides of any kind
 * @param options those of {@link sinkhorn}, without `initial`
 * @throws what {@link sinkhorn} throws, of the first problem that is wrong: all are checked to be problems before the first is solved
 * @example
 * ```ts
 * import { costMatrix, entropicProblem, histogram, sinkhornBatch } from 'viaduct';
 * const cost = costMatrix([[0, 1, 4], [1, 0, 1], [4, 1, 0]]);
 * const histograms = [[0.5, 0.5, 0], [0, 0.5, 0.5], [0.2, 0.3, 0.5]].map(histogram);
 * const pairs = histograms.flatMap((source, i) => histograms.slice(i + 1).map((target) => entropicProblem({ source, target, cost, epsilon: 0.5 })));
 * console.log(sinkhornBatch(pairs).map(({ status }) => status)); // → [ 'converged', 'converged', 'converged' ]
 * ```
 * @see [cuturi2013]
 */
export function sinkhornBatch(problems: readonly EntropicProblem[], options: SinkhornBatchOptions = {}): DiscreteCoupling[] {
  return runSolves(batch('sinkhornBatch', problems, options, OPTIONS));
}

/**
 * {@link sinkhornBatch} without holding the thread. After `signal` the problems under way and those not begun come back with status
 * `aborted`, unless the first look at them finds them solved.
 *
 * @example
 * ```ts
 * import { discreteMarginal, entropicProblem, sinkhornBatchAsync } from 'viaduct';
 * const both = discreteMarginal({ points: [[0], [1]] });
 * const problems = [1, 2].map((epsilon) => entropicProblem({ source: both, target: both, epsilon }));
 * console.log((await sinkhornBatchAsync(problems)).length); // → 2
 * ```
 */
export async function sinkhornBatchAsync(problems: readonly EntropicProblem[], options: Options = {}): Promise<DiscreteCoupling[]> {
  return runSolvesAsync(batch('sinkhornBatchAsync', problems, options, [...OPTIONS, 'signal']));
}

function* batch(
  path: string,
  problems: readonly EntropicProblem[],
  options: Options,
  known: readonly string[],
): Solves<DiscreteCoupling | undefined, DiscreteCoupling[]> {
  if (!Array.isArray(problems)) {
    throw new ShapeError(`${path}: expected an array of problems, got ${typeof problems}; pass [entropicProblem({ … }), …]`);
  }
  problems.forEach((problem, k) => {
    requireProblem(`${path}: problems[${k}]`, problem, 'entropic');
  });
  requireKnownOptions(path, options, known);
  const { onProgress, timeLimit, ...rest } = options;
  requireIterationOptions(path, options);
  const deadline = timeLimit === undefined ? undefined : batchThreads.clock() + timeLimit;
  const shared = sharedCosts();
  const prepare = (k: number): PreparedSinkhorn =>
    prepareSinkhorn(
      `${path}: problems[${k}]`,
      shared(problems[k]!),
      {
        ...rest,
        ...(deadline === undefined ? {} : { timeLimit: Math.max(1e-9, deadline - batchThreads.clock()) }),
        ...(onProgress === undefined
          ? {}
          : { onProgress: (progress) => onProgress({ ...progress, problem: k, problems: problems.length }) }),
      },
      known,
    );
  const made: DiscreteCoupling[] = [];
  const work = batchWork(problems, options);
  let alone = false;
  while (made.length < problems.length) {
    const first = made.length;
    const workers = alone ? 0 : work.workersFrom(first);
    if (workers > 0) {
      const answers = yield* shareSolves({
        first,
        count: problems.length,
        workers,
        kernels: kernelsFor(options.engine),
        prepare,
        shareable: work.shareable,
        signal: options.signal,
        deadline,
      });
      if (answers !== undefined) return [...made, ...answers];
      alone = true;
    }
    const began = batchThreads.clock();
    made.push((yield prepare(first))!);
    work.done(first, batchThreads.clock() - began);
  }
  return made;
}

/** Kernels that workers need not compile again. */
function kernelsFor(engine: Options['engine']): WebAssembly.Module | undefined {
  if (engine === 'typescript') return undefined;
  try {
    return compileTransport(false);
  } catch {
    // The first solve says why, or does without.
    return undefined;
  }
}

/**
 * A step of the same two measures under the same cost, at other ε or with other penalties, takes over the costs that the step before formed.
 * Squared costs are never formed where they need not be, and a matrix is not formed at all.
 */
function sharedCosts(): (problem: EntropicProblem) => EntropicProblem {
  let last: { readonly given: EntropicProblem; readonly cost: Cost } | undefined;
  return (problem) => {
    const { cost, source, target } = problem;
    if (!cost.pointwise || cost.squaredScale !== undefined) return problem;
    if (last?.given.cost !== cost || last.given.source !== source || last.given.target !== target) {
      let formed: Float64Array | undefined;
      const between = (x: Points, y: Points): Float64Array => {
        if (!('points' in source && 'points' in target && x === source.points && y === target.points)) return cost.between(x, y);
        formed ??= cost.between(x, y);
        return formed;
      };
      last = { given: problem, cost: Object.freeze({ ...cost, between }) };
    }
    return { ...problem, cost: last.cost };
  };
}
