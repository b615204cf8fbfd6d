import type { Iteration } from '../numerics/iterate.ts';
import type { Ascent } from './ascent.ts';
import type { LevelRecord } from './level-record.ts';
import type { Level } from './scaling-schedule.ts';
import type { SemiDual } from './semi-dual.ts';

/** A solve under way. */
export interface SolveState {
  readonly ascent: Ascent;
  /** Index of the current level. */
  level: number;
  error: number;
  /** Least error of the level, and steps since it last fell as far as the ascent's steps should. */
  best: number;
  idle: number;
  /** What was done at each level. */
  readonly levels: LevelRecord[];
}

/** Share of the tolerance at which the inner error is taken for enough and the true one is computed. */
const SAFETY = 0.9;
/** Single precision is not given up above this error. */
const NOISE_ERROR = 1e-5;
/** Error of a warm start above which single precision goes first. */
const WORTH_SINGLE = 1e-4;

/**
 * Climbs the semi-dual through the levels of a schedule. The error of the last level is what the ascent knows, which is exact on one side;
 * where that is small enough, the error of both sides is recomputed in double precision from the potentials, and only that one counts.
 */
export function entropicIteration(
  path: string,
  dual: SemiDual,
  ascent: Ascent,
  schedule: readonly Level[],
  tolerance: number,
  start: Float64Array | undefined,
  check: () => number,
): Iteration<SolveState> {
  const last = schedule.length - 1;
  const enter = (state: SolveState): void => {
    const { epsilon, precision } = schedule[state.level]!;
    state.best = Number.POSITIVE_INFINITY;
    state.idle = 0;
    const before = dual.epsilon;
    const sameEpsilon = state.levels.length > 0 && epsilon === before;
    dual.setLevel(epsilon, precision === 'f64', precision === 'mixed');
    if (!sameEpsilon) carry(dual, ascent.point.G, before / epsilon);
    ascent.restart(!sameEpsilon);
    state.levels.push({ epsilon, method: ascent.name, precision, steps: 0, error: ascent.point.error });
  };
  const judge = (state: SolveState): SolveState => {
    const record = state.levels.at(-1)!;
    record.error = ascent.point.error;
    // In single precision an error this small that no longer falls is noise.
    if (ascent.point.error < ascent.patience.share * state.best) {
      state.best = ascent.point.error;
      state.idle = 0;
    } else if (record.precision !== 'f64' && ascent.point.error < NOISE_ERROR) state.idle++;
    record.method = ascent.name;
    const { epsilon } = schedule[state.level]!;
    const final = epsilon === schedule[last]!.epsilon;
    // Only the recomputed error may end the solve.
    state.error = Math.max(ascent.point.error, final ? tolerance * (1 + 1e-9) : 2 * tolerance);
    if (final && ascent.point.error <= SAFETY * tolerance) state.error = check();
    return state;
  };
  return {
    path,
    initial() {
      const state: SolveState = { ascent, level: 0, error: Number.POSITIVE_INFINITY, best: Number.POSITIVE_INFINITY, idle: 0, levels: [] };
      const { logs, count } = dual.target;
      const { epsilon } = schedule[start === undefined ? 0 : last]!;
      dual.epsilon = epsilon;
      for (let j = 0; j < count; j++) ascent.point.G[j] = logs[j]! + (start?.[j] ?? 0) / epsilon;
      // A warm start may be the answer already, which only double precision can tell.
      if (start !== undefined) state.level = last;
      enter(state);
      if (state.level > 0 && ascent.point.error > WORTH_SINGLE) {
        state.level = 0;
        enter(state);
      }
      return judge(state);
    },
    step(state) {
      const record = state.levels.at(-1)!;
      const level = schedule[state.level]!;
      const reached = ascent.point.error <= level.tolerance || record.steps >= level.maxSteps;
      if (state.level < last && (reached || state.idle >= ascent.patience.steps)) {
        // Mixed precision is for what single precision left unfinished.
        state.level += reached && schedule[state.level + 1]!.precision === 'mixed' ? 2 : 1;
        enter(state);
      } else {
        ascent.step();
        record.steps++;
      }
      return judge(state);
    },
    error: (state) => state.error,
  };
}

/** g/ε keeps its g: G − log b is multiplied by the ratio of the old ε to the new. */
function carry({ target }: SemiDual, G: Float64Array, ratio: number): void {
  if (ratio === 1) return;
  for (let j = 0; j < target.count; j++) G[j] = target.logs[j]! + ratio * (G[j]! - target.logs[j]!);
}
