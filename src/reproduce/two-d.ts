import { sinkhornBridge } from '../discrete/sinkhorn-bridge.ts';
import { DomainError } from '../errors.ts';
import { now } from '../numerics/iterate.ts';
import { randomSource } from '../numerics/random.ts';
import type { Check } from '../report/report.ts';
import { RECORDED, RECORDED_ON } from './recorded-flow-matching.ts';
import {
  meanAndSpread,
  type ProgressReport,
  type ReproduceOptions,
  type Reproduction,
  type ReproductionRow,
  type ShareReport,
  seedsOf,
} from './reproduction.ts';
import { reproductionCheck } from './reproduction-check.ts';
import { generate, independentFigures, type ToyFigures, toyFigures, toyScale } from './toy-figures.ts';
import { recipeNote, TOY_METHODS, type ToyMethod, type ToyRecipe } from './toy-methods.ts';
import { requireTwoDimensions, TOY_SIGMA, TOY_STEPS, type ToySet, toySample, toySets } from './toy-sets.ts';

/** Sizes of a run. */
export interface ToySizes {
  readonly samples: number;
  readonly exactPoints: number;
  readonly energyPaths: number;
  readonly recipe: ToyRecipe;
}

/** Sizes of the table itself. */
export const TWO_D: ToySizes = {
  samples: 10_000,
  exactPoints: 4000,
  energyPaths: 2000,
  recipe: {
    hidden: [64, 64, 64],
    batchSize: 256,
    ipf: { iterations: 24, steps: 36_000, ema: 0.998, grid: 40, cache: 8_000 },
    imf: { iterations: 2, steps: 44_000, ema: 0.999, grid: 80, cache: 20_000, minibatch: 512 },
    flow: { steps: 48_000, ema: 0.999, grid: 20, partners: 10 },
  },
};
const QUICK: ToySizes = {
  samples: 1000,
  exactPoints: 500,
  energyPaths: 200,
  recipe: {
    hidden: [32, 32],
    batchSize: 256,
    ipf: { iterations: 4, steps: 800, ema: 0.99, grid: 20, cache: 1000 },
    imf: { iterations: 2, steps: 800, ema: 0.99, grid: 20, cache: 1000, minibatch: 200 },
    flow: { steps: 800, ema: 0.99, grid: 20, partners: 5 },
  },
};

/** A row's figures that the recorded peer has, too. */
const COMPARED = ['paths', 'flow', 'energyGap', 'nearest'] as const satisfies readonly (keyof ToyFigures)[];
const FIGURES: Readonly<Record<keyof ToyFigures, string>> = {
  paths: 'W2 ratio of paths',
  flow: 'W2 ratio of the flow',
  energyGap: 'energy gap',
  nearest: 'nearest training point',
};

/**
 * The two-dimensional table of the field: N(0, I) to moons, S-curve and eight Gaussians, and moons to eight Gaussians, over Brownian motion
 * with σ = 1 and 20 Euler steps, known through 10 000 samples of each side; networks only.
 *
 * W2 is divided by that of two independent draws, the path energy compared with that of the exact bridge of the same samples, and the
 * distance to the nearest training point with that of fresh points: replaying the data would give 0.
 *
 * @throws DomainError for another dimension, and for a set or method that there is not
 * @see [tong2024] [shi2023]
 */
export async function twoDimensional(options: ReproduceOptions = {}): Promise<Reproduction> {
  requireTwoDimensions('two-d', options.dimension);
  const begun = now();
  const sizes = options.quick ? QUICK : TWO_D;
  const all = chosen('set', toySets(), ({ key }) => key, options.sets);
  const sets = options.quick && options.sets === undefined ? all.slice(0, 1) : all;
  const methods = chosen('method', TOY_METHODS, ({ key }) => key, options.methods);
  const rows: ReproductionRow[] = [];
  for (const [i, set] of sets.entries()) {
    const report: ProgressReport = (text, share, training) =>
      options.onProgress?.(`${set.name}: ${text}`, (i + share) / sets.length, training);
    rows.push(...(await toyRows(set, methods, sizes, options, report)));
  }
  return {
    name: 'two-d',
    title: 'Two dimensions: W2 over that of two independent draws, energy, nearest training point',
    columns: [
      { key: 'set', heading: 'data' },
      { key: 'method', heading: 'method' },
      { key: 'paths', heading: 'W2 ratio' },
      { key: 'pathsSpread', heading: '±' },
      { key: 'flow', heading: 'of the flow' },
      { key: 'flowSpread', heading: '±' },
      { key: 'energyGap', heading: 'energy gap' },
      { key: 'energyGapSpread', heading: '±' },
      { key: 'nearest', heading: 'nearest' },
      { key: 'nearestSpread', heading: '±' },
      { key: 'floor', heading: 'W2 floor' },
      { key: 'seeds', heading: 'seeds' },
      { key: 'seconds', heading: 's' },
    ],
    rows,
    notes: notes(sizes, sets, options.quick ?? false),
    figures: [],
    checks: rows.flatMap(checksOf),
    seconds: now() - begun,
  };
}

/** Our figures beside the recorded ones of the peer. */
function checksOf(row: ReproductionRow): Check[] {
  const recorded = RECORDED[row['set'] as string];
  if (recorded === undefined || !TOY_METHODS.some(({ name }) => name === row.method)) return [];
  return COMPARED.map((key) =>
    reproductionCheck(`${row['set']}, ${row.method}: ${FIGURES[key]}`, row[key] as number, {
      goal: recorded[key],
      limit: 1.1 * recorded[key],
      meaning:
        'Mean over seeds beside the recorded mean of torchcfm over seeds 0 to 4 (other seeds are other arrays); up to a tenth more is a warning.',
    }),
  );
}

