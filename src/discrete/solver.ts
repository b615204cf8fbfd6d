import type { Iteration } from '../numerics/iterate.ts';
import { type Ascent, SinkhornAscent } from './ascent.ts';
import type { SolverProblem } from './dense-problem.ts';
import type { SolverStats } from './discrete-coupling.ts';
import { entropicIteration, type SolveState } from './entropic-iteration.ts';
import { LbfgsAscent } from './lbfgs.ts';
import { frozenLevels } from './level-record.ts';
import { largest } from './padded-vectors.ts';
import { scalingSchedule } from './scaling-schedule.ts';
import { SemiDual } from './semi-dual.ts';
import type { Side } from './side.ts';
import { NewtonAscent } from './sparse-newton.ts';
import type { Penalties } from './values.ts';
import { type ComputeOptions, openWorkspace } from './workspace.ts';

/** The ways to solve. */
export const METHODS = ['auto', 'lbfgs', 'newton', 'sinkhorn', 'log', 'over-relaxed'] as const;
/** How an entropic problem is solved. */
export type Method = (typeof METHODS)[number];

/** How to open a solver. */
export interface SolverOptions {
  readonly method: Method;
  readonly tolerance: number;
  /** g to start from. */
  readonly start: Float64Array | undefined;
  readonly compute: ComputeOptions;
  readonly scaling?: boolean;
  readonly relaxation?: number;
}

/** Relaxation beyond which the solution repels, and steps without progress after which an answer is called divergent there. */
const REPELLING = 2;
const REPELLED_STEPS = 200;
/** The same for potentials so large that doubles cannot tell the plan. */
const RUNAWAY_STEPS = 20;

/** Share of the tolerance that a fast Gauss transform may leave out on either side. */
const GAUSS_SHARE = 0.03;

/** Share of the spread of the costs below which the plan may have few entries a row. */
const SHARP = 0.005;

/** A solver in an engine of its own. */
export interface Solver {
  readonly iteration: Iteration<SolveState>;
  /** Potentials of the wanted ε, whatever the state, with the true error of both sides. */
  finish(state: SolveState): {
    readonly f: Float64Array;
    readonly g: Float64Array;
    readonly sideErrors: { readonly source: number; readonly target: number };
    readonly stats: Omit<SolverStats, 'seconds'>;
  };
  release(): void;
}

