import { entropicProblem } from '../couplings/entropic-problem.ts';
import type { IterationOptions } from '../numerics/iterate.ts';
import { type Barycenter, barycenterOf } from './barycenter-answer.ts';
import { BarycenterDual, DebiasedMap } from './barycenter-dual.ts';
import { type CheckedBarycenter, withWeights } from './barycenter-problem.ts';
import { barycenterStart } from './barycenter-start.ts';
import { BoundedAscent, type Climber, climb } from './bounded-ascent.ts';
import { DebiasedAscent } from './debiased-ascent.ts';
import { denseProblem } from './dense-problem.ts';
import { entropicAnswer } from './entropic-answer.ts';
import { frozenLevels } from './level-record.ts';
import { type PreparedSolve, preparedSolve } from './prepared-solve.ts';
import { reachableSupport } from './reachable-support.ts';
import { requireRepresentable } from './representable.ts';
import { scalingSchedule } from './scaling-schedule.ts';
import { DEFAULT_MEMORY } from './storage-limit.ts';
import type { ComputeOptions } from './workspace.ts';

/**
 * The barycenter on a fixed support: L-BFGS on the dual, or, debiased, Anderson's acceleration of the fixed-point map and Newton's method, through
 * decreasing ε.
 *
 * @see [benamou2015] [janati2020b]
 */
export function prepareFixedBarycenter(
  path: string,
  checked: CheckedBarycenter,
  compute: ComputeOptions,
  { initial, ...options }: IterationOptions & { readonly tolerance: number; readonly initial?: Barycenter },
): PreparedSolve<Barycenter> {
  const { epsilon, shares, measures, cost, debiased } = checked;
  const { tolerance } = options;
  const support = reachableSupport(path, checked, compute.memory ?? DEFAULT_MEMORY);
  const reduced = { ...checked, support };
  const dual = new BarycenterDual(path, reduced, compute);
  /** What is known on the support, on all points. */
  const onAllPoints = (values: Float64Array): Float64Array => {
    let next = 0;
    return support.weights.map((w) => (w > 0 ? values[next++]! : 0));
  };
  let map: DebiasedMap | undefined;
  let climber: Climber;
  let setLevel = (level: number): void => dual.setLevel(level);
  let errorOfSelf = 0;
  let sideErrors: ReturnType<BarycenterDual['errors']> = [];
  if (debiased) {
    try {
      map = new DebiasedMap(path, dual, reduced, compute);
    } catch (error) {
      dual.release();
      throw error;
    }
    const ascent = new DebiasedAscent(map, epsilon);
    climber = ascent;
    setLevel = (level) => ascent.setLevel(level);
  } else climber = new BoundedAscent(dual);
  try {
    const costs = [...dual.branches.map(({ dense }) => dense), ...(map === undefined ? [] : [map.dense])];
    const largest = costs.reduce((most, { summary }) => Math.max(most, summary.largest), 0);
    requireRepresentable(path, largest, epsilon, tolerance, 'raise the tolerance');
    if (initial !== undefined) climber.point.z.set(barycenterStart(path, initial, reduced, dual, debiased));
  } catch (error) {
    dual.release();
    map?.release();
    throw error;
  }
  let known: number | undefined;
  const trueError = (): number => {
    if (map === undefined) dual.spread(climber.point.z);
    else errorOfSelf = map.refresh(climber.point.z);
    sideErrors = dual.errors();
    known = sideErrors.reduce((sum, { source, target }, k) => sum + shares[k]! * (source + target), errorOfSelf);
    return known;
  };
  // log d holds log bar, which does not grow with 1/ε as potentials do.
  const carry = (z: Float64Array, ratio: number): void => z.forEach((v, j) => (z[j] = j < dual.size ? ratio * v : 0));
  const schedule = scalingSchedule(dual.branches[0]!.dense.summary, epsilon, tolerance, { scaling: initial === undefined, single: false });
  const iteration = {
    ...climb(path, climber, setLevel, schedule, tolerance, trueError, carry),
    roundingFloor() {
      const top = climber.point.z.subarray(0, dual.size).reduce((most, z) => Math.max(most, Math.abs(z)), 0);
      return 2 ** -52 * (top + dual.branches[0]!.dense.summary.largest / epsilon);
    },
  };
  return preparedSolve({
    iteration,
    options,
    release() {
      dual.release();
      map?.release();
    },
    finish(ended) {
      // Stopped on the way: what the potentials so far mean at the wanted ε.
      if (ended.status !== 'converged') setLevel(epsilon);
      const error = ended.status === 'converged' && known !== undefined ? known : trueError();
      const marginal = withWeights(support, onAllPoints(dual.weights()));
      const couplings = measures.map((target, k) => {
        const own = entropicProblem({ source: marginal, target, epsilon, cost });
        const dense = denseProblem(path, own);
        const { f: onSupport, g } = dual.potentials(k);
        const f = onAllPoints(onSupport);
        const penalties = { source: Number.POSITIVE_INFINITY, target: Number.POSITIVE_INFINITY };
        const solution = {
          path,
          dense,
          epsilon,
          penalties,
          f: Float64Array.from(dense.rows, (s) => epsilon * f[s]!),
          g: g.map((v) => epsilon * v),
          compute,
        };
        const { kernel, engine } = dual.branches[k]!.workspace;
        const stats = {
          matrixPasses: kernel.passes.matrix,
          exponentialPasses: kernel.passes.exponential,
          seconds: ended.seconds,
          threads: engine.threads(),
          engine: engine.kind,
          levels: frozenLevels(ended.state.levels),
        };
        return entropicAnswer(own, solution, { ended, sideErrors: sideErrors[k]!, tolerance: tolerance / shares[k]!, stats });
      });
      const { seconds, iterations, errors } = ended;
      return barycenterOf({
        path,
        marginal,
        couplings,
        weights: shares,
        ended: ended.status,
        iterations,
        error,
        errors,
        tolerance,
        seconds,
      });
    },
  });
}
