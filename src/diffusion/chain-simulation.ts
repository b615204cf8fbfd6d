import type { Matrix } from 'ml-matrix';
import { jointFromKernel } from '../closed-forms/gaussian-joint.ts';
import type { Paths } from '../couplings/bridge.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { Simulation } from '../couplings/simulation.ts';
import { DomainError } from '../errors.ts';
import type { Points } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { affineKernels, affineMoments, type Chain, stepChain, transitionOrder } from './chain.ts';
import { exponentialStep } from './exponential-step.ts';

/** The transition whose drift holds at time t: constant on [t_k, t_{k+1}) forward, on (t_k, t_{k+1}] backward. */
export function gridTransition(path: string, { grid, direction }: Chain, t: number): number {
  const slack = 1e-9 * grid.horizon;
  if (!(t >= -slack && t <= grid.horizon + slack)) {
    throw new DomainError(`${path}: time ${t} is outside [0, ${grid.horizon}]; pass a time between 0 and the horizon`);
  }
  let k = 0;
  while (k < grid.steps - 1 && (direction === 'forward' ? grid.times[k + 1]! <= t + slack : grid.times[k + 1]! < t - slack)) k++;
  return k;
}

/** How a learned bridge is simulated, beyond what every bridge is told. */
export interface Integration {
  /**
   * `'euler'`: Euler–Maruyama, on the run's own grid the steps that were learned; `'exponential'`: the linear part of the reference is
   * followed exactly, with its noise, and only what the drift adds to it is held over a step. Over Brownian motion they are the same.
   * @defaultValue `'euler'`
   */
  readonly integrator?: 'euler' | 'exponential';
  /** Whether the last step goes to its mean: what is generated is then free of the noise of one step. @defaultValue false */
  readonly noiseFreeLastStep?: boolean;
}

/** Paths of the chain on any grid of its horizon; by Euler's steps on the run's own grid they are those of the chain. */
export function simulateOn(
  path: string,
  reference: BridgeProblem['reference'],
  chain: Chain,
  { grid, from, count, random }: Simulation,
  { integrator = 'euler', noiseFreeLastStep = false }: Integration = {},
): Paths {
  if (integrator !== 'euler' && integrator !== 'exponential') {
    throw new DomainError(`${path}.simulate: unknown integrator '${String(integrator)}'; use 'euler' or 'exponential'`);
  }
  if (integrator === 'exponential' && reference.kind === 'simulated') {
    throw new DomainError(`${path}.simulate: a simulated reference has no linear part to follow; use integrator 'euler'`);
  }
  if (integrator === 'exponential' && chain.logVariance !== undefined) {
    throw new DomainError(
      `${path}.simulate: the exponential integrator has the noise of the reference, not a learned covariance; use 'euler'`,
    );
  }
  if (typeof noiseFreeLastStep !== 'boolean') {
    throw new DomainError(`${path}.simulate: noiseFreeLastStep must be true or false, got ${String(noiseFreeLastStep)}; pass true`);
  }
  if (Math.abs(grid.horizon - chain.grid.horizon) > 1e-9 * chain.grid.horizon) {
    throw new DomainError(`${path}.simulate: the grid ends at ${grid.horizon}, the run at ${chain.grid.horizon}; make the horizons equal`);
  }
  const forward = chain.direction === 'forward';
  const nodes: Points[] = new Array(grid.steps + 1);
  // Unlabelled: the caller's source moves on, so that the next call draws anew.
  const stream = random.split();
  let x = from ?? chain.start.sample(count, stream.split('start'));
  nodes[forward ? 0 : grid.steps] = x;
  const noise = stream.split('noise');
  for (const j of transitionOrder(grid.steps, chain.direction)) {
    const [now, then] = [grid.times[forward ? j : j + 1]!, grid.times[forward ? j + 1 : j]!];
    const k = gridTransition(path, chain, now);
    const still = noiseFreeLastStep && j === (forward ? grid.steps - 1 : 0);
    x =
      integrator === 'exponential'
        ? exponentialStep(reference, chain, k, x, { from: now, to: then, noise: still ? undefined : noise })
        : stepChain(chain, k, x, noise, { share: grid.durations[j]! / chain.grid.durations[k]!, still });
    nodes[forward ? j + 1 : j] = x;
  }
  return Object.freeze({ times: Float64Array.from(grid.times), points: Object.freeze(nodes) });
}

/** Draws of X_t; between nodes the last step is taken in part. */
export function pointOnChain(path: string, chain: Chain, t: number, count: number, random: RandomSource): Points {
  const stream = random.split();
  let x = chain.start.sample(count, stream.split('start'));
  const noise = stream.split('noise');
  for (const { k, share } of transitionsUntil(path, chain, t)) x = stepChain(chain, k, x, noise, { share });
  return x;
}

/** Exact mean and covariance of X_t when every drift is affine; nothing otherwise. */
export function exactMoments(path: string, chain: Chain, t: number): { mean: Float64Array; covariance: Matrix } | Record<string, never> {
  const kernels = affineKernels(chain);
  const exact = affineMoments(chain);
  if (kernels === undefined || exact === undefined) return {};
  const forward = chain.direction === 'forward';
  const last = transitionsUntil(path, chain, t).at(-1);
  const { means, covariances } = exact.nodes;
  if (last === undefined) return { mean: means[forward ? 0 : chain.grid.steps]!, covariance: covariances[forward ? 0 : chain.grid.steps]! };
  const from = forward ? last.k : last.k + 1;
  const { matrix, offset, covariance } = kernels[last.k]!;
  const part = {
    matrix: matrix.clone().mul(last.share),
    offset: offset.map((x) => last.share * x),
    covariance: covariance.clone().mul(last.share),
  };
  for (let i = 0; i < offset.length; i++) part.matrix.set(i, i, part.matrix.get(i, i) + 1 - last.share);
  const { targetMean, targetCovariance } = jointFromKernel(means[from]!, covariances[from]!, part);
  return { mean: targetMean, covariance: targetCovariance };
}

/** The transitions that lead from the start to time t, the last one with the share of it that is needed. */
function transitionsUntil(path: string, chain: Chain, t: number): { readonly k: number; readonly share: number }[] {
  gridTransition(path, chain, t);
  const { grid, direction } = chain;
  const out: { k: number; share: number }[] = [];
  for (const k of transitionOrder(grid.steps, direction)) {
    const covered = direction === 'forward' ? t - grid.times[k]! : grid.times[k + 1]! - t;
    const share = Math.min(1, covered / grid.durations[k]!);
    if (share <= 1e-9) break;
    out.push({ k, share: share > 1 - 1e-9 ? 1 : share });
  }
  return out;
}
