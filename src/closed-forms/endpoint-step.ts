import { Matrix } from 'ml-matrix';
import type { Affine, GaussianKernel } from '../numerics/affine.ts';
import { inverseSpd } from '../numerics/spd.ts';
import { combine, multiplyVector } from '../numerics/vectors.ts';
import type { Reference } from '../references/reference.ts';
import type { TimeGrid } from '../references/time-grid.ts';
import type { GaussianJoint } from './gaussian-joint.ts';
import { conditionalGaussian } from './gaussian-joint.ts';
import { linearBridge } from './linear-bridge.ts';

/**
 * The drift towards one end of the reference bridge, as an affine function of that end and the point: forward
 * f_ref + ggᵀΨᵀK_t⁻¹(X_T − Ψx − z), backward −f_ref + ggᵀP_t⁻¹(ΦX_0 + m − x), where X_T | x ~ N(Ψx + z, K_t), X_t | X_0 ~ N(ΦX_0 + m, P_t).
 */
export interface EndpointDrift {
  /** Factor of the end point. */
  readonly fromEnd: Matrix;
  /** Factor of the point. */
  readonly fromPoint: Matrix;
  readonly offset: Float64Array;
}

/** The coefficients of {@link EndpointDrift} at time t, 0 < t backward, t < T forward. */
export function endpointDrift(reference: Reference, t: number, direction: 'forward' | 'backward', dimension: number): EndpointDrift {
  const own = reference.driftCoefficients(t, dimension);
  const noise = reference.diffusionCovariance(t, dimension);
  if (direction === 'forward') {
    const rest = reference.transition(t, reference.horizon, dimension);
    const pull = noise.mmul(rest.matrix.transpose()).mmul(inverseSpd(rest.covariance, 'endpoint: noise of the rest'));
    return {
      fromEnd: pull,
      fromPoint: Matrix.sub(own.matrix, pull.mmul(rest.matrix)),
      offset: combine([1, own.offset], [-1, multiplyVector(pull, rest.offset)]),
    };
  }
  const past = reference.transition(0, t, dimension);
  const pull = noise.mmul(inverseSpd(past.covariance, 'endpoint: noise of the past'));
  return {
    fromEnd: pull.mmul(past.matrix),
    fromPoint: Matrix.mul(own.matrix, -1).sub(pull),
    offset: combine([-1, own.offset], [1, multiplyVector(pull, past.offset)]),
  };
}

/**
 * The Euler kernels that perfect regression of the end-point target learns from a Gaussian joint law of the end points, indexed by
 * transition k in forward order. A forward step starts at node k, a backward one at node k + 1; noise and drift belong to that node.
 */
export function endpointKernels(
  reference: Reference,
  grid: TimeGrid,
  joint: GaussianJoint,
  direction: 'forward' | 'backward',
): GaussianKernel[] {
  const dimension = joint.sourceMean.length;
  const process = linearBridge(reference, joint);
  return Array.from(grid.durations, (gamma, k) => {
    const t = Math.min(grid.times[direction === 'forward' ? k : k + 1]!, reference.horizon);
    const drift = expectedDrift(endpointDrift(reference, t, direction, dimension), endGivenPoint(process, reference, t, direction));
    return {
      matrix: Matrix.eye(dimension).add(Matrix.mul(drift.matrix, gamma)),
      offset: drift.offset.map((x) => gamma * x),
      covariance: reference.diffusionCovariance(t, dimension).mul(gamma),
    };
  });
}

/** E[X_T | X_t = x] forward, E[X_0 | X_t = x] backward. */
function endGivenPoint(
  process: ReturnType<typeof linearBridge>,
  reference: Reference,
  t: number,
  direction: 'forward' | 'backward',
): Affine {
  const { joint } = process;
  const mean = process.mean(t);
  const covariance = process.covariance(t);
  return direction === 'forward'
    ? conditionalGaussian(
        joint.targetMean,
        mean,
        joint.targetCovariance,
        process.crossCovariance(t, reference.horizon).transpose(),
        covariance,
      )
    : conditionalGaussian(joint.sourceMean, mean, joint.sourceCovariance, process.crossCovariance(0, t), covariance);
}

function expectedDrift(drift: EndpointDrift, end: Affine): Affine {
  return {
    matrix: Matrix.add(drift.fromPoint, drift.fromEnd.mmul(end.matrix)),
    offset: combine([1, drift.offset], [1, multiplyVector(drift.fromEnd, end.offset)]),
  };
}
