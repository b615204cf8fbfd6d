import type { Cost } from '../costs/cost.ts';
import { type EntropicProblem, entropicProblem } from '../couplings/entropic-problem.ts';
import { requireProblem } from '../couplings/require-problem.ts';
import { ConvergenceError, DomainError } from '../errors.ts';
import type { DiscreteMarginal } from '../marginals/discrete-marginal.ts';
import { now, requireIterationOptions, type Status } from '../numerics/iterate.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';
import { type BlurredTransport, blurredTransport } from './blurred-transport.ts';
import { denseProblem, requireDiscrete } from './dense-problem.ts';
import type { DiscreteCoupling } from './discrete-coupling.ts';
import type { InitialPotentials } from './initial-potentials.ts';
import { runSolves, runSolvesAsync, type Solves } from './prepared-solve.ts';
import { prepareSelfTransport } from './self-transport.ts';
import { prepareSinkhorn, SINKHORN_OPTIONS, type SinkhornOptions } from './sinkhorn.ts';
import { ofRounding } from './values.ts';

/** Options of {@link sinkhornDivergence}. */
export interface SinkhornDivergenceOptions extends Omit<SinkhornOptions, 'initial'> {
  /** What the plan between the two measures starts from: as in {@link sinkhorn}, or an earlier divergence, such as one that was stopped. */
  readonly initial?: InitialPotentials | SinkhornDivergence;
  /**
   * Costs within the source and within the target, symmetric. @defaultValue the problem's own cost, which a matrix can only be when it is
   * square and symmetric
   */
  readonly selfCosts?: { readonly source: Cost; readonly target: Cost };
}

/** Derivatives of a divergence by the envelope theorem. */
export interface DivergenceGradients {
  /** ∂S/∂x_i, n × d. @throws DomainError when no derivative of the cost is known: of a matrix, and of a function without `gradient` */
  readonly x: Points;
  /** ∂S/∂y_j, m × d. */
  readonly y: Points;
  /** ∂S/∂a_i, up to a constant when both sides are exact. */
  readonly a: Float64Array;
  readonly b: Float64Array;
}

/** A Sinkhorn divergence with the three plans it is made of. */
export interface SinkhornDivergence {
  readonly kind: 'sinkhorn-divergence';
  /** S, from the dual values; where ε is far above the costs, from their expansion in 1/ε. */
  readonly value: number;
  /** S lies between these, rigorously. */
  readonly bounds: { readonly lower: number; readonly upper: number };
  /** Derivatives of S by the envelope theorem. */
  gradients(): DivergenceGradients;
  /** The worst status of the three solves. */
  readonly status: Status;
  /** Steps of the three solves together. */
  readonly iterations: number;
  /** The largest of their errors. */
  readonly error: number;
  readonly warnings: readonly string[];
  /** The plans: between the measures, and of each to itself. */
  readonly couplings: { readonly cross: DiscreteCoupling; readonly source: DiscreteCoupling; readonly target: DiscreteCoupling };
  /** A summary: never the plans. */
  toJSON(): object;
}

type Options = SinkhornDivergenceOptions & { readonly signal?: AbortSignal };

