import type { SharedProblem } from './shared-problem.ts';
import type { SolvedTask, SolveTask } from './solve-task.ts';

/**
 * How the caller of a batch and its workers share the tasks. Every task is posted to all workers; whoever changes its claim from 0 to its
 * own number + 1 solves it, so that nothing waits for a worker that has not come up. Whole numbers of the shared memory:
 *
 * - posted: counts the tasks posted; a worker without work sleeps on it.
 * - answered: counts the answers sent; a caller without work sleeps on it, for a moment at a time.
 * - halt: 1 to end the solves under way as if aborted, 2 to end the batch as well.
 * - beats: steps done by each worker, by which the caller tells a slow one from a dead one.
 * - claims: one a problem.
 */
export const POSTED = 0;
export const ANSWERED = 1;
export const HALT = 2;
export const BEATS = 3;
/** Workers of a batch at most. */
export const MOST_WORKERS = 15;
export const CLAIMS: number = BEATS + MOST_WORKERS + 1;

/** A task on its way to the workers. */
export interface PostedTask {
  readonly index: number;
  readonly problem: SharedProblem;
  readonly task: Omit<SolveTask, 'dense'>;
  /** Second of the shared clock at which the batch has no more time. */
  readonly deadline?: number;
}

/** A worker's answer; without `solved` it failed, and the caller, who solves the problem again, learns why. */
export interface TaskReport {
  readonly index: number;
  readonly solved?: SolvedTask;
  readonly seconds: number;
}

/** Workers under way. */
export interface Crew {
  /** Hands a message to every worker. */
  post(task: PostedTask): void;
  /** The next answer that has come in; never waits. */
  receive(): TaskReport | undefined;
  /** True of a worker that is known to have ended. */
  lost(thread: number): boolean;
  /** Ends a worker that nothing more is expected of. */
  giveUp(thread: number): void;
  /** Stops the work; the workers may rest until the next batch. */
  dismiss(): void;
}

/** What a runtime offers. */
export interface BatchThreads {
  /** Most threads of a batch, the caller included; 1 where there are no workers. */
  readonly most: number;
  /** How many threads the machine has for us. */
  readonly available: () => number;
  /** How many workers are up and rest between batches. */
  readonly resting: () => number;
  /** Seconds on a clock that all threads share. */
  readonly clock: () => number;
  /** Starts workers 1 … count over the shared numbers; undefined when there are none. They never keep the process alive. */
  start(count: number, shared: Int32Array, kernels: WebAssembly.Module | undefined): Crew | undefined;
}

/** What a worker has of its runtime. */
export interface WorkerRuntime extends Pick<BatchThreads, 'clock'> {
  /** 1 for the first worker; the caller is 0. */
  readonly thread: number;
  readonly shared: Int32Array;
  /** Compiled by the caller. */
  readonly kernels: WebAssembly.Module | undefined;
  receive(): PostedTask | undefined;
  send(report: TaskReport, transfer: ArrayBuffer[]): void;
}
