import { gaussianPlan } from '../closed-forms/gaussian-plan.ts';
import { DomainError, ShapeError } from '../errors.ts';
import { weightedMoments } from '../numerics/moments.ts';
import type { VectorLike } from '../numerics/points.ts';
import { pseudoInverse } from '../numerics/spd.ts';
import { toNumbers } from '../numerics/vectors.ts';
import type { DenseProblem } from './dense-problem.ts';
import type { DiscreteCoupling } from './discrete-coupling.ts';
import { withPotentials } from './entropic-plan.ts';
import { lineTransport } from './line-transport.ts';
import { subsampleStart } from './subsample-start.ts';
import type { Penalties } from './values.ts';
import type { ComputeOptions } from './workspace.ts';

/** Starts that are computed from the problem. */
const COMPUTED = ['gaussian', 'sorting', 'subsample'] as const;

/** What a solve may start from. */
export type InitialPotentials = DiscreteCoupling | { readonly f: VectorLike } | { readonly g: VectorLike } | (typeof COMPUTED)[number];

/**
 * g on the support; when only f is given, g fits it, so that the side not given is updated first.
 *
 * @param bounded whether both sides are bounds: there f and g have one largest value, that of points which keep some of their mass
 */
export function startingPotential(
  path: string,
  dense: DenseProblem,
  epsilon: number,
  penalties: Penalties,
  initial: InitialPotentials | undefined,
  compute: ComputeOptions,
  bounded = false,
): Float64Array | undefined {
  if (initial === undefined) return undefined;
  if (typeof initial === 'string') {
    const start = computedStart(path, initial, dense, epsilon, compute);
    return 'g' in start ? start.g : fitted(path, dense, epsilon, penalties, start.f, compute);
  }
  if (typeof initial !== 'object' || initial === null) {
    throw new DomainError(`${path}: initial is ${String(initial)}; pass an earlier answer, { f }, { g } or a name`);
  }
  const { rows, columns, source, target } = dense;
  const given = 'potentials' in initial ? initial.potentials : initial;
  if ('g' in given) return onSupport(path, 'g', given.g, columns, target.weights.length);
  if (!('f' in given)) throw new DomainError(`${path}: initial has neither f nor g; pass an earlier answer, { f }, { g } or a name`);
  const f = onSupport(path, 'f', given.f, rows, source.weights.length);
  const g = fitted(path, dense, epsilon, penalties, f, compute);
  if (!bounded) return g;
  const most = f.reduce((top, value) => Math.max(top, value), Number.NEGATIVE_INFINITY);
  return g.map((value) => Math.min(value, most));
}

/** A given potential, one number a point of a side, on the points listed. */
export function onSupport(path: string, name: 'f' | 'g', values: VectorLike, points: Int32Array, count: number): Float64Array {
  if (values?.length !== count) {
    throw new ShapeError(`${path}: initial.${name} has ${values?.length ?? 'no'} entries for ${count} points; pass one a point`);
  }
  const all = toNumbers(values);
  const out = Float64Array.from(points, (i) => all[i]!);
  if (out.every(Number.isFinite)) return out;
  throw new DomainError(`${path}: initial.${name} has an entry that is not finite; pass finite potentials`);
}

/** The g that fits f: one update of the target's side. */
function fitted(
  path: string,
  dense: DenseProblem,
  epsilon: number,
  penalties: Penalties,
  f: Float64Array,
  compute: ComputeOptions,
): Float64Array {
  const rho = penalties.target;
  const damping = rho === Number.POSITIVE_INFINITY ? 1 : rho / (rho + epsilon);
  const g = new Float64Array(dense.columns.length);
  return withPotentials({ path, dense, epsilon, penalties, f, g, compute }, 1, ({ engine, passes }, { F, G }) => {
    const soft = engine.f64(G.length);
    passes(epsilon).softColumns(F, soft);
    return g.map((_, j) => damping * epsilon * soft[j]!);
  });
}

function computedStart(
  path: string,
  kind: (typeof COMPUTED)[number],
  dense: DenseProblem,
  epsilon: number,
  compute: ComputeOptions,
): { readonly f: Float64Array } | { readonly g: Float64Array } {
  if (!COMPUTED.includes(kind)) {
    throw new DomainError(`${path}: unknown initial '${String(kind)}'; use one of ${COMPUTED.join(', ')}, or pass potentials`);
  }
  const scale = dense.cost.squaredScale;
  if (scale === undefined) {
    throw new DomainError(`${path}: initial '${kind}' needs a squared Euclidean cost, got ${dense.cost.name}; leave initial out`);
  }
  if (kind === 'gaussian') return { g: gaussianStart(dense, epsilon, scale) };
  if (kind === 'subsample') return { f: subsampleStart(path, dense, epsilon, compute) };
  const { x, y, a, b } = dense;
  if (x.dimension !== 1) {
    throw new DomainError(`${path}: initial 'sorting' is for points on the line, these have ${x.dimension} coordinates; use 'gaussian'`);
  }
  // The dual solution of exact transport: the limit of small ε.
  return { g: lineTransport(x.data, y.data, a, b, (distance) => scale * distance * distance).g };
}

/**
 * The potential of the Gaussian problem with the same first and second moments, for cost s|x − y|²: with η = y − ȳ, δ = x̄ − ȳ and the half
 * cost at ε' = ε/2s, g = 2s(½|η|² − δ·η − ½ε' ηᵀ(Cov(y|x)⁻¹ − B⁻¹)η).
 *
 * @see [janati2020]
 */
function gaussianStart({ x, y, a, b }: DenseProblem, epsilon: number, scale: number): Float64Array {
  const [source, target] = [weightedMoments(x, a), weightedMoments(y, b)];
  const half = epsilon / (2 * scale);
  const { targetGivenSource } = gaussianPlan(source.covariance, target.covariance, half);
  const curvature = pseudoInverse(targetGivenSource).sub(pseudoInverse(target.covariance));
  const d = y.dimension;
  const eta = new Float64Array(d);
  return Float64Array.from({ length: y.count }, (_, j) => {
    for (let k = 0; k < d; k++) eta[k] = y.data[j * d + k]! - target.mean[k]!;
    let value = 0;
    for (let k = 0; k < d; k++) {
      let bent = 0;
      for (let l = 0; l < d; l++) bent += curvature.get(k, l) * eta[l]!;
      value += eta[k]! * (0.5 * eta[k]! - (source.mean[k]! - target.mean[k]!) - 0.5 * half * bent);
    }
    return 2 * scale * value;
  });
}
