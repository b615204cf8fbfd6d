import { dot } from '../numerics/vectors.ts';
import { type MixturePotential, potentialComponent } from './mixture-potential.ts';
import {
  applySpread,
  invertSpread,
  isDiagonal,
  logDetSpread,
  rootSpread,
  type Spread,
  sandwichSpread,
  shiftSpread,
  spreadEntries,
  spreadOf,
} from './mixture-spread.ts';
import { type PotentialFit, sideMoments } from './mixture-step.ts';

/**
 * Natural coordinates of potentials, in which log(α_k N(y; r_k, V_k)) is linear and the squared distance of two potentials is
 * Σ_k N_k E_k(difference of their k-th terms at y)², y ~ N(ȳ_k, Y_k) the part of the target that belongs to component k.
 */
export interface MixtureFrame {
  /** K times: value, slope and curvature of a term at ȳ_k in units of Y_k^{1/2}, scaled so that squares add up to the distance. */
  encode(potential: MixturePotential): Float64Array;
  /** @throws NotPositiveDefiniteError where the coordinates are those of no potential */
  decode(values: Float64Array): MixturePotential;
}

const PATH = 'mixtureBridge: covariance of a component';
/** Masses below it do not count in the distance. */
const LEAST = 1e-9;

/** The frame of the parts of a fit. */
export function mixtureFrame({ potential, target }: PotentialFit): MixtureFrame {
  const d = potential.dimension;
  const parts = potential.components.map(({ covariance }, k) => {
    const { mass, mean, covariance: within } = sideMoments(target, k);
    // A component with few points has no covariance of its own.
    const root = rootSpread(mass > LEAST ? blend(within, covariance) : covariance);
    return { mean, root, inverse: invertSpread(root, PATH), weight: Math.sqrt(Math.max(mass, LEAST)) };
  });
  const size = 1 + d + spreadEntries(potential.components[0]!.covariance).length;
  return {
    encode({ components }) {
      const out = new Float64Array(components.length * size);
      components.forEach(({ logWeight, mean, covariance, precision }, k) => {
        const { mean: at, root, weight } = parts[k]!;
        const gap = at.map((y, c) => mean[c]! - y);
        const pull = applySpread(precision, gap);
        const value = logWeight - 0.5 * (logDetSpread(covariance, PATH) + dot(gap, pull));
        const curvature = spreadEntries(sandwichSpread(root, precision));
        const trace = traceOf(curvature, d);
        out[k * size] = weight * (value - 0.5 * trace);
        out.set(
          applySpread(root, pull).map((x) => weight * x),
          k * size + 1,
        );
        out.set(
          curvature.map((x) => weight * Math.SQRT1_2 * x),
          k * size + 1 + d,
        );
      });
      return out;
    },
    decode(values) {
      const components = parts.map(({ mean: at, inverse, weight }, k) => {
        const own = values.subarray(k * size, (k + 1) * size).map((x) => x / weight);
        const curvature = own.subarray(1 + d).map((x) => Math.SQRT2 * x);
        const covariance = invertSpread(sandwichSpread(inverse, spreadOf(curvature, d)), PATH);
        const pull = applySpread(inverse, own.subarray(1, 1 + d));
        const gap = applySpread(covariance, pull);
        const value = own[0]! + 0.5 * traceOf(curvature, d);
        const logWeight = value + 0.5 * (logDetSpread(covariance, PATH) + dot(gap, pull));
        return potentialComponent(
          logWeight,
          at.map((y, c) => y + gap[c]!),
          covariance,
        );
      });
      return { dimension: d, components };
    },
  };
}

/** The larger part of the covariance of the points, and enough of the component's own to be invertible. */
function blend(within: Spread, own: Spread): Spread {
  const size = traceOf(spreadEntries(own), isDiagonal(own) ? own.length : own.rows);
  return shiftSpread(within, (1e-6 * size) / (isDiagonal(own) ? own.length : own.rows));
}

function traceOf(entries: Float64Array, d: number): number {
  let sum = 0;
  for (let c = 0; c < d; c++) sum += entries[entries.length === d ? c : c * (d + 1)]!;
  return sum;
}
