import { Matrix } from 'ml-matrix';
import { bridgePlan } from '../closed-forms/gaussian-plan.ts';
import { linearBridge } from '../closed-forms/linear-bridge.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { requireProblem } from '../couplings/require-problem.ts';
import { momentsOf } from '../marginals/marginal-moments.ts';
import { requireInteger, requireKnownOptions } from '../numerics/vectors.ts';
import { type TimeGrid, timeGrid } from '../references/time-grid.ts';

/** Options of {@link biasEqualisingGrid}. */
export interface BiasEqualisingOptions {
  /** Number of steps N. */
  readonly steps: number;
}

/** Points at which the pull of the bridge is looked at, for each step asked for. */
const NODES_PER_STEP = 64;
/** Share of the mean pull that counts everywhere, so that no step is longer than six mean ones. */
const FLOOR = 0.2;

/**
 * The grid on which every step of a discretised bridge is equally wrong. A chain of DSB steps with covariance v_k = γ_k g², the exact bridge
 * with V_k = (1/v_k + M_{k+1})⁻¹, so that its noise is off by the share γ_k·|ggᵀM(t)|, to first order; that is γ_k·|A*(t) − A(t)| with the slopes of
 * the bridge's and the reference's drift. Steps are made so that this share is the same everywhere, which makes their sum of squares least. It
 * is computed from the means and covariances of the marginals: exact for Gaussians, a guide for other data.
 *
 * @throws DomainError on an unsuitable problem; NotPositiveDefiniteError when the target's covariance is singular
 * @example
 * ```ts
 * import { biasEqualisingGrid, bridgeProblem, brownian, gaussianMarginal } from 'viaduct';
 * const problem = bridgeProblem({
 *   source: gaussianMarginal({ mean: [0], covariance: 1 }),
 *   target: gaussianMarginal({ mean: [0], covariance: 0.01 }),
 *   reference: brownian({ sigma: 1 }),
 * });
 * const { durations } = biasEqualisingGrid(problem, { steps: 20 });
 * console.log(durations[19]! < durations[0]!); // → true
 * ```
 * @see [debortoli2021]
 */
export function biasEqualisingGrid(problem: BridgeProblem, options: BiasEqualisingOptions): TimeGrid {
  requireProblem('biasEqualisingGrid', problem, 'bridge');
  requireKnownOptions('biasEqualisingGrid', options, ['steps']);
  const steps = requireInteger('biasEqualisingGrid: steps', options.steps, 1);
  const { reference, dimension } = problem;
  const { horizon } = reference;
  const { joint } = bridgePlan(momentsOf(problem.source), momentsOf(problem.target), reference.transition(0, horizon, dimension));
  const process = linearBridge(reference, joint);
  const nodes = NODES_PER_STEP * steps;
  const pulls = Float64Array.from({ length: nodes }, (_, i) => {
    const t = (horizon * (i + 0.5)) / nodes;
    return Matrix.sub(process.drift(t).matrix, reference.driftCoefficients(t, dimension).matrix).norm();
  });
  const mean = pulls.reduce((sum, pull) => sum + pull, 0) / nodes;
  return timeGrid.fromSteps(equalShares(mean > 0 ? pulls.map((pull) => pull + FLOOR * mean) : pulls.fill(1), steps, horizon));
}

/** Lengths of `steps` pieces of [0, horizon] that hold equal shares of a density, constant between its nodes. */
function equalShares(density: Float64Array, steps: number, horizon: number): Float64Array {
  const total = density.reduce((sum, value) => sum + value, 0);
  const width = horizon / density.length;
  const cuts = new Float64Array(steps + 1);
  let [before, i] = [0, 0];
  for (let k = 1; k < steps; k++) {
    const wanted = (total * k) / steps;
    while (before + density[i]! < wanted) before += density[i++]!;
    cuts[k] = width * (i + (wanted - before) / density[i]!);
  }
  cuts[steps] = horizon;
  return Float64Array.from({ length: steps }, (_, k) => cuts[k + 1]! - cuts[k]!);
}
