import { Matrix } from 'ml-matrix';
import { DomainError, ShapeError } from '../errors.ts';
import { type Affine, applyAffine, composeKernels, type GaussianKernel, identityKernel } from '../numerics/affine.ts';
import { toPoints } from '../numerics/points.ts';
import { inverseSpd, symmetrise } from '../numerics/spd.ts';
import { combine, multiplyVector } from '../numerics/vectors.ts';
import type { Reference, ReferenceBridge, ReferenceChain, Scheme } from './reference.ts';
import type { TimeGrid } from './time-grid.ts';

/** What distinguishes one linear reference from another; the rest follows. */
export interface LinearProcess {
  readonly kind: Reference['kind'];
  /** The function users called, for messages. */
  readonly path: string;
  readonly dimension?: number;
  readonly horizon: number;
  /** (A_t, c_t). */
  readonly coefficients: (t: number, dimension: number) => Affine;
  readonly diffusion: (t: number) => number | Matrix;
  /** X_t given X_s, for s < t. */
  readonly transition: (s: number, t: number, dimension: number) => GaussianKernel;
}

/** Completes a linear process to a {@link Reference}. */
export function linearProcess(process: LinearProcess): Reference {
  const { kind, path, horizon } = process;
  const size = (dimension: number | undefined): number => dimensionOf(process, dimension);
  const time = (t: number): number => checkTime(path, t, horizon);
  const transition = (from: number, to: number, dimension?: number): GaussianKernel => {
    const [s, t] = [time(from), time(to)];
    if (t < s) throw new DomainError(`${path}.transition: s = ${s} is after t = ${t}; pass s ≤ t`);
    return s === t ? identityKernel(size(dimension)) : process.transition(s, t, size(dimension));
  };
  const scalar = typeof process.diffusion(horizon) === 'number';
  const reference: Reference = {
    kind,
    horizon,
    ...(process.dimension === undefined ? {} : { dimension: process.dimension }),
    ...(scalar ? { effectiveEpsilon: ratio(transition(0, horizon)) } : {}),
    drift(t, x) {
      const at = toPoints(`${path}.drift`, x);
      return applyAffine(process.coefficients(time(t), size(at.dimension)), at);
    },
    driftCoefficients: (t, dimension) => process.coefficients(time(t), size(dimension)),
    diffusion: (t) => process.diffusion(time(t)),
    diffusionCovariance: (t, dimension) => outer(process.diffusion(time(t)), size(dimension)),
    transition,
    bridge(from, middle, to, dimension) {
      const [s, t, u] = [time(from), time(middle), time(to)];
      if (!(s <= t && t <= u)) throw new DomainError(`${path}.bridge: times ${s}, ${t}, ${u} do not ascend; pass s ≤ t ≤ u`);
      return between(transition(s, t, dimension), transition(t, u, dimension));
    },
    discretise: (grid, options = {}) => chain(reference, process, grid, options.scheme ?? 'euler'),
  };
  return Object.freeze(reference);
}

/** eps* = K/Φ of a kernel that is a multiple of the identity. */
function ratio({ matrix, covariance }: GaussianKernel): number {
  return covariance.get(0, 0) / matrix.get(0, 0);
}

function dimensionOf({ path, dimension: own }: LinearProcess, wanted: number | undefined): number {
  if (own !== undefined && wanted !== undefined && own !== wanted) {
    throw new ShapeError(`${path}: has dimension ${own}, asked for ${wanted}; use points of dimension ${own}`);
  }
  return own ?? wanted ?? 1;
}

/** The time itself; the last node of a grid may pass the horizon by rounding. */
function checkTime(path: string, t: number, horizon: number): number {
  if (!(t >= 0 && t <= horizon * (1 + 1e-12))) {
    throw new DomainError(`${path}: time ${t} is outside [0, ${horizon}]; pass a time between 0 and the horizon`);
  }
  return Math.min(t, horizon);
}

/** g gᵀ. */
function outer(g: number | Matrix, dimension: number): Matrix {
  return typeof g === 'number' ? Matrix.eye(dimension, dimension, g * g) : g.mmul(g.transpose());
}

/** The middle given both ends, from X_t | X_s and X_u | X_t by Gaussian conditioning. */
function between(first: GaussianKernel, second: GaussianKernel): ReferenceBridge {
  const dimension = first.offset.length;
  const total = composeKernels(first, second);
  const certain = total.covariance.to1DArray().every((x) => x === 0);
  const gain = certain
    ? Matrix.zeros(dimension, dimension)
    : first.covariance.mmul(second.matrix.transpose()).mmul(inverseSpd(total.covariance, 'reference.bridge: noise between the ends'));
  return {
    fromStart: Matrix.sub(first.matrix, gain.mmul(total.matrix)),
    fromEnd: gain,
    offset: combine([1, first.offset], [-1, multiplyVector(gain, total.offset)]),
    covariance: conditionalCovariance(first.covariance, second.matrix, second.covariance, gain),
  };
}

/** Joseph form (I − GΦ) K (I − GΦ)ᵀ + G V Gᵀ: positive semi-definite whatever the rounding. */
function conditionalCovariance(k: Matrix, phi: Matrix, v: Matrix, gain: Matrix): Matrix {
  const rest = Matrix.sub(Matrix.eye(k.rows), gain.mmul(phi));
  return symmetrise(rest.mmul(k).mmul(rest.transpose()).add(gain.mmul(v).mmul(gain.transpose())));
}

function chain(reference: Reference, process: LinearProcess, grid: TimeGrid, scheme: Scheme): ReferenceChain {
  const path = `${process.path}.discretise`;
  if (scheme !== 'euler' && scheme !== 'exact') {
    throw new DomainError(`${path}: unknown scheme '${String(scheme)}'; use 'euler' or 'exact'`);
  }
  if (Math.abs(grid.horizon - reference.horizon) > 1e-9 * reference.horizon) {
    throw new DomainError(`${path}: the grid ends at ${grid.horizon}, the reference at ${reference.horizon}; make the horizons equal`);
  }
  const kernel = (k: number, dimension?: number): GaussianKernel => {
    if (!(Number.isInteger(k) && k >= 0 && k < grid.steps)) {
      throw new DomainError(`${path}: no transition ${k}; pass 0 … ${grid.steps - 1}`);
    }
    const start = Math.min(grid.times[k]!, reference.horizon);
    if (scheme === 'exact') return reference.transition(start, Math.min(grid.times[k + 1]!, reference.horizon), dimension);
    return eulerKernel(reference, start, grid.durations[k]!, dimension);
  };
  const transition = (i: number, j: number, dimension?: number): GaussianKernel => {
    let out = identityKernel(dimensionOf(process, dimension));
    for (let k = i; k < j; k++) out = composeKernels(out, kernel(k, dimension));
    return out;
  };
  return Object.freeze({
    grid,
    scheme,
    reference,
    ...(reference.dimension === undefined ? {} : { dimension: reference.dimension }),
    ...(reference.effectiveEpsilon === undefined ? {} : { effectiveEpsilon: ratio(transition(0, grid.steps)) }),
    kernel,
    transition,
  });
}

/** One Euler–Maruyama step: mean x + γ·drift(t, x), covariance γ·g². */
function eulerKernel(reference: Reference, t: number, gamma: number, dimension?: number): GaussianKernel {
  const { matrix, offset } = reference.driftCoefficients(t, dimension);
  return {
    matrix: Matrix.add(Matrix.eye(offset.length), Matrix.mul(matrix, gamma)),
    offset: offset.map((c) => gamma * c),
    covariance: reference.diffusionCovariance(t, dimension).mul(gamma),
  };
}
