import { buresWasserstein } from '../closed-forms/bures-wasserstein.ts';
import type { Bridge } from '../couplings/bridge.ts';
import { DomainError } from '../errors.ts';
import type { DiscreteMarginal } from '../marginals/discrete-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { momentsOf } from '../marginals/marginal-moments.ts';
import { type Points, row } from '../numerics/points.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { inverseSpd } from '../numerics/spd.ts';
import { dot, multiplyVector, requireInteger, requireKnownOptions } from '../numerics/vectors.ts';
import { type TimeGrid, timeGrid } from '../references/time-grid.ts';
import { wasserstein2 } from './wasserstein2.ts';

/** Options of path integrals. */
export interface PathIntegralOptions {
  /** Steps of the integral. @defaultValue 50 equal steps */
  readonly grid?: TimeGrid;
  /** Paths. @defaultValue 2000 */
  readonly samples?: number;
  /** @defaultValue a fixed stream */
  readonly random?: RandomSource;
}

/** Options of `normalisedPathEnergy`. */
export interface NormalisedPathEnergyOptions extends PathIntegralOptions {
  /** W2 of the marginals, where it is known. @defaultValue computed */
  readonly distance?: number;
  /** Draws of a marginal that is neither Gaussian nor discrete. @defaultValue 1000 */
  readonly draws?: number;
}

/**
 * The path energy E ∫|v_t(X_t)|² dt of the probability flow of a bridge, by simulated paths and the mid-point rule.
 *
 * @example
 * ```ts
 * import { bridgeProblem, brownian, gaussianBridge, gaussianMarginal, pathEnergy } from 'viaduct';
 * const at = (m: number) => gaussianMarginal({ mean: [m], covariance: 1 });
 * const bridge = gaussianBridge(bridgeProblem({ source: at(0), target: at(2), reference: brownian({ sigma: 0.1 }) }));
 * console.log(Math.abs(pathEnergy(bridge) - 4) < 0.1); // → true
 * ```
 */
export function pathEnergy(bridge: Bridge, options: PathIntegralOptions = {}): number {
  return pathIntegral('pathEnergy', bridge, options, (t, x) => {
    const v = bridge.velocity(t, x);
    return meanOf(v, (r) => dot(r, r));
  });
}

/**
 * The normalised path energy |T·E∫|v_t(X_t)|² dt − W2²|/W2²: how far the probability flow of a bridge is from optimal transport without
 * noise, for which it is 0. The exact Schrödinger bridge has a value above 0: compare with that.
 *
 * @param options as for `pathEnergy`; W2 is exact between Gaussians and between the points of discrete marginals, otherwise between `draws`
 *   of each marginal, or known: `distance`
 * @throws DomainError when W2 is 0: nothing has to move
 * @example
 * ```ts
 * import { bridgeProblem, brownian, gaussianBridge, gaussianMarginal, normalisedPathEnergy } from 'viaduct';
 * const at = (m: number) => gaussianMarginal({ mean: [m], covariance: 1 });
 * const bridge = gaussianBridge(bridgeProblem({ source: at(0), target: at(2), reference: brownian({ sigma: 0.1 }) }));
 * console.log(normalisedPathEnergy(bridge) < 0.02); // → true
 * ```
 * @see [shi2023] [tong2024]
 */
export function normalisedPathEnergy(bridge: Bridge, options: NormalisedPathEnergyOptions = {}): number {
  const path = 'normalisedPathEnergy';
  requireKnownOptions(path, options, ['grid', 'samples', 'random', 'distance', 'draws']);
  const { distance, draws = 1000, ...integral } = options;
  const random = options.random ?? randomSource(0).split(path);
  const squared = distance === undefined ? squaredWasserstein(bridge, requireInteger(`${path}: draws`, draws, 1), random) : distance ** 2;
  if (!(squared > 0 && squared < Number.POSITIVE_INFINITY)) {
    throw new DomainError(`${path}: W2 is ${Math.sqrt(squared)}, nothing to be relative to; use pathEnergy`);
  }
  const energy = bridge.reference.horizon * pathEnergy(bridge, { ...integral, random: random.split('paths') });
  return Math.abs(energy - squared) / squared;
}

