import { ConvergenceError, DomainError } from '../errors.ts';

/** How an iteration ended. `converged` is only ever said of a residual recomputed from the answer. */
export type Status = 'converged' | 'max-iterations' | 'stagnated' | 'diverged' | 'time-limit' | 'aborted';

/** What `onProgress` is told. */
export interface Progress {
  readonly iteration: number;
  readonly error: number;
  readonly seconds: number;
}

/** Options that every iterative solver shares. */
export interface IterationOptions {
  /** Stop when the error is at most this. */
  readonly tolerance?: number;
  /** Stop after this many steps. */
  readonly maxIterations?: number;
  /** Stop after this many seconds, with status `time-limit`. @defaultValue none */
  readonly timeLimit?: number;
  /** Stop when aborted, with status `aborted` and the answer so far. */
  readonly signal?: AbortSignal;
  /** Called after every check of the error. */
  readonly onProgress?: (progress: Progress) => void;
  /** What an answer that did not converge does: `'return'` says so in `status`, `'throw'` throws ConvergenceError. @defaultValue `'return'` */
  readonly onFailure?: 'return' | 'throw';
}

/** An iterative method: pure functions over a state that a step may mutate, and nothing else. */
export interface Iteration<State> {
  /** The public path that messages name. */
  readonly path: string;
  readonly initial: () => State;
  readonly step: (state: State) => State;
  /** The error of a state; NaN means diverged. */
  readonly error: (state: State) => number;
  /** The error below which rounding hides progress: where it is known, `stagnated` needs an error below it. */
  readonly roundingFloor?: (state: State) => number;
}

/** A state and the truth about how it was reached. */
export interface Iterated<State> {
  readonly state: State;
  readonly status: Status;
  readonly iterations: number;
  readonly error: number;
  /** The error after every step, the initial one first. */
  readonly errors: Float64Array;
  readonly seconds: number;
}

const STALL_STEPS = 2000;
const FLOOR_STEPS = 50;
const SLICE_SECONDS = 0.016;

/** Runs the iteration to its end without giving up the thread. */
export function iterate<State>(iteration: Iteration<State>, options: IterationOptions): Iterated<State> {
  const loop = drive(iteration, options);
  for (;;) {
    const next = loop.next();
    if (next.done) return next.value;
  }
}

/** Runs the iteration, giving up the thread every 16 ms so that a page or an AbortSignal can act. */
export async function iterateAsync<State>(iteration: Iteration<State>, options: IterationOptions): Promise<Iterated<State>> {
  const loop = drive(iteration, options);
  let slice = now();
  for (;;) {
    const next = loop.next();
    if (next.done) return next.value;
    if (now() - slice > SLICE_SECONDS) {
      await pause();
      slice = now();
    }
  }
}

/** The one loop: yields after every step, returns the final state with its status. */
function* drive<State>(iteration: Iteration<State>, options: IterationOptions): Generator<Progress, Iterated<State>, void> {
  requireIterationOptions(iteration.path, options);
  const { tolerance = 1e-9, maxIterations = 100_000, timeLimit = Number.POSITIVE_INFINITY, signal, onProgress } = options;
  const start = now();
  let state = iteration.initial();
  let error = iteration.error(state);
  const errors = [error];
  let iterations = 0;
  let best = error;
  let sinceBest = 0;
  let status: Status | undefined;
  for (;;) {
    const progress = { iteration: iterations, error, seconds: now() - start };
    onProgress?.(progress);
    if (Number.isNaN(error)) status = 'diverged';
    else if (error <= tolerance) status = 'converged';
    else if (signal?.aborted) status = 'aborted';
    else if (iterations >= maxIterations) status = 'max-iterations';
    else if (progress.seconds > timeLimit) status = 'time-limit';
    else if (
      iteration.roundingFloor === undefined ? sinceBest >= STALL_STEPS : sinceBest >= FLOOR_STEPS && error <= iteration.roundingFloor(state)
    )
      status = 'stagnated';
    if (status !== undefined) break;
    yield progress;
    state = iteration.step(state);
    error = iteration.error(state);
    errors.push(error);
    iterations++;
    sinceBest++;
    if (error < 0.9 * best) {
      best = error;
      sinceBest = 0;
    }
  }
  if (status !== 'converged' && options.onFailure === 'throw') {
    throw new ConvergenceError(
      `${iteration.path}: ${status} after ${iterations} iterations with error ${error}; raise maxIterations or tolerance`,
    );
  }
  return { state, status, iterations, error, errors: Float64Array.from(errors), seconds: now() - start };
}

/** Refuses limits that are no numbers, callbacks that are no functions and a misspelt `onFailure`, before any work. */
export function requireIterationOptions(
  path: string,
  options: Omit<IterationOptions, 'onProgress'> & { readonly onProgress?: unknown },
): void {
  const { tolerance = 0, maxIterations = 0, onProgress, onFailure = 'return', signal } = options;
  if (!(typeof tolerance === 'number' && tolerance >= 0)) {
    throw new DomainError(`${path}: tolerance must be ≥ 0, got ${String(tolerance)}; pass 1e-9, say`);
  }
  if (!(Number.isInteger(maxIterations) && maxIterations >= 0)) {
    throw new DomainError(`${path}: maxIterations must be a whole number ≥ 0, got ${String(maxIterations)}; pass 1000, say`);
  }
  requireTimeLimit(path, options.timeLimit);
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new DomainError(`${path}: onProgress is no function but ${String(onProgress)}; pass ({ iteration, error }) => …`);
  }
  if (onFailure !== 'return' && onFailure !== 'throw') {
    throw new DomainError(`${path}: onFailure must be 'return' or 'throw', got '${String(onFailure)}'; pass one of them`);
  }
  if (signal !== undefined && typeof signal?.aborted !== 'boolean') {
    throw new DomainError(`${path}: signal is no AbortSignal; pass the signal of an AbortController`);
  }
}

/** Refuses a limit that is not a time. */
function requireTimeLimit(path: string, timeLimit: number = Number.POSITIVE_INFINITY): void {
  if (typeof timeLimit === 'number' && timeLimit > 0) return;
  throw new DomainError(`${path}: timeLimit must be > 0 seconds, got ${String(timeLimit)}; leave it out for no limit`);
}

/** Seconds on a clock that only rises. */
export function now(): number {
  return (globalThis.performance?.now() ?? Date.now()) / 1000;
}

/** Lets other work of this thread run. */
export function pause(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof globalThis.setTimeout === 'function') globalThis.setTimeout(resolve, 0);
    else resolve();
  });
}
