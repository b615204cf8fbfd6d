import { allocatePoints, type Points } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { requirePositive } from '../numerics/vectors.ts';
import type { TimeGrid } from '../references/time-grid.ts';

/** The drift of a bridge over Brownian motion: a trained run, a fitted one, or the truth. */
export interface BridgeDrift {
  drift(t: number, x: Points): Points;
}

/** Options of {@link stepVariances}. */
export interface StepVarianceOptions {
  /** Variance of the Brownian motion per unit of time. */
  readonly epsilon: number;
  readonly grid: TimeGrid;
  /** Starts of the paths over which the divergence is averaged. */
  readonly starts: Points;
  readonly random: RandomSource;
}

/** Length of the differences, as a share of the size of a coordinate: above what single precision rounds away. */
const DIFFERENCE = 0.03;
/** A learned drift may contract more in a step than there is; the noise stays positive. */
const LEAST_SHARE = 1e-3;

/**
 * The noise that makes steps x + γf(t, x) those of the bridge. For f = (E[X_1 | X_t = x] − x)/(1 − t) the mean of X_{t+γ} given X_t = x is x + γf
 * exactly, whatever γ, and its covariance is εγ(I + γ∇f): Euler's εγ is too wide where f contracts. Here its trace, averaged over paths:
 * v_k = εγ_k(1 + γ_k E div f/d), the divergence by differences along random signs.
 */
export function stepVariances(bridge: BridgeDrift, { epsilon, grid, starts, random }: StepVarianceOptions): Float64Array {
  requirePositive('stepVariances: epsilon', epsilon);
  const out = new Float64Array(grid.steps);
  const { count, dimension } = starts;
  let x = starts;
  for (let k = 0; k < grid.steps; k++) {
    const [t, gamma] = [grid.times[k]!, grid.durations[k]!];
    const size = DIFFERENCE * Math.sqrt(x.data.reduce((sum, value) => sum + value * value, 0) / x.data.length);
    const signs = Float64Array.from(x.data, () => (random.uniform() < 0.5 ? -size : size));
    const moved = allocatePoints(count, dimension);
    const back = allocatePoints(count, dimension);
    for (let i = 0; i < signs.length; i++) {
      moved.data[i] = x.data[i]! + signs[i]!;
      back.data[i] = x.data[i]! - signs[i]!;
    }
    const [ahead, behind] = [bridge.drift(t, moved), bridge.drift(t, back)];
    let divergence = 0;
    for (let i = 0; i < signs.length; i++) divergence += (ahead.data[i]! - behind.data[i]!) / (2 * signs[i]!);
    out[k] = epsilon * gamma * Math.max(LEAST_SHARE, 1 + (gamma * divergence) / signs.length);
    x = step(x, bridge.drift(t, x), gamma, Math.sqrt(out[k]!), random);
  }
  return out;
}

/** The far ends of paths from the rows of x, with these variances of the steps' noise. */
export function sampleByBridge(
  bridge: BridgeDrift,
  x: Points,
  { grid, variances, random }: { readonly grid: TimeGrid; readonly variances: Float64Array; readonly random: RandomSource },
): Points {
  let at = x;
  for (let k = 0; k < grid.steps; k++) {
    at = step(at, bridge.drift(grid.times[k]!, at), grid.durations[k]!, Math.sqrt(variances[k]!), random);
  }
  return at;
}

/** x + γf + root·z, written over the drift. */
function step(x: Points, drift: Points, gamma: number, root: number, random: RandomSource): Points {
  for (let i = 0; i < x.data.length; i++) drift.data[i] = x.data[i]! + gamma * drift.data[i]! + root * random.normal();
  return drift;
}