/** W2² of the marginals of a bridge. */
function squaredWasserstein({ source, target }: Bridge, draws: number, random: RandomSource): number {
  if (source.kind === 'gaussian' && target.kind === 'gaussian') return 2 * buresWasserstein(momentsOf(source), momentsOf(target));
  const points = (marginal: Marginal, side: string) =>
    marginal.kind === 'discrete' ? (marginal as DiscreteMarginal) : marginal.sample(draws, random.split(side));
  return wasserstein2(points(source, 'source'), points(target, 'target')) ** 2;
}

/**
 * KL(a | b) of two bridges over the same diffusion that start in the same law: ½ E_a ∫ |f_a − f_b|²_{(ggᵀ)⁻¹} dt (Girsanov), by simulated
 * paths of `a` and the mid-point rule, in nats.
 *
 * @throws DomainError when the diffusions differ
 * @example
 * ```ts
 * import { bridgeProblem, brownian, gaussianBridge, gaussianMarginal, pathKl } from 'viaduct';
 * const unit = gaussianMarginal({ mean: [0], covariance: 1 });
 * const bridge = gaussianBridge(bridgeProblem({ source: unit, target: unit, reference: brownian({ sigma: 1 }) }));
 * console.log(pathKl(bridge, bridge)); // → 0
 * ```
 */
export function pathKl(a: Bridge, b: Bridge, options: PathIntegralOptions = {}): number {
  const d = a.source.dimension;
  return pathIntegral('pathKl', a, options, (t, x) => {
    const noise = a.reference.diffusionCovariance(t, d);
    const other = b.reference.diffusionCovariance(t, d).to1DArray();
    if (noise.to1DArray().some((value, i) => Math.abs(value - other[i]!) > 1e-9 * Math.abs(value) + 1e-12)) {
      throw new DomainError('pathKl: the two bridges have different diffusions, so KL is infinite; compare bridges over one reference');
    }
    const precision = inverseSpd(noise, 'pathKl: diffusion');
    const gap = subtract(a.drift(t, x), b.drift(t, x));
    return 0.5 * meanOf(gap, (r) => dot(r, multiplyVector(precision, Float64Array.from(r))));
  });
}

/** ∫ φ(t, X_t) dt over [0, T] along forward paths. */
function pathIntegral(path: string, bridge: Bridge, options: PathIntegralOptions, phi: (t: number, x: Points) => number): number {
  requireKnownOptions(path, options, ['grid', 'samples', 'random']);
  const grid = options.grid ?? timeGrid.uniform({ steps: 50, horizon: bridge.reference.horizon });
  const samples = requireInteger(`${path}: samples`, options.samples ?? 2000, 1);
  const random = options.random ?? randomSource(0).split(path);
  // Nodes of the doubled grid: odd ones are the mid-points.
  const halves = timeGrid.fromSteps(Float64Array.from({ length: 2 * grid.steps }, (_, i) => grid.durations[i >> 1]! / 2));
  const { points } = bridge.simulate({ count: samples, grid: halves, random });
  let sum = 0;
  for (let k = 0; k < grid.steps; k++) sum += grid.durations[k]! * phi(halves.times[2 * k + 1]!, points[2 * k + 1]!);
  return sum;
}

/** a − b, row by row. */
export function subtract(a: Points, b: Points): Points {
  return { ...a, data: a.data.map((x, i) => x - b.data[i]!) };
}

/** The mean of φ over rows. */
export function meanOf(x: Points, phi: (row: Float64Array) => number): number {
  let sum = 0;
  for (let i = 0; i < x.count; i++) sum += phi(row(x, i));
  return sum / x.count;
}