/** Those of a list that are asked for, in its own order; all when nothing is asked for. */
function chosen<T>(what: string, all: readonly T[], keyOf: (one: T) => string, keys: readonly string[] | undefined): readonly T[] {
  if (keys === undefined) return all;
  const known = all.map(keyOf);
  const wrong = keys.find((key) => !known.includes(key));
  if (wrong !== undefined || keys.length === 0) {
    throw new DomainError(`reproduce two-d: there is no ${what} '${wrong ?? ''}'; use ${known.join(', ')}`);
  }
  return all.filter((one) => keys.includes(keyOf(one)));
}

/** The rows of one set: our methods, then what was recorded from the peer. */
async function toyRows(
  set: ToySet,
  methods: readonly ToyMethod[],
  sizes: ToySizes,
  options: ReproduceOptions,
  report: ProgressReport,
): Promise<ReproductionRow[]> {
  const { recipe, samples } = sizes;
  const seeds = seedsOf(options, 2);
  const results = methods.map(() => [] as (ToyFigures & { readonly seconds: number })[]);
  const floors: number[] = [];
  const independents: Omit<ToyFigures, 'flow'>[] = [];
  for (const [s, seed] of seeds.entries()) {
    report(`seed ${seed}, exact bridge`, s / seeds.length);
    const sample = toySample(set, seed, samples);
    const exact = sinkhornBridge(sample.problem, { tolerance: 1e-4 });
    const scale = toyScale(sample, exact, sizes);
    floors.push(scale.floor);
    report(`seed ${seed}, independent coupling`, s / seeds.length);
    independents.push(independentFigures(sample, scale, randomSource(seed).split('two-d').split('independent coupling')));
    for (const [m, { name, train }] of methods.entries()) {
      options.signal?.throwIfAborted();
      const onShare: ShareReport = (share, training) =>
        report(`seed ${seed}, ${name}`, (s + (m + share) / methods.length) / seeds.length, training);
      const started = now();
      const { problem } = sample;
      const bridge = await train({ problem, plan: exact.coupling, recipe, seed, signal: options.signal, onShare });
      options.signal?.throwIfAborted();
      const seconds = now() - started;
      results[m]!.push({ ...toyFigures(sample, generate(bridge, sample), scale), seconds });
    }
  }
  const common = { set: set.name, dimension: 2, floor: meanAndSpread(floors).mean };
  const recorded = options.quick ? undefined : RECORDED[set.name];
  const independent = { ...common, ...meansAndSpreads(independents), method: 'independent coupling', seeds: seeds.length, seconds: 0 };
  const ours = methods.map(({ name }, m): ReproductionRow => {
    const all = results[m]!;
    const seconds = meanAndSpread(all.map((one) => one.seconds)).mean;
    return { ...common, ...meansAndSpreads(all), method: name, seeds: seeds.length, seconds };
  });
  const theirs = recorded === undefined ? [] : [{ ...common, ...recorded, method: '[SF]²M of torchcfm (recorded)' }];
  return [independent, ...ours, ...theirs];
}

/** Mean and spread of every figure over seeds. */
export function meansAndSpreads(all: readonly Partial<ToyFigures>[]): { readonly [figure: string]: number } {
  const pairs = COMPARED.filter((key) => all[0]?.[key] !== undefined).flatMap((key) => {
    const { mean, spread } = meanAndSpread(all.map((one) => one[key]!));
    return [[key, mean] as const, [`${key}Spread`, spread] as const];
  });
  return Object.fromEntries(pairs);
}

function notes({ samples, exactPoints, energyPaths, recipe }: ToySizes, sets: readonly ToySet[], quick: boolean): string[] {
  return [
    `Brownian reference with σ = ${TOY_SIGMA} over [0, 1] (ε = 1), ${TOY_STEPS} equal Euler steps, ${samples} training points a side, ${samples} fresh starts and fresh points of the target; starts and noise are the same for every method.`,
    ...sets.map(({ name, generator }) => `${name}: ${generator}.`),
    `W2 is exact, between the first ${exactPoints} generated and fresh points, over the W2 of two independent draws as large (the floor): 1 is a perfect generator. “W2 ratio” is that of the stochastic process, its last step without noise; “of the flow” that of Euler’s method for the probability flow.`,
    `Energy gap: mean over the inner nodes of E|v|², against the drift of the exact Schrödinger bridge of the training samples (sinkhornBridge) in the same Euler steps, along ${energyPaths} paths from the same starts with the same noise, relative.`,
    'Nearest: mean distance of generated points to the nearest training point over that of fresh points; below 1 a method replays its data.',
    'Independent coupling: ends drawn apart, so that its W2 is the floor, and the current velocity of Brownian bridges between all of them, estimated from as many pairs of training points; what a plan gains over it is the energy.',
    recipeNote(recipe),
    quick ? 'The quick form has fewer points and steps, and is not compared with the peer.' : RECORDED_NOTE,
    'Published tables use other generators, unstratified modes and W2 itself: they cannot be set beside this one.',
  ];
}

const RECORDED_NOTE = `torchcfm (recorded) was run on the arrays of the same seeds and judged by the same code (${RECORDED_ON}); npm run bench -- two-d --python PATH runs it again.`;
