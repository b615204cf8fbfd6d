// One cell of the table of discrete transport: a problem, a time, and an error that the solver had no hand in.
import { costMatrix } from '../src/costs/cost-matrix.ts';
import { squaredEuclidean } from '../src/costs/squared-euclidean.ts';
import { type EntropicProblem, entropicProblem } from '../src/couplings/entropic-problem.ts';
import { type SinkhornOptions, sinkhorn } from '../src/discrete/sinkhorn.ts';
import { discreteMarginal, histogram } from '../src/marginals/discrete-marginal.ts';
import { reaches, trueError } from './discrete-error.ts';
import { type Clouds, type FamilyName, family, relativeCosts } from './families.ts';

/** What is asked: ε in units of the mean cost, `target` a true L1 error of both sides together. */
export interface Cell {
  readonly family: FamilyName;
  readonly n: number;
  readonly eps: number;
  readonly target: number;
}

/** What came out. `seconds` is null when the target was not reached; `note` says why. */
export interface Measurement extends Cell {
  readonly solver: string;
  readonly seconds: number | null;
  /** What the failed attempt took. */
  readonly spent?: number;
  /** |P1 − a|₁ + |Pᵀ1 − b|₁ of the potentials, recomputed here in doubles. */
  readonly error: number | null;
  readonly iterations: number | null;
  readonly note?: string;
  readonly status?: string;
  readonly stats?: Readonly<Record<string, unknown>>;
}

/** Data that the cells of one family and size share. */
export interface Instance extends Clouds {
  readonly family: FamilyName;
  readonly n: number;
  readonly costs: Float64Array;
  readonly mean: number;
}

export function instance(name: FamilyName, n: number, seed = 0): Instance {
  const clouds = family(name, n, seed);
  return { ...clouds, family: name, n, ...relativeCosts(clouds) };
}

/** How a problem is handed over: as a matrix of costs that is ready, or as points. */
export type Form = 'matrix' | 'points';

/** A problem ready to be solved, and the factor from its units of cost to those of the mean. */
export function stated(data: Instance, form: Form): { readonly at: (eps: number) => EntropicProblem; readonly unit: number } {
  const { x, y, a, b, costs, mean, n } = data;
  if (form === 'points') {
    const source = discreteMarginal({ points: x, weights: a });
    const target = discreteMarginal({ points: y, weights: b });
    const cost = squaredEuclidean();
    return { at: (eps) => entropicProblem({ source, target, cost, epsilon: eps * mean }), unit: mean };
  }
  // Views of the one array: at n = 10 000 a copy as nested arrays would be another 800 MB.
  const rows = Array.from({ length: n }, (_, i) => costs.subarray(i * n, (i + 1) * n));
  const cost = costMatrix(rows as unknown as number[][]);
  const [source, target] = [histogram(a), histogram(b)];
  return { at: (eps) => entropicProblem({ source, target, cost, epsilon: eps }), unit: 1 };
}

/** Seconds of runs before the ones that count: machine code is made meanwhile. */
const WARM = 0.3;
/** Runs above this many seconds are not repeated. */
const LONG = 5;

/** Runs are repeated for so many seconds, at least three times: of few short runs even the best is late by the noise of the machine. */
const REPEAT = { runs: 3, seconds: 0.5 };

/** The best seconds of the warm runs and the last answer; a first run above 5 s counts alone: there is nothing left to warm. */
export function timed<T>(run: () => T): { readonly seconds: number; readonly result: T } {
  const once = () => {
    const start = performance.now();
    const result = run();
    return { seconds: (performance.now() - start) / 1000, result };
  };
  for (let spent = 0; spent < WARM; ) {
    const cold = once();
    if (cold.seconds > LONG) return cold;
    spent += cold.seconds;
  }
  let last = once();
  let best = last.seconds;
  for (let runs = 1, spent = best; runs < REPEAT.runs || spent < REPEAT.seconds; runs++, spent += last.seconds) {
    last = once();
    best = Math.min(best, last.seconds);
  }
  return { seconds: best, result: last.result };
}

export interface MeasureOptions {
  readonly form?: Form;
  readonly solver?: Pick<SinkhornOptions, 'timeLimit' | 'threads' | 'method'>;
}

/** Times `sinkhorn(problem, { tolerance: target })` from the stated problem to the answer with its potentials. */
export function measure(data: Instance, eps: number, target: number, options: MeasureOptions = {}): Measurement {
  const { form = 'matrix', solver = {} } = options;
  const cell = { family: data.family, n: data.n, eps, target, solver: form === 'matrix' ? 'viaduct' : 'viaduct from points' };
  try {
    const { at, unit } = stated(data, form);
    const problem = at(eps);
    const solve = () => {
      const answer = sinkhorn(problem, { tolerance: target, ...solver });
      // An answer may compute them when asked.
      return { answer, f: answer.potentials.f, g: answer.potentials.g };
    };
    const { seconds, result } = timed(solve);
    const { answer, f, g } = result;
    const error = trueError(data, eps, f, g, unit);
    const reached = reaches(error, target);
    const note = reached ? undefined : `${answer.status}, said ${answer.error.toExponential(1)}`;
    return {
      ...cell,
      seconds: reached ? seconds : null,
      ...(reached ? {} : { spent: seconds }),
      error: Number.isFinite(error) ? error : null,
      iterations: answer.iterations,
      status: answer.status,
      ...(note === undefined ? {} : { note }),
      stats: scalars(answer.stats),
    };
  } catch (failure) {
    return { ...cell, seconds: null, error: null, iterations: null, note: failure instanceof Error ? failure.message : String(failure) };
  }
}

/** The single numbers and words of the stats: lists of levels would fill the file. */
export function scalars(stats: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(stats).filter(([, value]) => typeof value !== 'object'));
}