/**
 * Computes the Sinkhorn divergence of two discrete measures,
 *
 * S(α, β) = OT_ε(α, β) − ½ OT_ε(α, α) − ½ OT_ε(β, β) + ½ε (m_α − m_β)²,
 *
 * where OT_ε = min ⟨P, C⟩ + ε KL(P | a ⊗ b) + penalties; the last term vanishes between equal masses. It is 0 at α = β, and for |x − y|^p
 * with p ≤ 2 nowhere negative; it goes to optimal transport as ε → 0 and to half a squared MMD with kernel −c as ε → ∞, which it is to
 * rounding at any larger ε.
 *
 * GeomLoss's `SamplesLoss` with `blur` has ε = 2·blur² and half this value (its cost is ½|x − y|²); OTT's `sinkdiv` has the same ε and value.
 *
 * @param problem sides exact, or both penalised
 * @param options those of {@link sinkhorn}; `initial`, which may be an earlier divergence, starts the plan between the two measures; `timeLimit` holds for all three solves
 * @throws DomainError when a side is `'at-most'`, the costs within a measure are not known or not symmetric, or ε is so far above the costs of
 *   a penalised problem that doubles cannot tell its three values apart
 * @example
 * ```ts
 * import { discreteMarginal, entropicProblem, sinkhornDivergence } from 'viaduct';
 * const at = (from: number, to: number, n: number) =>
 *   discreteMarginal({ points: Array.from({ length: n }, (_, i) => [from + ((to - from) * i) / (n - 1)]) });
 * const divergence = sinkhornDivergence(entropicProblem({ source: at(0, 5, 10), target: at(1, 3, 20), epsilon: 1 }));
 * console.log(divergence.value.toFixed(7)); // → 1.2046816
 * ```
 * @see [genevay2018] [feydy2019] [sejourne2019]
 */
export function sinkhornDivergence(problem: EntropicProblem, options: SinkhornDivergenceOptions = {}): SinkhornDivergence {
  return runSolves(divergence('sinkhornDivergence', problem, options, []));
}

/**
 * {@link sinkhornDivergence} without holding the thread; `signal` stops it.
 *
 * @example
 * ```ts
 * import { discreteMarginal, entropicProblem, sinkhornDivergenceAsync } from 'viaduct';
 * const both = discreteMarginal({ points: [[0], [1]] });
 * const divergence = await sinkhornDivergenceAsync(entropicProblem({ source: both, target: both, epsilon: 1 }));
 * console.log(Math.abs(divergence.value) < 1e-12); // → true
 * ```
 */
export async function sinkhornDivergenceAsync(problem: EntropicProblem, options: Options = {}): Promise<SinkhornDivergence> {
  return runSolvesAsync(divergence('sinkhornDivergenceAsync', problem, options, ['signal']));
}

function* divergence(
  path: string,
  problem: EntropicProblem,
  options: Options,
  more: readonly string[],
): Solves<DiscreteCoupling, SinkhornDivergence> {
  requireProblem(path, problem, 'entropic');
  const known = [...SINKHORN_OPTIONS, ...more];
  requireKnownOptions(path, options, [...known, 'selfCosts']);
  const { selfCosts, onFailure, initial, ...unstarted } = options;
  const start = typeof initial === 'object' && initial !== null && 'couplings' in initial ? initial.couplings.cross : initial;
  const given = { ...unstarted, ...(start === undefined ? {} : { initial: start }) };
  requireIterationOptions(path, options);
  if (selfCosts !== undefined) requireSelfCosts(path, selfCosts);
  const began = now();
  const { marginals } = problem;
  if (marginals.source === ('at-most' as unknown) || marginals.target === ('at-most' as unknown)) {
    throw new DomainError(`${path}: a side is 'at-most', for which no divergence is defined; use 'exact' or { kl: rho } on both sides`);
  }
  const rest = (): typeof given => {
    if (given.timeLimit === undefined) return given;
    return { ...given, timeLimit: Math.max(1e-9, given.timeLimit - (now() - began)) };
  };
  const cross = yield prepareSinkhorn(path, problem, given, known);
  const self = (side: 'source' | 'target') => {
    const own = selfProblem(path, problem, side, selfCosts?.[side]);
    const { initial: _, ...left } = rest();
    if (JSON.stringify(marginals.source) !== JSON.stringify(marginals.target)) return prepareSinkhorn(path, own, left, known);
    const { method: _method, scaling: _scaling, relaxation: _relaxation, threads, memory, engine, ...iteration } = left;
    const compute = {
      ...(threads === undefined ? {} : { threads }),
      ...(memory === undefined ? {} : { memory }),
      ...(engine === undefined ? {} : { engine }),
    };
    return prepareSelfTransport(path, own, compute, iteration);
  };
  const source = yield self('source');
  const target = yield self('target');
  const costs = { cross: problem.cost, source: selfCosts?.source ?? problem.cost, target: selfCosts?.target ?? problem.cost };
  const couplings = { cross, source, target };
  const blurred = blurredParts(problem, couplings, costs);
  if (blurred === undefined) requireDistinct(path, problem);
  const made = sinkhornDivergenceOf(problem, couplings, blurred);
  if (onFailure === 'throw' && made.status !== 'converged') {
    throw new ConvergenceError(
      `${path}: ${made.status} after ${made.iterations} iterations with error ${made.error}; raise maxIterations, tolerance or epsilon`,
    );
  }
  return made;
}

