import { Matrix } from 'ml-matrix';
import { propagateBackward, propagateChain } from '../closed-forms/gaussian-chain.ts';
import type { CouplingMoments } from '../couplings/coupling.ts';
import type { ChainDrift } from '../drifts/drift-model.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { applyAffine, flatten, type GaussianKernel } from '../numerics/affine.ts';
import { addGaussian } from '../numerics/gaussian-draws.ts';
import { matchedNormals, matchMoments } from '../numerics/matched-draws.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { squareRoot } from '../numerics/spd.ts';
import type { TimeGrid } from '../references/time-grid.ts';
import { scaleByLogVariance } from './log-variance.ts';

/**
 * A Markov chain with learned drifts: forward X_{k+1} ~ N(X_k + γ f_k(X_k), V_k), backward X_k ~ N(X_{k+1} + γ b_k(X_{k+1}), V_k).
 * Everything is indexed by the transition k, in forward order whatever the direction.
 */
export interface Chain {
  readonly direction: 'forward' | 'backward';
  readonly grid: TimeGrid;
  readonly drift: ChainDrift;
  /** V_k. */
  readonly noise: readonly Matrix[];
  /** log of the eigenvalues of V_k(x) over those of V_k, in the eigenbasis of V_k; absent where V_k(x) = V_k. */
  readonly logVariance?: ChainDrift;
  /** What the chain starts from: the source forward, the target backward. */
  readonly start: Marginal;
}

/**
 * How paths are drawn: independently, or so that the sample mean and covariance of the start and of every step's noise are exact, which
 * removes most of the sampling error of what is learned from them.
 */
export type Draws = 'independent' | 'matched';

/** The far ends of paths, without keeping what lies between. */
export function runChain(chain: Chain, start: Points, random: RandomSource, draws: Draws = 'independent'): Points {
  let x = start;
  for (const k of transitionOrder(chain.grid.steps, chain.direction)) x = stepChain(chain, k, x, random, { draws });
  return x;
}

/** `count` starting points of the chain. */
export function startChain(chain: Chain, count: number, random: RandomSource, draws: Draws = 'independent'): Points {
  const x = chain.start.sample(count, random);
  return draws === 'independent' ? x : matchMoments(x, { mean: chain.start.mean(), covariance: chain.start.covariance() });
}

/** One step over transition k; `share` < 1 takes that share of it, `drift` receives the drift at x, `still` leaves out the noise. */
export function stepChain(
  chain: Chain,
  k: number,
  x: Points,
  random: RandomSource,
  {
    share = 1,
    drift,
    draws = 'independent',
    still = false,
  }: { readonly share?: number; readonly drift?: Float64Array; readonly draws?: Draws; readonly still?: boolean } = {},
): Points {
  const { data, count, dimension } = x;
  const gamma = share * chain.grid.durations[k]!;
  const next = allocatePoints(count, dimension);
  chain.drift.evaluate(k, data, next.data);
  drift?.set(next.data);
  for (let i = 0; i < data.length; i++) next.data[i] = data[i]! + gamma * next.data[i]!;
  if (still) return next;
  if (chain.logVariance !== undefined) {
    const z = draws === 'independent' ? allocatePoints(count, dimension) : matchedNormals(x, random);
    if (draws === 'independent') random.fillNormal(z.data);
    const scaled = scaleByLogVariance(chain.logVariance, k, chain.noise[k]!, x, z);
    for (let i = 0; i < scaled.data.length; i++) scaled.data[i]! *= Math.sqrt(share);
    addPoints(next, scaled);
    return next;
  }
  const root = squareRoot(chain.noise[k]!).mul(Math.sqrt(share));
  if (draws === 'independent') addGaussian(next, flatten(root), random);
  else addPoints(next, applyAffine({ matrix: root, offset: new Float64Array(dimension) }, matchedNormals(x, random)));
  return next;
}

function addPoints(x: Points, term: Points): void {
  for (let i = 0; i < x.data.length; i++) x.data[i]! += term.data[i]!;
}

/** Transitions in the order in which the chain takes them. */
export function transitionOrder(steps: number, direction: 'forward' | 'backward'): number[] {
  return Array.from({ length: steps }, (_, k) => (direction === 'forward' ? k : steps - 1 - k));
}

/** The Gaussian kernels of the chain when every drift is affine and no variance depends on the point, otherwise undefined. */
export function affineKernels({ grid, drift, noise, logVariance }: Chain): GaussianKernel[] | undefined {
  if (logVariance !== undefined) return undefined;
  const kernels: GaussianKernel[] = [];
  for (let k = 0; k < grid.steps; k++) {
    const map = drift.affine(k);
    if (map === undefined) return undefined;
    const gamma = grid.durations[k]!;
    kernels.push({
      matrix: Matrix.eye(drift.dimension).add(Matrix.mul(map.matrix, gamma)),
      offset: map.offset.map((x) => gamma * x),
      covariance: noise[k]!,
    });
  }
  return kernels;
}

/** Exact first and second moments of the chain when every drift is affine: they need no Gaussian start. */
export function affineMoments(chain: Chain): { nodes: ReturnType<typeof propagateChain>; moments: CouplingMoments } | undefined {
  const kernels = affineKernels(chain);
  if (kernels === undefined) return undefined;
  const propagate = chain.direction === 'forward' ? propagateChain : propagateBackward;
  const nodes = propagate(kernels, chain.start.mean(), chain.start.covariance());
  return {
    nodes,
    moments: {
      sourceMean: nodes.means[0]!,
      targetMean: nodes.means.at(-1)!,
      sourceCovariance: nodes.covariances[0]!,
      targetCovariance: nodes.covariances.at(-1)!,
      crossCovariance: nodes.crossCovariance,
    },
  };
}
