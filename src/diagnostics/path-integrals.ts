import type { Bridge } from '../couplings/bridge.ts';
import { DomainError } from '../errors.ts';
import { type Points, row } from '../numerics/points.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { inverseSpd } from '../numerics/spd.ts';
import { dot, multiplyVector, requireInteger, requireKnownOptions } from '../numerics/vectors.ts';
import { type TimeGrid, timeGrid } from '../references/time-grid.ts';

/** Options of path integrals. */
export interface PathIntegralOptions {
  /** Steps of the integral. @defaultValue 50 equal steps */
  readonly grid?: TimeGrid;
  /** Paths. @defaultValue 2000 */
  readonly samples?: number;
  /** @defaultValue a fixed stream */
  readonly random?: RandomSource;
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
