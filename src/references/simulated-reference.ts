import { Matrix } from 'ml-matrix';
import { DomainError, ShapeError } from '../errors.ts';
import { type Points, type PointsLike, requireDimension, toPoints, wrapPoints } from '../numerics/points.ts';
import { inverseSpd } from '../numerics/spd.ts';
import { type MatrixLike, requireInteger, requireKnownOptions, requirePositive, toMatrix } from '../numerics/vectors.ts';
import type { Reference } from './reference.ts';

/** A diffusion dX = f(t, X) dt + g_t dW whose drift need not be linear: it can be simulated, and nothing about it is known in closed form. */
export interface DriftReference extends Reference {
  readonly kind: 'simulated';
  readonly dimension: number;
}

const PATH = 'simulatedReference';
/** What a diffusion coefficient may be. */
type Coefficient = number | MatrixLike;

/**
 * A reference with any drift, dX = f(t, X) dt + g_t dW on [0, T], simulated by Euler–Maruyama on the grid of the run.
 *
 * It has no transition density and no bridge: `diffusionBridge` trains on its paths with targets `mean`, `drift`, `simple` and `moment`;
 * everything that needs more (target `endpoint`, closed forms, `staticProblem`, the discrete wing) refuses it by name.
 *
 * @param options `dimension`; `drift` f(t, x): one row a row of x; `diffusion` g: a number, a d × d matrix, or a function of t that returns
 *   one, ggᵀ positive definite; `horizon` T > 0, default 1
 * @throws DomainError on an option that is missing or unsuitable; ShapeError when a drift has another shape than the points it is asked at
 * @example
 * ```ts
 * import { simulatedReference } from 'viaduct';
 * const doubleWell = simulatedReference({
 *   dimension: 1,
 *   drift: (t, x) => Array.from(x.data, (y) => [y - y ** 3]),
 *   diffusion: 0.5,
 * });
 * console.log(doubleWell.drift(0, [[2]]).data[0]); // → -6
 * ```
 */
export function simulatedReference(options: {
  readonly dimension: number;
  readonly drift: (t: number, x: Points) => PointsLike;
  readonly diffusion: Coefficient | ((t: number) => Coefficient);
  readonly horizon?: number;
}): DriftReference {
  requireKnownOptions(PATH, options, ['dimension', 'drift', 'diffusion', 'horizon']);
  const dimension = requireInteger(`${PATH}: dimension`, options.dimension, 1);
  const horizon = requirePositive(`${PATH}: horizon`, options.horizon ?? 1);
  const { drift, diffusion } = options;
  if (typeof drift !== 'function') throw new DomainError(`${PATH}: drift is no function; pass (t, x) => points, one row a row of x`);
  const at = (t: number): number | Matrix => {
    const value = typeof diffusion === 'function' ? diffusion(t) : diffusion;
    if (typeof value !== 'number') return toMatrix(`${PATH}: diffusion`, value, dimension, dimension);
    return requirePositive(`${PATH}: diffusion`, value);
  };
  const covariance = (t: number): Matrix => {
    const g = at(t);
    return typeof g === 'number' ? Matrix.eye(dimension, dimension, g * g) : g.mmul(g.transpose());
  };
  inverseSpd(covariance(0), `${PATH}: diffusion·diffusionᵀ`);
  const unknown = (what: string) => (): never => {
    throw new DomainError(
      `${PATH}: ${what} is not known for a drift that is only simulated; use diffusionBridge with target 'mean' or 'drift', or a linear reference`,
    );
  };
  return Object.freeze({
    kind: 'simulated',
    dimension,
    horizon,
    drift: (t: number, x: PointsLike) => evaluate(drift, t, x, dimension),
    diffusion: at,
    diffusionCovariance: covariance,
    driftCoefficients: unknown('an affine form of the drift'),
    transition: unknown('the transition density'),
    bridge: unknown('the bridge between two points'),
    discretise: unknown('a chain of Gaussian kernels'),
  });
}

/** The drift at points, whatever it is there: a path that runs away is the simulation's to notice. */
function evaluate(drift: (t: number, x: Points) => PointsLike, t: number, x: PointsLike, dimension: number): Points {
  const from = 'data' in x ? x : toPoints(`${PATH}.drift`, x);
  requireDimension(`${PATH}.drift`, from, dimension);
  const value = drift(t, from);
  const data = 'data' in value ? value.data : Float64Array.from(value.flatMap((row) => Array.from(row)));
  if (data.length !== from.data.length) {
    throw new ShapeError(
      `${PATH}: drift returned ${data.length} numbers for ${from.count} points in dimension ${dimension}; return one row a row of x`,
    );
  }
  return wrapPoints(Float64Array.from(data), dimension);
}
