import { linearBridge } from '../closed-forms/linear-bridge.ts';
import type { Bridge, Paths } from '../couplings/bridge.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { requireProblem } from '../couplings/require-problem.ts';
import { checkSimulation } from '../couplings/simulation.ts';
import { staticProblem } from '../couplings/static-problem.ts';
import { DomainError } from '../errors.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { type Affine, applyAffine, flatten } from '../numerics/affine.ts';
import { addGaussian } from '../numerics/gaussian-draws.ts';
import { type Points, type PointsLike, requireDimension, toPoints } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { squareRoot } from '../numerics/spd.ts';
import { bridgeWeights, type EndLikelihood, expectedEnds } from './bridge-weights.ts';
import { requireDiscrete } from './dense-problem.ts';
import type { DiscreteCoupling } from './discrete-coupling.ts';
import { prepareSinkhorn, SINKHORN_OPTIONS, type SinkhornOptions } from './sinkhorn.ts';

/** The exact Schrödinger bridge between two empirical measures. */
export interface SinkhornBridge extends Bridge {
  readonly kind: 'sinkhorn-bridge';
  /** The entropic plan of the end points, with status and certificate. */
  readonly coupling: DiscreteCoupling;
}

/**
 * Computes the exact Schrödinger bridge between two discrete measures over a scalar linear reference: Sinkhorn on the end points, the
 * reference bridge in between. It is what every continuous solver should find on these samples.
 *
 * Drift at t < T: f_ref + g²Ψ(Σ_j w_j y_j − Ψx − z)/K_t, w_j ∝ b_j e^{h_j} p(y_j | X_t = x); the backward drift likewise for t > 0. Paths are
 * exact draws: a pair of end points from the plan, then the reference bridge node by node.
 *
 * @param options those of `sinkhorn`
 * @throws DomainError for a matrix-valued reference, or a marginal that is not made of points
 * @example
 * ```ts
 * import { bridgeProblem, brownian, dataMarginal, sinkhornBridge } from 'viaduct';
 * const bridge = sinkhornBridge(bridgeProblem({
 *   source: dataMarginal([[0], [1]]), target: dataMarginal([[2], [3]]), reference: brownian({ sigma: 1 }),
 * }));
 * console.log(bridge.marginalAt(0.5).mean()[0]!.toFixed(6)); // → 1.500000
 * ```
 * @see [pooladian2024]
 */
export function sinkhornBridge(problem: BridgeProblem, options: SinkhornOptions = {}): SinkhornBridge {
  requireProblem('sinkhornBridge', problem, 'bridge');
  const { reference, dimension } = problem;
  if (reference.effectiveEpsilon === undefined) {
    throw new DomainError(
      'sinkhornBridge: matrix-valued and simulated references are not covered; use brownian or another scalar reference',
    );
  }
  requireDiscrete('sinkhornBridge', 'source', problem.source);
  requireDiscrete('sinkhornBridge', 'target', problem.target);
  const coupling = prepareSinkhorn('sinkhornBridge', staticProblem(problem), options, SINKHORN_OPTIONS).run();
  const { source, target } = coupling;
  const weights = bridgeWeights(problem, coupling);
  const process = linearBridge(reference, { ...coupling.moments() });
  const at = (name: string, x: PointsLike): Points => {
    const made = toPoints(`sinkhornBridge.${name}`, x);
    requireDimension(`sinkhornBridge.${name}`, made, dimension);
    return made;
  };
  const towardsEnd = (t: number): EndLikelihood =>
    endLikelihood(reference.transition(t, reference.horizon, dimension), weights.target, target.points, 'from-middle');
  const towardsStart = (t: number): EndLikelihood =>
    endLikelihood(reference.transition(0, t, dimension), weights.source, source.points, 'from-end');
  const drift = (t: number, x: Points): Points => {
    if (!(t < reference.horizon)) {
      throw new DomainError(
        `sinkhornBridge.drift: the drift of a bridge between samples has no value at its end; pass t < ${reference.horizon}`,
      );
    }
    const rest = reference.transition(t, reference.horizon, dimension);
    const pull = (scalar(reference.diffusionCovariance(t, dimension)) * scalar(rest.matrix)) / scalar(rest.covariance);
    const { mean } = expectedEnds(towardsEnd(t), x);
    return addPull(applyAffine(reference.driftCoefficients(t, dimension), x), pull, mean, applyAffine(rest, x));
  };
  const backwardDrift = (t: number, x: Points): Points => {
    if (!(t > 0)) throw new DomainError('sinkhornBridge.backwardDrift: it has no value at the start; pass t > 0');
    const past = reference.transition(0, t, dimension);
    const pull = scalar(reference.diffusionCovariance(t, dimension)) / scalar(past.covariance);
    const { mean } = expectedEnds(towardsStart(t), x);
    const own = applyAffine(reference.driftCoefficients(t, dimension), x);
    return addPull({ ...own, data: own.data.map((value) => -value) }, pull, applyAffine(past, mean), x);
  };
  const both = (t: number, x: Points, f: number, b: number): Points => {
    const ahead = drift(t, x);
    const behind = backwardDrift(t, x);
    return { ...ahead, data: ahead.data.map((value, i) => f * value + b * behind.data[i]!) };
  };
  return Object.freeze({
    kind: 'sinkhorn-bridge',
    coupling,
    source,
    target,
    reference,
    mass: coupling.mass,
    sample: coupling.sample,
    sampleConditional: coupling.sampleConditional,
    conditionalMean: coupling.conditionalMean,
    moments: coupling.moments,
    marginalError: coupling.marginalError,
    transportCost: coupling.transportCost,
    reverse: coupling.reverse,
    drift: (t, x) => drift(t, at('drift', x)),
    backwardDrift: (t, x) => backwardDrift(t, at('backwardDrift', x)),
    velocity: (t, x) => both(t, at('velocity', x), 0.5, -0.5),
    score(t, x) {
      const factor = 1 / scalar(reference.diffusionCovariance(t, dimension));
      return both(t, at('score', x), factor, factor);
    },
    marginalAt(t): Marginal {
      if (t === 0 || t === reference.horizon) return t === 0 ? source : target;
      return Object.freeze({
        kind: 'bridge-marginal',
        dimension,
        mass: 1,
        mean: () => process.mean(t),
        covariance: () => process.covariance(t),
        sample: (count: number, random: RandomSource) => {
          const { x, y } = coupling.sample(count, random);
          return between(reference.bridge(0, t, reference.horizon, dimension), x, y, random);
        },
        logDensity(x: PointsLike) {
          const points = at('marginalAt.logDensity', x);
          const ahead = expectedEnds(towardsEnd(t), points).logSum;
          const behind = expectedEnds(towardsStart(t), points).logSum;
          const [v, w] = [towardsEnd(t).variance, towardsStart(t).variance];
          const kappa = scalar(reference.transition(0, reference.horizon, dimension).covariance);
          const constant = (-dimension / 2) * Math.log((2 * Math.PI * v * w) / kappa);
          return ahead.map((value, i) => value + behind[i]! + constant);
        },
      });
    },
    simulate: (options) => simulatePaths(problem, coupling, options),
  } satisfies SinkhornBridge);
}

