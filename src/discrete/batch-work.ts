import { batchThreads } from '#batch-threads';
import type { EntropicProblem } from '../couplings/entropic-problem.ts';
import { isDiscrete } from '../marginals/discrete-marginal.ts';
import { isGrid } from '../marginals/grid-marginal.ts';
import { DEFAULT_MEMORY } from './storage-limit.ts';
import type { ComputeOptions } from './workspace.ts';

/** Seconds of work that make a worker worth while: one that has yet to come up and to have its code compiled, and one at rest. */
const WORTH = { fresh: 0.4, resting: 0.02 } as const;
/** Seconds a pair that every solve takes at least, and the pairs that the rest of a small solve is worth. */
const LEAST_RATE = 1.5e-8;
const EXTRA_PAIRS = 2000;
/** Seconds for which code is being compiled, so that the time of a solve says little. */
const COLD = 0.1;
/** Bytes a pair of costs and kernel together at most, and the most pairs of one thread. */
const PAIR_BYTES = 24;
const MOST_PAIRS = 2 ** 26;
/** As many as are taken unasked. */
const DEFAULT_THREADS = 8;

/** What is known of the work of a batch. */
export interface BatchWork {
  /** How many workers the problems from the k-th on are worth; none for the last one. */
  workersFrom(k: number): number;
  /** True where one thread is to solve the problem, so that others fit beside it. */
  shareable(k: number): boolean;
  /** Tells how long a problem took. */
  done(k: number, seconds: number): void;
}

/** Estimates the work of a batch, at first from sizes alone and too low, then from the problems solved. */
export function batchWork(problems: readonly EntropicProblem[], options: ComputeOptions & { readonly onProgress?: unknown }): BatchWork {
  const { threads = Math.min(batchThreads.available(), DEFAULT_THREADS), memory = DEFAULT_MEMORY, onProgress } = options;
  // Options that are none are refused by the first problem; progress is told in order, step by step.
  const most =
    Number.isInteger(threads) && typeof memory === 'number' && onProgress === undefined ? Math.min(threads, batchThreads.most) : 1;
  const room = typeof memory === 'number' ? Math.min(MOST_PAIRS, memory / PAIR_BYTES / most) : 0;
  const pairs = problems.map((problem) => {
    const count = pairsOf(problem);
    return count <= room ? count : 0;
  });
  // Sums from the end on, of problems and of their pairs.
  const [left, sizes] = [new Float64Array(problems.length + 1), new Float64Array(problems.length + 1)];
  for (let k = problems.length - 1; k >= 0; k--) {
    left[k] = left[k + 1]! + (pairs[k]! > 0 ? 1 : 0);
    sizes[k] = sizes[k + 1]! + (pairs[k]! > 0 ? pairs[k]! + EXTRA_PAIRS : 0);
  }
  let [measured, spent, rate] = [0, 0, Number.POSITIVE_INFINITY];
  return {
    workersFrom(k) {
      const pair = measured < 3 || spent < COLD ? LEAST_RATE : Math.max(rate, LEAST_RATE);
      const seconds = pair * sizes[k]!;
      const worth = Math.max(Math.floor(seconds / WORTH.fresh), Math.min(batchThreads.resting(), Math.floor(seconds / WORTH.resting)));
      return Math.max(0, Math.min(most - 1, left[k]! - 1, worth));
    },
    shareable: (k) => pairs[k]! > 0,
    done(k, seconds) {
      if (pairs[k] === 0) return;
      measured++;
      spent += seconds;
      rate = Math.min(rate, seconds / (pairs[k]! + EXTRA_PAIRS));
    },
  };
}

/** Pairs of a problem that a worker can be given; 0 for any other. */
function pairsOf({ source, target, marginals }: EntropicProblem): number {
  const partial = marginals.source === 'at-most' || marginals.target === 'at-most';
  if (partial || !isDiscrete(source) || !isDiscrete(target) || (isGrid(source) && isGrid(target))) return 0;
  return source.weights.length * target.weights.length;
}
