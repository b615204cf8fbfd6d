import type { Iterated, IterationOptions } from '../numerics/iterate.ts';
import type { SolverProblem } from './dense-problem.ts';
import { type PreparedSolve, preparedSolve } from './prepared-solve.ts';
import { openSolver, type Solver, type SolverOptions } from './solver.ts';
import type { Penalties } from './values.ts';

/** A checked problem and how to solve it: all that a solver needs, and nothing of the answer that is made of its potentials. */
export interface SolveTask {
  readonly path: string;
  readonly dense: SolverProblem;
  readonly epsilon: number;
  readonly penalties: Penalties;
  readonly options: SolverOptions;
  readonly maxIterations?: number;
}

/** Potentials of the support, and the truth about how they were reached. */
export interface SolvedTask extends Pick<Iterated<unknown>, 'status' | 'iterations' | 'errors'>, ReturnType<Solver['finish']> {}

/** Binds a task to its solver, which is opened when it runs. */
export function prepareTask(
  { path, dense, epsilon, penalties, options, maxIterations }: SolveTask,
  watch: Pick<IterationOptions, 'timeLimit' | 'signal' | 'onProgress'> = {},
): PreparedSolve<SolvedTask> {
  const open = (): PreparedSolve<SolvedTask> => {
    const { iteration, finish, release } = openSolver(path, dense, epsilon, penalties, options);
    return preparedSolve({
      iteration,
      options: { ...watch, tolerance: options.tolerance, ...(maxIterations === undefined ? {} : { maxIterations }) },
      finish: ({ state, status, iterations, errors }) => ({ status, iterations, errors, ...finish(state) }),
      release,
    });
  };
  return { run: () => open().run(), runAsync: async () => open().runAsync() };
}
