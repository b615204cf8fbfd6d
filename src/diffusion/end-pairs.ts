import { costFunction } from '../costs/cost-function.ts';
import { type BridgeProblem, bridgeProblem } from '../couplings/bridge-problem.ts';
import type { Coupling } from '../couplings/coupling.ts';
import { type EntropicProblem, entropicProblem } from '../couplings/entropic-problem.ts';
import { staticProblem } from '../couplings/static-problem.ts';
import { DomainError, FormatError, ShapeError } from '../errors.ts';
import { dataMarginal } from '../marginals/discrete-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { applyAffine } from '../numerics/affine.ts';
import { matchMoments } from '../numerics/matched-draws.ts';
import { allocatePoints, type Points, wrapPoints } from '../numerics/points.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { inverseSquareRoot } from '../numerics/spd.ts';
import { type Chain, type Draws, runChain, startChain } from './chain.ts';
import type { StartingPairs } from './diffusion-run.ts';
import { hashOfNumbers } from './run-identity.ts';

/** Ends of paths, row by row; without `target` the reference goes on from the source by itself. */
export interface EndPairs {
  readonly source: Points;
  readonly target?: Points;
}

/** Draws pairs of ends; yields where it may be interrupted. */
export type DrawEnds = (count: number, random: RandomSource) => Generator<void, EndPairs, void>;

/**
 * Makes a coupling of a mini-batch from m points of the source, m of the target and the end-point problem between them, whose cost and ε
 * are those of the bridge: `(x, y, problem) => sinkhorn(problem)`.
 */
export type MinibatchCoupling = (x: Points, y: Points, problem: EntropicProblem) => Coupling;

/** Ends of simulated paths of a chain. */
export function chainEnds(chain: Chain, draws: Draws): DrawEnds {
  return function* (count, random) {
    const start = startChain(chain, count, random.split('start'), draws);
    yield;
    const far = runChain(chain, start, random.split('noise'), draws);
    return chain.direction === 'forward' ? { source: start, target: far } : { source: far, target: start };
  };
}

/** The source alone. */
export function sourceEnds(source: Marginal, draws: Draws): DrawEnds {
  return function* (count, random) {
    yield;
    return { source: drawSide(source, count, random.split('start'), draws) };
  };
}

/** Independent draws of source and target. */
export function independentEnds({ source, target }: BridgeProblem, draws: Draws): DrawEnds {
  return function* (count, random) {
    yield;
    return {
      source: drawSide(source, count, random.split('source'), draws),
      target: drawSide(target, count, random.split('target'), draws),
    };
  };
}

/** Pairs from a coupling, or from a function that couples mini-batches; nothing for anything else. */
export function givenEnds(options: {
  readonly path: string;
  readonly problem: BridgeProblem;
  readonly coupling: unknown;
  readonly minibatch: number;
}): DrawEnds | undefined {
  const { path, problem, coupling, minibatch } = options;
  if (typeof coupling === 'function') return minibatchEnds(path, problem, coupling as MinibatchCoupling, minibatch);
  if (typeof (coupling as Coupling | undefined)?.sample === 'function') return couplingEnds(path, problem, coupling as Coupling);
  return undefined;
}

/** Pairs by which a coupling is known again. */
const IDENTITY_PAIRS = 32;

/** What a checkpoint knows of a coupling: its kind and a hash of draws; of a function only that it is one. */
export function couplingIdentity(path: string, { dimension }: BridgeProblem, coupling: string | Coupling | MinibatchCoupling): string {
  if (typeof coupling === 'string') return coupling;
  if (typeof coupling === 'function') return 'minibatch';
  const pairs = coupling.sample(IDENTITY_PAIRS, randomSource(0).split('identity'));
  requirePairs(path, pairs, IDENTITY_PAIRS, dimension);
  return `${coupling.kind} ${hashOfNumbers(pairs.x.data, pairs.y.data)}`;
}

/** What a run says of where its first pairs came from. */
export function startingPairs(coupling: 'independent' | Coupling | MinibatchCoupling): StartingPairs {
  return typeof coupling === 'function' ? 'minibatch' : coupling;
}

/**
 * The same of a run made again from its identity; undefined for schemes that start from no pairs. Of a `Coupling` the bytes hold only draws:
 * `given` must be that one, and without it the pairs are as little known as those of mini-batches.
 */
