import type { MixturePotential } from '../closed-forms/mixture-potential.ts';
import { startingPotential } from '../closed-forms/mixture-start.ts';
import type { PotentialFit, WeightedPoints } from '../closed-forms/mixture-step.ts';
import { iterateAsync } from '../numerics/iterate.ts';
import type { RandomSource } from '../numerics/random.ts';
import { emIteration, type FitProblem } from './mixture-fit.ts';
import type { MixtureOptions, ResolvedMixtureOptions } from './mixture-options.ts';
import { everyRow } from './mixture-samples.ts';

/** What is fitted. */
interface FitSamples {
  readonly x: WeightedPoints;
  readonly y: WeightedPoints;
  readonly ridge: number;
}

/** Rows from which a fit of every eighth of them comes first, and so on downwards: most of the way costs a fraction. */
const LARGE = 40_000;
const STRIDE_BETWEEN = 8;
/** Rows of the smallest fit for each coordinate of each component. */
const ROWS_PER_COORDINATE = 30;
/** Share of the loss's sampling error, parameters/(2·rows), that is not worth a step before the last fit. */
const NOISE = 0.1;

/** Seedings that are tried, and steps of EM after which the best of them goes on. */
const STARTS = 8;
const TRIAL_STEPS = 25;
/** Rows that trials have at least, where there are so many. */
const FEW = 5000;
/** Rows × components × numbers in a covariance: above it a trial takes seconds, and there is one seeding only. */
const CHEAP = 3e8;

/** What EM comes to, without a word of its progress, within the time and the signal of the whole. */
async function fitted(
  problem: FitProblem,
  { timeLimit, signal }: MixtureOptions,
  until: { readonly tolerance: number; readonly maxIterations: number },
): Promise<PotentialFit> {
  const run = await iterateAsync(emIteration(problem), {
    ...(timeLimit === undefined ? {} : { timeLimit }),
    ...(signal === undefined ? {} : { signal }),
    ...until,
  });
  return run.state.fit;
}

/** The seeding from which a few steps on every `stride`-th row lead lowest: k-means++ at times leaves out a part of small weight. */
async function bestStart(
  { x, y, ridge }: FitSamples,
  { components, covariance }: ResolvedMixtureOptions,
  options: MixtureOptions,
  random: RandomSource,
  stride: number,
): Promise<MixturePotential> {
  const [fewX, fewY] = [everyRow(x, stride), everyRow(y, stride)];
  const d = y.points.dimension;
  const work = fewY.points.count * components * (covariance === 'full' ? d * d : d);
  if (work > CHEAP) return startingPotential(x, y, components, covariance, ridge, random);
  let best: PotentialFit | undefined;
  for (let trial = 0; trial < STARTS; trial++) {
    const start = startingPotential(fewX, fewY, components, covariance, ridge, random.split(trial));
    const fit = await fitted({ x: fewX, y: fewY, start, ridge }, options, { tolerance: 0, maxIterations: TRIAL_STEPS });
    if (best === undefined || fit.objective < best.objective) best = fit;
  }
  return best!.potential;
}

/** Where EM on the whole samples starts: the answer to every eighth row, found in the same way. Its steps are not reported. */
export async function coarseStart(
  { x, y, ridge }: FitSamples,
  resolved: ResolvedMixtureOptions,
  options: MixtureOptions,
  random: RandomSource,
): Promise<MixturePotential> {
  const { components, covariance, maxIterations, tolerance, method } = resolved;
  const d = y.points.dimension;
  const rows = Math.min(x.points.count, y.points.count);
  const enough = ROWS_PER_COORDINATE * components * d;
  if (components === 1 || method === 'adam') return startingPotential(x, y, components, covariance, ridge, random);
  if (rows < LARGE || rows < STRIDE_BETWEEN * enough) {
    return bestStart({ x, y, ridge }, resolved, options, random, Math.max(1, Math.floor(rows / Math.max(enough, FEW))));
  }
  const [fewX, fewY] = [everyRow(x, STRIDE_BETWEEN), everyRow(y, STRIDE_BETWEEN)];
  const start = await coarseStart({ x: fewX, y: fewY, ridge }, resolved, options, random);
  const parameters = components * (1 + d + (covariance === 'full' ? (d * (d + 1)) / 2 : d));
  const floor = (NOISE * parameters) / (2 * fewY.points.count);
  const fit = await fitted({ x: fewX, y: fewY, start, ridge }, options, { tolerance: Math.max(tolerance, floor), maxIterations });
  return fit.potential;
}