function requireSelfCosts(path: string, given: NonNullable<Options['selfCosts']>): void {
  requireKnownOptions(`${path}: selfCosts`, given, ['source', 'target']);
  for (const side of ['source', 'target'] as const) {
    if (typeof given[side]?.between === 'function') continue;
    throw new DomainError(`${path}: selfCosts.${side} is no cost (${typeof given[side]}); pass the result of a call: costMatrix(…)`);
  }
}

/** The same problem from one of its measures to itself. */
function selfProblem(path: string, problem: EntropicProblem, side: 'source' | 'target', given: Cost | undefined): EntropicProblem {
  const marginal = requireDiscrete(path, side, problem[side]);
  const { cost, epsilon, marginals } = problem;
  if (given === undefined && !cost.pointwise && !fits(cost, marginal)) {
    throw new DomainError(
      `${path}: the costs within the ${side} are not in the matrix; pass selfCosts: { source: costMatrix(…), target: costMatrix(…) }`,
    );
  }
  return entropicProblem({ source: marginal, target: marginal, epsilon, cost: given ?? cost, marginals });
}

function fits(cost: Cost, { points }: DiscreteMarginal): boolean {
  try {
    cost.between(points, points);
    return true;
  } catch {
    return false;
  }
}

const WORST: readonly Status[] = ['converged', 'stagnated', 'max-iterations', 'time-limit', 'aborted', 'diverged'];

/** What S is made of, where ε is so far above the costs that its parts would drown in their rounding. */
type BlurredParts = Readonly<Record<keyof SinkhornDivergence['couplings'], BlurredTransport>>;

/** Multiples of the mean cost above which an ε is far above the costs, and of the rounding of S that its costs must exceed. */
const FAR = 1e6;
const VISIBLE = 1e4;

function blurredParts(
  { epsilon, marginals }: EntropicProblem,
  couplings: SinkhornDivergence['couplings'],
  costs: Readonly<Record<keyof SinkhornDivergence['couplings'], Cost>>,
): BlurredParts | undefined {
  const near = Object.values(couplings).some(({ value, mass }) => !(epsilon * mass >= FAR * Math.abs(value.linear)));
  if (near || marginals.source !== 'exact' || marginals.target !== 'exact') return undefined;
  const part = (name: keyof typeof couplings) => blurredTransport(costs[name], couplings[name].source, couplings[name].target, epsilon);
  const [cross, source, target] = [part('cross'), part('source'), part('target')];
  return cross === undefined || source === undefined || target === undefined ? undefined : { cross, source, target };
}

/** Refuses an ε at which the difference of three values of size ε would tell nothing. */
function requireDistinct(path: string, problem: EntropicProblem): void {
  const { epsilon, source, target } = problem;
  const least = (2 ** -50 * VISIBLE * source.mass * target.mass) / Math.min(source.mass, target.mass);
  if (epsilon * least < 1e-9) return;
  const { summary } = denseProblem(path, problem);
  const size = Math.max(Math.abs(summary.least), summary.largest);
  if (!(size > 0) || epsilon * least <= size) return;
  throw new DomainError(
    `${path}: epsilon ${epsilon} is so far above the costs, at most ${size.toPrecision(3)}, that doubles cannot tell the transports of the divergence apart; take at most ${(size / least).toPrecision(3)}, or exact sides without forbidden pairs, whose limit is known`,
  );
}