/** Distances between a middle point and the ends: the end against the carried middle, or the middle against the carried start. */
function endLikelihood(
  kernel: Affine & { covariance: Parameters<typeof scalar>[0] },
  logWeights: Float64Array,
  ends: Points,
  side: 'from-middle' | 'from-end',
): EndLikelihood {
  const slope = scalar(kernel.matrix);
  const distance = (late: Float64Array, early: Float64Array): number => {
    let sum = 0;
    for (let k = 0; k < late.length; k++) sum += (late[k]! - slope * early[k]! - kernel.offset[k]!) ** 2;
    return sum;
  };
  return {
    logWeights,
    ends,
    variance: scalar(kernel.covariance),
    distance: side === 'from-middle' ? (x, z) => distance(z, x) : distance,
  };
}

function simulatePaths(
  { reference, dimension }: BridgeProblem,
  coupling: DiscreteCoupling,
  options: Parameters<Bridge['simulate']>[0],
): Paths {
  const { grid, random, direction, from, count } = checkSimulation('sinkhornBridge.simulate', options, dimension);
  if (Math.abs(grid.horizon - reference.horizon) > 1e-9 * reference.horizon) {
    throw new DomainError(
      `sinkhornBridge.simulate: the grid ends at ${grid.horizon}, the reference at ${reference.horizon}; make them equal`,
    );
  }
  const { x, y } = endPoints(coupling, direction, from, count, random);
  const nodes: Points[] = [x];
  for (let k = 0; k + 1 < grid.steps; k++) {
    nodes.push(between(reference.bridge(grid.times[k]!, grid.times[k + 1]!, reference.horizon, dimension), nodes[k]!, y, random));
  }
  nodes.push(y);
  return Object.freeze({ times: Float64Array.from(grid.times), points: Object.freeze(nodes) });
}

function endPoints(
  coupling: DiscreteCoupling,
  direction: 'forward' | 'backward',
  from: Points | undefined,
  count: number,
  random: RandomSource,
): { x: Points; y: Points } {
  if (from === undefined) return coupling.sample(count, random);
  if (direction === 'forward') return { x: from, y: coupling.sampleConditional(from, random) };
  return { x: coupling.reverse().sampleConditional(from, random), y: from };
}

function between(bridge: ReturnType<BridgeProblem['reference']['bridge']>, x: Points, y: Points, random: RandomSource): Points {
  const out = applyAffine({ matrix: bridge.fromStart, offset: bridge.offset }, x);
  const late = applyAffine({ matrix: bridge.fromEnd, offset: new Float64Array(y.dimension) }, y);
  for (let i = 0; i < out.data.length; i++) out.data[i]! += late.data[i]!;
  addGaussian(out, flatten(squareRoot(bridge.covariance)), random);
  return out;
}

function addPull(base: Points, pull: number, to: Points, from: Points): Points {
  for (let i = 0; i < base.data.length; i++) base.data[i]! += pull * (to.data[i]! - from.data[i]!);
  return base;
}

/** The factor of a multiple of the identity. */
function scalar(matrix: { get(i: number, j: number): number }): number {
  return matrix.get(0, 0);
}
