// The five problem families that discrete transport is timed on: seeded, so that every machine times the same problems.
import { sampleCategories } from '../src/numerics/categorical.ts';
import { allocatePoints, type Points, row, takeRows } from '../src/numerics/points.ts';
import { type RandomSource, randomSource } from '../src/numerics/random.ts';

/** Two weighted clouds. */
export interface Clouds {
  readonly x: Points;
  readonly y: Points;
  /** Positive, summing to 1. */
  readonly a: Float64Array;
  readonly b: Float64Array;
}

type Draw = (count: number, random: RandomSource) => Clouds;

const turn = 2 * Math.PI;

/** N(0, I) against N((3, 1), [[½, 0.3], [0.3, 3/2]]). */
const gaussians: Draw = (count, random) => {
  // The Cholesky factor of the covariance.
  const l11 = Math.sqrt(0.5);
  const l21 = 0.3 / l11;
  const l22 = Math.sqrt(1.5 - l21 * l21);
  return uniform(
    cloud(count, 2, () => [random.normal(), random.normal()]),
    cloud(count, 2, () => {
      const [u, v] = [random.normal(), random.normal()];
      return [3 + l11 * u, 1 + l21 * u + l22 * v];
    }),
  );
};

/** Two moons against eight Gaussians on a circle of radius 3. */
const moonsToEight: Draw = (count, random) => {
  const x = cloud(count, 2, (i) => {
    const t = Math.PI * random.uniform();
    const [p, q] = i < count / 2 ? [Math.cos(t), Math.sin(t)] : [1 - Math.cos(t), 0.5 - Math.sin(t)];
    return [2 * (p - 0.5) + 0.1 * random.normal(), 2 * (q - 0.25) + 0.1 * random.normal()];
  });
  const y = cloud(count, 2, () => {
    const t = (turn * random.integer(8)) / 8;
    return [3 * Math.cos(t) + 0.15 * random.normal(), 3 * Math.sin(t) + 0.15 * random.normal()];
  });
  return uniform(x, y);
};

/** The square [−1, 1]² against a ring of radius 1.2 ± 0.1. */
const squareToRing: Draw = (count, random) =>
  uniform(
    cloud(count, 2, () => [2 * random.uniform() - 1, 2 * random.uniform() - 1]),
    cloud(count, 2, () => {
      const t = turn * random.uniform();
      const r = 1.2 + 0.1 * random.normal();
      return [r * Math.cos(t), r * Math.sin(t)];
    }),
  );

/** The colours of two pictures: ten and twelve clusters in the unit cube, random weights. */
const colours: Draw = (count, random) => {
  const palette = (clusters: number): Points => {
    const shares = Float64Array.from({ length: clusters }, () => exponential(random));
    const centres = cloud(clusters, 3, () => [random.uniform(), random.uniform(), random.uniform()]);
    const out = takeRows(centres, sampleCategories(shares, count, random));
    return { ...out, data: out.data.map((c) => Math.min(1, Math.max(0, c + 0.04 * random.normal()))) };
  };
  const weights = (): Float64Array => {
    const raw = Float64Array.from({ length: count }, () => exponential(random) + 0.05);
    const sum = raw.reduce((s, w) => s + w, 0);
    return raw.map((w) => w / sum);
  };
  return { x: palette(10), y: palette(12), a: weights(), b: weights() };
};

/** N(0, I) in fifty dimensions against its image under a random map near 0.7·I, moved by 0.3. */
const gaussiansInFifty: Draw = (count, random) => {
  const d = 50;
  const map = Float64Array.from({ length: d * d }, (_, p) => (p % (d + 1) === 0 ? 0.7 : 0) + (0.3 * random.normal()) / Math.sqrt(d));
  const x = cloud(count, d, () => random.fillNormal(new Float64Array(d)));
  const y = cloud(count, d, () => {
    const z = random.fillNormal(new Float64Array(d));
    const out = new Float64Array(d).fill(0.3);
    for (let k = 0, p = 0; k < d; k++) for (let l = 0; l < d; l++, p++) out[l]! += z[k]! * map[p]!;
    return out;
  });
  return uniform(x, y);
};

/** The names that tables use. */
export type FamilyName = 'gaussians' | 'moons_to_eight' | 'square_to_ring' | 'colours_3d' | 'gaussians_50d';

export const FAMILIES: Readonly<Record<FamilyName, Draw>> = {
  gaussians,
  moons_to_eight: moonsToEight,
  square_to_ring: squareToRing,
  colours_3d: colours,
  gaussians_50d: gaussiansInFifty,
};

/** The clouds of a family; the same bits for the same name, count and seed. */
export function family(name: FamilyName, count: number, seed = 0): Clouds {
  return FAMILIES[name](count, randomSource(seed).split(name).split(count));
}

/** C_ij = |x_i − y_j|² divided by its mean over all pairs, row-major; `mean` is that mean. */
export function relativeCosts({ x, y }: Clouds): { readonly costs: Float64Array; readonly mean: number } {
  const d = x.dimension;
  const costs = new Float64Array(x.count * y.count);
  let sum = 0;
  for (let i = 0, p = 0; i < x.count; i++) {
    for (let j = 0; j < y.count; j++, p++) {
      let square = 0;
      for (let k = 0; k < d; k++) {
        const difference = x.data[i * d + k]! - y.data[j * d + k]!;
        square += difference * difference;
      }
      costs[p] = square;
      sum += square;
    }
  }
  const mean = sum / costs.length;
  for (let p = 0; p < costs.length; p++) costs[p]! /= mean;
  return { costs, mean };
}

/** Mean of |x − y|² over all pairs: mean |x|² + mean |y|² − 2 (mean x)·(mean y), after moving the mean of x to 0. */
export function meanCost({ x, y }: Clouds): number {
  const d = x.dimension;
  const centre = mean(x);
  const spread = (of: Points): number => {
    let sum = 0;
    for (let p = 0; p < of.data.length; p++) sum += (of.data[p]! - centre[p % d]!) ** 2;
    return sum / of.count;
  };
  return spread(x) + spread(y);
}

function mean({ data, count, dimension }: Points): Float64Array {
  const out = new Float64Array(dimension);
  for (let p = 0; p < data.length; p++) out[p % dimension]! += data[p]! / count;
  return out;
}

/** A draw of the exponential law of mean 1. */
function exponential(random: RandomSource): number {
  return -Math.log(1 - random.uniform());
}

function uniform(x: Points, y: Points): Clouds {
  return { x, y, a: new Float64Array(x.count).fill(1 / x.count), b: new Float64Array(y.count).fill(1 / y.count) };
}

function cloud(count: number, dimension: number, point: (i: number) => ArrayLike<number>): Points {
  const out = allocatePoints(count, dimension);
  for (let i = 0; i < count; i++) row(out, i).set(point(i));
  return out;
}