/** Puts a problem into an engine and chooses the iteration that solves it. */
export function openSolver(path: string, dense: SolverProblem, epsilon: number, penalties: Penalties, options: SolverOptions): Solver {
  const { method, tolerance, start, compute, relaxation = 1.5 } = options;
  const plain = method === 'sinkhorn' || method === 'log' || method === 'over-relaxed';
  const scaling = options.scaling ?? (!plain && start === undefined);
  const storage = method === 'log' || dense.grid !== undefined ? 'log' : 'absorbed';
  const workspace = openWorkspace(path, dense, penalties, {
    ...compute,
    storage,
    single: storage === 'absorbed',
    ...(storage === 'absorbed' ? { gauss: { epsilon, accuracy: GAUSS_SHARE * tolerance } } : {}),
    vectors: (height, width) => NewtonAscent.bytes(height, width) + 8 * (height + width),
  });
  const { engine, kernel, source, target } = workspace;
  const dual = new SemiDual(kernel, source, target);
  const newton = method === 'newton' || (method === 'auto' && source.exact && target.exact);
  const ascent: Ascent = plain
    ? new SinkhornAscent(dual, method === 'over-relaxed' ? relaxation : 1)
    : newton
      ? new NewtonAscent(dual, tolerance, { epsilon, sharp: epsilon < SHARP * (dense.summary.mean - dense.summary.least) })
      : new LbfgsAscent(dual);
  const single = storage === 'absorbed' && dense.a.length * dense.b.length > 4096;
  const schedule = scalingSchedule(dense.summary, epsilon, tolerance, { scaling, single });
  const [rows, columns] = [engine.f64(source.weights.length), engine.f64(target.weights.length)];
  const trueErrors = () => {
    const { F, G } = ascent.point;
    // What the kernel leaves out counts as error on either side.
    const bound = kernel.bound?.(F, G) ?? 0;
    kernel.marginals(F, G, rows, columns);
    return {
      source: sideError(source, F, rows, dual.epsilon) + bound,
      target: sideError(target, G, columns, dual.epsilon) + bound,
    };
  };
  const roundingFloor = (): number => {
    const { F, G } = ascent.point;
    // What a penalised side should have, a·exp(−f/ρ), feels the rounding of f/ε another ε/ρ times.
    const [atF, atG] = [1 + dual.epsilon / source.rho, 1 + dual.epsilon / target.rho];
    return 2 ** -52 * (atF * largest(F, source.count) + atG * largest(G, target.count) + dense.summary.largest / dual.epsilon);
  };
  const lost = (): boolean => !(2 ** -52 * (largest(ascent.point.F, source.count) + largest(ascent.point.G, target.count)) < 1);
  const repelling = method === 'over-relaxed' && relaxation > REPELLING;
  let [best, idle] = [Number.POSITIVE_INFINITY, 0];
  let errors: { source: number; target: number } | undefined;
  const iteration = entropicIteration(path, dual, ascent, schedule, tolerance, start, () => {
    errors = trueErrors();
    return errors.source + errors.target;
  });
  return {
    iteration: {
      ...iteration,
      step(state) {
        errors = undefined;
        const next = iteration.step(state);
        if (next.error < 0.9 * best) [best, idle] = [next.error, 0];
        else idle++;
        return next;
      },
      error(state) {
        const error = iteration.error(state);
        if (error <= tolerance) return error;
        // Potentials whose rounding alone exceeds all mass have run away, unless they came so and are on their way back.
        const gone = (repelling && idle >= REPELLED_STEPS) || (idle >= RUNAWAY_STEPS && lost());
        return gone ? Number.NaN : error;
      },
      roundingFloor,
    },
    finish(state) {
      if (dual.epsilon !== epsilon) {
        // Stopped on the way: the potentials so far, in units of cost, at the wanted ε.
        const ratio = dual.epsilon / epsilon;
        for (let j = 0; j < target.count; j++) ascent.point.G[j] = target.logs[j]! + ratio * (ascent.point.G[j]! - target.logs[j]!);
        dual.setLevel(epsilon, true);
        ascent.restart(true);
      }
      const sideErrors = errors ?? trueErrors();
      const { F, G } = ascent.point;
      return {
        f: inCosts(F, source, epsilon),
        g: inCosts(G, target, epsilon),
        sideErrors,
        stats: Object.freeze({
          matrixPasses: kernel.passes.matrix,
          exponentialPasses: kernel.passes.exponential,
          threads: Math.max(engine.threads(), kernel.threads?.() ?? 1),
          engine: engine.kind,
          levels: frozenLevels(state.levels),
        }),
      };
    },
    release: () => workspace.release(),
  };
}

/** A potential without the weights, in units of cost. */
function inCosts(potential: Float64Array, { logs, count }: Side, epsilon: number): Float64Array {
  const out = new Float64Array(count);
  for (let i = 0; i < count; i++) out[i] = epsilon * (potential[i]! - logs[i]!);
  return out;
}

/** Σ|actual − wanted|/Σw, wanted = w or w·exp(−potential/ρ). */
function sideError(
  { weights, logs, rho, exact, mass, count }: Side,
  potential: Float64Array,
  actual: Float64Array,
  epsilon: number,
): number {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const wanted = exact ? weights[i]! : weights[i]! * Math.exp((-epsilon / rho) * (potential[i]! - logs[i]!));
    sum += Math.abs(actual[i]! - wanted);
  }
  return sum / mass;
}
