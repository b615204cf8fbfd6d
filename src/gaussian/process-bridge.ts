import { conditionalGaussian } from '../closed-forms/gaussian-joint.ts';
import { type GaussianProcess, processScore, reversedDrift } from '../closed-forms/linear-bridge.ts';
import { halfSquaredEuclidean } from '../costs/squared-euclidean.ts';
import type { Bridge, Paths, SimulateOptions } from '../couplings/bridge.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { checkSimulation } from '../couplings/simulation.ts';
import { type GaussianMarginal, gaussianMarginal } from '../marginals/gaussian-marginal.ts';
import { type Affine, applyAffine, flatten, type GaussianKernel } from '../numerics/affine.ts';
import { drawGaussian, sampleKernel } from '../numerics/gaussian-draws.ts';
import { type Points, type PointsLike, requireDimension, toPoints } from '../numerics/points.ts';
import { squareRoot } from '../numerics/spd.ts';
import { combine } from '../numerics/vectors.ts';
import { canonicalCorrelations } from './gaussian-coupling.ts';
import { jointCoupling } from './joint-coupling.ts';

/** A Gaussian Markov bridge with every law in closed form. */
export interface GaussianBridge extends Bridge {
  readonly kind: 'gaussian-bridge';
  /** drift(t, x) = matrix·x + offset. */
  driftCoefficients(t: number): Affine;
  /** KL(this bridge | the reference started at the source) in nats. */
  pathKl(): number;
  /** Canonical correlations of (X_0, X_T), descending. */
  readonly canonicalCorrelations: Float64Array;
  marginalAt(t: number): GaussianMarginal;
}

/**
 * Makes a {@link GaussianBridge} of a Gaussian Markov process. Paths are exact draws of the process on the nodes of any grid: its
 * transition from t_k to t_{k+1} is Gaussian and known, so `simulate` has no discretisation error.
 */
export function processBridge(path: string, problem: BridgeProblem, process: GaussianProcess, pathKl: () => number): GaussianBridge {
  const { source, target, reference, dimension } = problem;
  const { joint } = process;
  const at = (name: string, x: PointsLike): Points => {
    const made = toPoints(`${path}.${name}`, x);
    requireDimension(`${path}.${name}`, made, dimension);
    return made;
  };
  const scoreOf = (t: number): Affine => processScore(path, process, t);
  const backward = (t: number): Affine => reversedDrift(path, reference, process, t);
  const velocity = (t: number): Affine => {
    const [f, b] = [process.drift(t), backward(t)];
    return { matrix: f.matrix.clone().sub(b.matrix).mul(0.5), offset: combine([0.5, f.offset], [-0.5, b.offset]) };
  };
  let correlations: Float64Array | undefined;
  return Object.freeze({
    ...jointCoupling({ kind: 'gaussian-bridge', path, source, target, joint, mass: 1, cost: halfSquaredEuclidean() }),
    kind: 'gaussian-bridge',
    reference,
    driftCoefficients: (t) => process.drift(t),
    affineDrift: (t, direction) => (direction === 'forward' ? process.drift(t) : backward(t)),
    drift: (t, x) => applyAffine(process.drift(t), at('drift', x)),
    backwardDrift: (t, x) => applyAffine(backward(t), at('backwardDrift', x)),
    score: (t, x) => applyAffine(scoreOf(t), at('score', x)),
    velocity: (t, x) => applyAffine(velocity(t), at('velocity', x)),
    marginalAt: (t) => gaussianMarginal({ mean: process.mean(t), covariance: process.covariance(t) }),
    simulate: (options) => simulateProcess(path, process, options, dimension),
    pathKl,
    get canonicalCorrelations() {
      correlations ??= canonicalCorrelations(joint);
      return Float64Array.from(correlations);
    },
  } satisfies GaussianBridge);
}

function simulateProcess(path: string, process: GaussianProcess, options: SimulateOptions, dimension: number): Paths {
  const { grid, random, direction, from, count } = checkSimulation(`${path}.simulate`, options, dimension);
  const { times, steps } = grid;
  const order = direction === 'forward' ? [...times.keys()] : [...times.keys()].reverse();
  const first = order[0]!;
  const start = from ?? drawGaussian(process.mean(times[first]!), flatten(squareRoot(process.covariance(times[first]!))), count, random);
  const nodes: Points[] = new Array(steps + 1);
  nodes[first] = start;
  for (let i = 1; i < order.length; i++) {
    const [k, next] = [order[i - 1]!, order[i]!];
    nodes[next] = sampleKernel(transitionBetween(process, times[k]!, times[next]!), nodes[k]!, random);
  }
  return Object.freeze({ times: Float64Array.from(times), points: Object.freeze(nodes) });
}

/** X_u given X_t, u on either side of t. */
function transitionBetween(process: GaussianProcess, t: number, u: number): GaussianKernel {
  const cross = u > t ? process.crossCovariance(t, u).transpose() : process.crossCovariance(u, t);
  return conditionalGaussian(process.mean(u), process.mean(t), process.covariance(u), cross, process.covariance(t));
}
