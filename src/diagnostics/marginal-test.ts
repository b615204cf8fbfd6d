import { sampleEnds } from '../diffusion/chain-moments.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { timeGrid } from '../references/time-grid.ts';
import type { Judged } from './judged.ts';
import { type Finding, theoremCheck } from './theorem-check.ts';

/** Draws of either side, and random relabellings behind the null. */
const DRAWS = 400;
const PERMUTATIONS = 299;
/** Steps of paths where the bridge has none of its own. */
const STEPS = 50;

/**
 * The free end of the law against fresh draws of the marginal it should have: a two-sample test by energy distance, whose law under
 * equality comes from relabelling the draws at random. The value is the distance over the 99 % quantile of that law.
 *
 * @see [szekely2013]
 */
export function marginalTest(judged: Judged): Finding[] {
  const stream = judged.random.split('marginal test');
  const { arrived, free } = arrivals(judged, stream.split('chain'));
  const { statistic, quantile, pValue } = permutationTest(
    arrived,
    judged.problem[free].sample(DRAWS, stream.split('marginal')),
    stream.split('permutations'),
  );
  return [
    theoremCheck({
      name: 'free marginal, two-sample test',
      // Draws of a single point have no distance at all.
      value: statistic === 0 ? 0 : statistic / quantile,
      limit: 1,
      knowledge: 'samples',
      meaning: `${DRAWS} arrivals cannot be told from ${DRAWS} draws of the ${free}: energy distance ${statistic.toPrecision(2)}, p = ${pValue.toFixed(3)}.`,
    }),
  ];
}

/** Where the last chain of a run arrives, or the paths of a bridge from its source. */
function arrivals(
  { run, bridge, problem }: Judged,
  random: RandomSource,
): { readonly arrived: Points; readonly free: 'source' | 'target' } {
  if (run === undefined) {
    const grid = timeGrid.uniform({ steps: STEPS, horizon: problem.reference.horizon });
    return { arrived: bridge.simulate({ count: DRAWS, grid, random }).points.at(-1)!, free: 'target' };
  }
  const chain = run.chain(run.halfSteps.length);
  const { x, y } = sampleEnds(chain, DRAWS, random);
  return chain.direction === 'forward' ? { arrived: y, free: 'target' } : { arrived: x, free: 'source' };
}

/** Energy distance of equally many draws with its permutation null, one matrix of distances for all. */
export function permutationTest(
  x: Points,
  y: Points,
  random: RandomSource,
): { readonly statistic: number; readonly quantile: number; readonly pValue: number } {
  const n = x.count;
  const pooled = allocatePoints(2 * n, x.dimension);
  pooled.data.set(x.data);
  pooled.data.set(y.data, n * x.dimension);
  const distances = pairDistances(pooled);
  const labels = Float64Array.from({ length: 2 * n }, (_, i) => (i < n ? 1 : -1));
  const statistic = labelledDistance(distances, labels, n);
  const null_ = new Float64Array(PERMUTATIONS);
  for (let p = 0; p < PERMUTATIONS; p++) {
    shuffle(labels, random);
    null_[p] = labelledDistance(distances, labels, n);
  }
  null_.sort();
  const above = null_.filter((value) => value >= statistic).length;
  return { statistic, quantile: null_[Math.ceil(0.99 * PERMUTATIONS) - 1]!, pValue: (1 + above) / (1 + PERMUTATIONS) };
}

/** 2E|x − y| − E|x − x'| − E|y − y'| = −Σ s_i s_j |z_i − z_j|/n² with signs s for the two samples. */
function labelledDistance(distances: Float64Array, signs: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 1, p = 0; i < signs.length; i++) {
    let inner = 0;
    for (let j = 0; j < i; j++, p++) inner += signs[j]! * distances[p]!;
    sum += signs[i]! * inner;
  }
  return (-2 * sum) / (n * n);
}

/** |z_i − z_j| for j < i, row by row. */
function pairDistances({ data, count, dimension: d }: Points): Float64Array {
  const out = new Float64Array((count * (count - 1)) / 2);
  for (let i = 1, p = 0; i < count; i++) {
    for (let j = 0; j < i; j++, p++) {
      let square = 0;
      for (let k = 0; k < d; k++) square += (data[i * d + k]! - data[j * d + k]!) ** 2;
      out[p] = Math.sqrt(square);
    }
  }
  return out;
}

/** Fisher and Yates. */
function shuffle(values: Float64Array, random: RandomSource): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
}
