import { type IterationOptions, now, pause } from '../numerics/iterate.ts';
import { networkSimplexSteps } from './network-simplex.ts';
import type { PreparedSolve } from './prepared-solve.ts';

/** Steps of the test, of a few milliseconds each, that are done at once: most tests end within them. */
const STEPS_AT_ONCE = 16;
const SLICE_SECONDS = 0.016;

type Watch = Pick<IterationOptions, 'timeLimit' | 'signal'>;

/** The question whether a plan avoids the forbidden pairs, asked of the simplex method, which can be told to stop. */
export interface FeasibilityTest {
  /** True once the answer is known; what cannot be moved has then been told to `refuse`, which throws. */
  readonly answered: boolean;
  /** The solve, once the test is through. Where the watch stops the test, the solve gets no time of its own and says how it ended. */
  before<Result>(watch: Watch, solve: (watch: Watch) => PreparedSolve<Result>): PreparedSolve<Result>;
}

/**
 * Begins to look for a plan between a and b that avoids the pairs of cost +∞.
 *
 * @param costs row-major; only where they are infinite matters
 * @param refuse told the mass that no plan can move, where there is some; throws
 */
export function feasibilityTest(
  costs: Float64Array,
  a: Float64Array,
  b: Float64Array,
  watch: Watch,
  refuse: (stranded: number) => never,
): FeasibilityTest {
  const steps = networkSimplexSteps(
    costs.map((c) => (c === Number.POSITIVE_INFINITY ? c : 0)),
    a,
    b,
  );
  const mass = a.reduce((sum, w) => sum + w, 0);
  let spent = 0;
  let answered = false;
  /** Whether there is more to do. */
  const advance = ({ timeLimit = Number.POSITIVE_INFINITY, signal }: Watch): boolean => {
    if (answered || signal?.aborted || spent > timeLimit) return false;
    const began = now();
    const { done, value } = steps.next(false);
    spent += now() - began;
    if (!done) return true;
    answered = true;
    if (value.forbiddenMass > 1e-12 * mass) refuse(value.forbiddenMass);
    return false;
  };
  for (let step = 0; step < STEPS_AT_ONCE && advance(watch); step++);
  const rest = ({ timeLimit, ...others }: Watch): Watch =>
    timeLimit === undefined ? others : { ...others, timeLimit: Math.max(1e-9, timeLimit - spent) };
  return {
    get answered() {
      return answered;
    },
    before: (limits, solve) => ({
      run() {
        while (advance(limits));
        return solve(rest(limits)).run();
      },
      async runAsync() {
        let slice = now();
        while (advance(limits)) {
          if (now() - slice < SLICE_SECONDS) continue;
          await pause();
          slice = now();
        }
        return solve(rest(limits)).runAsync();
      },
    }),
  };
}
