import { DomainError, ShapeError } from '../errors.ts';
import type { Barycenter } from './barycenter-answer.ts';
import type { BarycenterDual, BarycenterInput } from './barycenter-dual.ts';

/** log d of a point that an earlier answer left without mass: so little that it changes nothing, and enough to grow again. */
const EMPTY = -600;

/**
 * What the dual of a barycenter starts from, made of an earlier answer: z_k = g_k/ε, and, debiased, log d = log bar + Σ_k w_k f_k/ε on the
 * support.
 */
export function barycenterStart(
  path: string,
  initial: Barycenter,
  { support, shares, epsilon }: BarycenterInput,
  { branches }: BarycenterDual,
  debiased: boolean,
): Float64Array {
  if (typeof initial !== 'object' || initial === null || initial.kind !== 'barycenter') {
    throw new DomainError(`${path}: initial is no barycenter (${typeof initial}); pass an earlier answer of barycenter`);
  }
  const { couplings, marginal } = initial;
  const sizes = [marginal.weights.length, ...couplings.map(({ potentials }) => potentials.g.length)];
  const wanted = [support.weights.length, ...branches.map(({ dense }) => dense.target.weights.length)];
  if (sizes.join() !== wanted.join()) {
    throw new ShapeError(
      `${path}: initial has ${sizes[0]} points of support and measures of ${sizes.slice(1).join(', ')} points, this problem ${wanted[0]} and ${wanted.slice(1).join(', ')}; leave initial out`,
    );
  }
  const z = branches.flatMap(({ dense }, k) => Array.from(dense.columns, (j) => couplings[k]!.potentials.g[j]! / epsilon));
  const places = [...support.weights.keys()].filter((s) => support.weights[s]! > 0);
  const logD = places.map((s) => {
    const value = couplings.reduce(
      (sum, { potentials }, k) => sum + (shares[k]! * potentials.f[s]!) / epsilon,
      Math.log(marginal.weights[s]!),
    );
    return Math.max(value, EMPTY);
  });
  const start = Float64Array.from(debiased ? [...z, ...logD] : z);
  if (!start.every(Number.isFinite)) throw new DomainError(`${path}: initial has potentials that are not finite; leave initial out`);
  return start;
}