/** Assembles S from its three plans. */
function sinkhornDivergenceOf(
  problem: EntropicProblem,
  couplings: SinkhornDivergence['couplings'],
  blurred: BlurredParts | undefined,
): SinkhornDivergence {
  const { cross, source, target } = couplings;
  const all = [cross, source, target];
  const balanced = problem.marginals.source === 'exact' && problem.marginals.target === 'exact';
  const difference = balanced ? 0 : problem.source.mass - problem.target.mass;
  const combine = (ab: 'primal' | 'dual', own: 'primal' | 'dual'): number =>
    cross.value[ab] - 0.5 * source.value[own] - 0.5 * target.value[own] + 0.5 * problem.epsilon * difference ** 2;
  const status = all.reduce<Status>((worst, c) => (WORST.indexOf(c.status) > WORST.indexOf(worst) ? c.status : worst), 'converged');
  /** Balanced S is proportional to the mass. */
  const limit = (): { readonly value: number; readonly lower: number; readonly upper: number } => {
    const { cross: ab, source: aa, target: bb } = blurred!;
    const [whole, off] = [ab.value - 0.5 * aa.value - 0.5 * bb.value, ab.slack + 0.5 * aa.slack + 0.5 * bb.slack];
    const { mass } = problem.source;
    return { value: mass * whole, lower: mass * (whole - off), upper: mass * (whole + off) };
  };
  const direct = { value: combine('dual', 'dual'), lower: combine('dual', 'primal'), upper: combine('primal', 'dual') };
  const { value, lower, upper } = blurred === undefined ? direct : limit();
  const json = (): object => ({
    kind: 'sinkhorn-divergence',
    value,
    status,
    iterations: made.iterations,
    error: made.error,
    warnings: made.warnings,
  });
  const made: SinkhornDivergence = {
    kind: 'sinkhorn-divergence',
    value,
    bounds: Object.freeze({ lower, upper }),
    gradients() {
      const [ab, aa, bb] = all.map((coupling) => coupling.gradients());
      // The two arguments of a self-transport give the same derivative, so that ½ of their sum is either.
      const weights = (whole: Float64Array, own: Float64Array, sign: number): Float64Array =>
        whole.map((v, i) => v - own[i]! + sign * problem.epsilon * difference);
      return {
        get x() {
          return less(ab!.x, halfSum(aa!.x, aa!.y));
        },
        get y() {
          return less(ab!.y, halfSum(bb!.x, bb!.y));
        },
        a: blurred === undefined ? weights(ab!.a, halfSums(aa!.a, aa!.b), 1) : blurred.cross.f.map((f, i) => f - blurred.source.f[i]!),
        b: blurred === undefined ? weights(ab!.b, halfSums(bb!.a, bb!.b), -1) : blurred.cross.g.map((g, j) => g - blurred.target.g[j]!),
      };
    },
    status,
    iterations: all.reduce((sum, c) => sum + c.iterations, 0),
    error: all.reduce((most, c) => Math.max(most, c.error), 0),
    warnings: Object.freeze([...new Set(all.flatMap((c) => c.warnings))].filter((words) => blurred === undefined || !ofRounding(words))),
    couplings: Object.freeze(couplings),
    toJSON: json,
  };
  Object.defineProperty(made, Symbol.for('nodejs.util.inspect.custom'), { value: json, enumerable: false });
  return Object.freeze(made);
}

function halfSums(p: Float64Array, q: Float64Array): Float64Array {
  return p.map((v, i) => 0.5 * (v + q[i]!));
}

function halfSum(p: Points, q: Points): Points {
  return { ...p, data: halfSums(p.data, q.data) };
}

function less(p: Points, q: Points): Points {
  const out = allocatePoints(p.count, p.dimension);
  for (let k = 0; k < out.data.length; k++) out.data[k] = p.data[k]! - q.data[k]!;
  return out;
}
