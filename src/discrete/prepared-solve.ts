import { type Iterated, type Iteration, type IterationOptions, iterate, iterateAsync } from '../numerics/iterate.ts';

/** A checked problem in an engine of its own, to be solved once: with or without holding the thread. */
export interface PreparedSolve<Result> {
  run(): Result;
  runAsync(): Promise<Result>;
}

/** Binds an iteration to what makes a result of its last state. `release` gives the memory back. */
export function preparedSolve<State, Result>(solve: {
  readonly iteration: Iteration<State>;
  readonly options: IterationOptions;
  readonly finish: (ended: Iterated<State>) => Result;
  readonly release: () => void;
}): PreparedSolve<Result> {
  const { iteration, options, finish, release } = solve;
  return {
    run() {
      try {
        return finish(iterate(iteration, options));
      } finally {
        release();
      }
    },
    async runAsync() {
      try {
        return finish(await iterateAsync(iteration, options));
      } finally {
        release();
      }
    },
  };
}

/** A computation made of solves, one after the other: it yields what is to be solved and is told the result. */
export type Solves<Part, Result> = Generator<PreparedSolve<Part>, Result, Part>;

/** Runs them all without giving up the thread. */
export function runSolves<Part, Result>(solves: Solves<Part, Result>): Result {
  let next = solves.next();
  while (!next.done) next = solves.next(next.value.run());
  return next.value;
}

/** Runs them all, giving up the thread every 16 ms. */
export async function runSolvesAsync<Part, Result>(solves: Solves<Part, Result>): Promise<Result> {
  let next = solves.next();
  while (!next.done) next = solves.next(await next.value.runAsync());
  return next.value;
}