export function restoredPairs(
  path: string,
  problem: BridgeProblem,
  stored: unknown,
  given: Coupling | undefined,
): StartingPairs | undefined {
  if (given !== undefined) {
    const own = couplingIdentity(path, problem, given);
    if (own === stored) return given;
    throw new FormatError(
      `${path}: the run was not trained from this coupling (stored ${String(stored)}, here ${own}); pass that one, or leave it out`,
    );
  }
  if (stored === undefined) return undefined;
  return stored === 'independent' ? 'independent' : 'minibatch';
}

/** Pairs drawn from a coupling of source and target. */
function couplingEnds(path: string, { dimension }: BridgeProblem, coupling: Coupling): DrawEnds {
  return function* (count, random) {
    yield;
    const pairs = coupling.sample(count, random.split('pairs'));
    requirePairs(path, pairs, count, dimension);
    return { source: pairs.x, target: pairs.y };
  };
}

/** Pairs drawn from couplings of mini-batches, as many from each as it has points. */
function minibatchEnds(path: string, problem: BridgeProblem, couple: MinibatchCoupling, size: number): DrawEnds {
  return function* (count, random) {
    const { dimension } = problem;
    const source = allocatePoints(count, dimension);
    const target = allocatePoints(count, dimension);
    for (let done = 0, batch = 0; done < count; done += size, batch++) {
      const stream = random.split(batch);
      const wanted = Math.min(size, count - done);
      // Plain draws: moving so few points onto the moments of their law would move them far.
      const x = problem.source.sample(size, stream.split('source'));
      const y = problem.target.sample(size, stream.split('target'));
      const pairs = requireCoupling(path, couple(x, y, endPointProblem(problem, x, y))).sample(wanted, stream.split('pairs'));
      requirePairs(path, pairs, wanted, dimension);
      source.data.set(pairs.x.data, done * dimension);
      target.data.set(pairs.y.data, done * dimension);
      yield;
    }
    return { source, target };
  };
}

/** Refuses what is no coupling. */
function requireCoupling(path: string, coupling: Coupling | undefined): Coupling {
  if (typeof coupling?.sample === 'function') return coupling;
  throw new DomainError(
    `${path}: coupling made ${String(coupling)}, which cannot be sampled; return a Coupling: (x, y, problem) => sinkhorn(problem)`,
  );
}

function requirePairs(path: string, pairs: ReturnType<Coupling['sample']> | undefined, count: number, dimension: number): void {
  for (const side of [pairs?.x, pairs?.y]) {
    if (side?.data === undefined) {
      throw new DomainError(`${path}: the coupling drew no points x and y; pass a Coupling, of sinkhorn(staticProblem(problem)), say`);
    }
    if (side.count !== count || side.dimension !== dimension) {
      throw new ShapeError(
        `${path}: the coupling drew ${side.count} × ${side.dimension} points, expected ${count} × ${dimension}; couple the points that were given`,
      );
    }
  }
}

function drawSide(marginal: Marginal, count: number, random: RandomSource, draws: Draws): Points {
  const x = marginal.sample(count, random);
  return draws === 'independent' ? x : matchMoments(x, { mean: marginal.mean(), covariance: marginal.covariance() });
}

/** The static problem of the bridge between two sets of points, in their own coordinates: ½|y − Φx − m|² in the metric of the noise and ε = 1 where it is matrix-valued. */
function endPointProblem({ reference, dimension }: BridgeProblem, x: Points, y: Points): EntropicProblem {
  const [source, target] = [dataMarginal(x), dataMarginal(y)];
  if (reference.effectiveEpsilon !== undefined) return staticProblem(bridgeProblem({ source, target, reference }));
  const transition = reference.transition(0, reference.horizon, dimension);
  const matrix = inverseSquareRoot(transition.covariance, 'reference: noise over the horizon');
  const whiten = (rows: Points): Float64Array => applyAffine({ matrix, offset: new Float64Array(dimension) }, rows).data;
  const cost = costFunction((from, to) => {
    const a = whiten(applyAffine(transition, wrapPoints(from, dimension)));
    const b = whiten(wrapPoints(to, dimension));
    return 0.5 * a.reduce((sum, value, c) => sum + (b[c]! - value) ** 2, 0);
  });
  return entropicProblem({ source, target, cost, epsilon: 1 });
}
