import { now } from '../numerics/iterate.ts';
import { plotLines } from '../plot/plot-lines.ts';
import type { Check, Figure } from '../report/report.ts';
import { iterationGrid } from './paper-picture.ts';
import { type PaperCase, type PaperRun, type PaperSet, type PaperSizes, paperRun, paperSets } from './paper-runs.ts';
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
import { requireTwoDimensions } from './toy-sets.ts';

const SHORT = 0.1;
const LONG = 1;
const STEPS = 20;
/** One iteration has failed if as much training as DSB has takes its W2 no lower than to this share. */
const TRAINED = 0.8;
/** Where it has not, DSB has nothing to repair, and may be so much farther away than one iteration trained as long. */
const UNFAILED = 1.5;
/** The horizon that is too short with three numbers of steps, and one that one iteration can do with. */
const PAPER_CASES: readonly PaperCase[] = [
  { horizon: SHORT, steps: 10 },
  { horizon: SHORT, steps: STEPS },
  { horizon: SHORT, steps: 50 },
  { horizon: LONG, steps: STEPS },
];
const PAPER_FULL: PaperSizes = {
  samples: 4000,
  exactPoints: 1000,
  hidden: [64, 64],
  batchSize: 512,
  iterations: 6,
  innerSteps: 800,
};
const QUICK: PaperSizes = { samples: 1000, exactPoints: 300, hidden: [32, 32], batchSize: 256, iterations: 3, innerSteps: 300 };

/** All seeds of one set and chain. */
interface PaperCell {
  readonly set: PaperSet;
  readonly chain: PaperCase;
  readonly runs: readonly PaperRun[];
}

/**
 * The pictures of the DSB paper: data ↔ prior in the plane over the iterations, swiss roll → S-curve, W2 of the generated data against the
 * iteration and against N.
 *
 * Iteration 1 is score-based generative modelling. Over a horizon too short for the reference to reach the prior it fails, however long it
 * is trained; the iterations of DSB repair that.
 *
 * @see [debortoli2021]
 */
export async function paperFigures(options: ReproduceOptions = {}): Promise<Reproduction> {
  requireTwoDimensions('paper', options.dimension);
  const begun = now();
  const sizes = options.quick ? QUICK : PAPER_FULL;
  const sets = options.quick ? paperSets().slice(1, 2) : paperSets();
  const chains = options.quick ? PAPER_CASES.slice(0, 2) : PAPER_CASES;
  const seeds = seedsOf(options, 2);
  const cells: PaperCell[] = [];
  const whole = sets.length * chains.length;
  for (const set of sets) {
    for (const chain of chains) {
      const report: ProgressReport = (text, share, training) => options.onProgress?.(text, (cells.length + share) / whole, training);
      cells.push(await paperCell(set, chain, sizes, seeds, { ...options, onProgress: report }));
    }
  }
  return { ...(await paperTable(cells, sizes)), seconds: now() - begun };
}

/** The rows, figures and verdicts of what was run. */
async function paperTable(cells: readonly PaperCell[], sizes: PaperSizes): Promise<Reproduction> {
  const sets = [...new Set(cells.map(({ set }) => set))];
  const steps = new Set(cells.map(({ chain }) => chain.steps));
  const figures = await Promise.all([againstIteration(cells), ...(steps.size < 3 ? [] : [againstSteps(cells)]), ...grids(cells)]);
  return {
    name: 'paper',
    title: 'Figures of the DSB paper: W2 of generated data over the iterations',
    columns: [
      { key: 'set', heading: 'data' },
      { key: 'horizon', heading: 'T' },
      { key: 'steps', heading: 'N' },
      { key: 'method', heading: 'method' },
      { key: 'w2', heading: 'W2' },
      { key: 'spread', heading: '±' },
      { key: 'floor', heading: 'floor' },
      { key: 'seconds', heading: 's' },
    ],
    rows: cells.flatMap((one) => cellRows(one)),
    notes: [
      `Reference dX = −X dt + √2 dW, symmetric γ growing twentyfold towards the middle, N steps over [0, T]; ${sizes.samples} training points of every data set.`,
      ...sets.map(({ name, generator }) => `${name}: ${generator}.`),
      `W2 is exact, between ${sizes.exactPoints} points generated backward from fresh draws of the far side, last step without noise, and as many fresh data; the floor is that of two independent draws, and of the independent coupling.`,
      `DSB: target endpoint, networks ${sizes.hidden.join('-')}, batch ${sizes.batchSize}, ${sizes.innerSteps} steps a half-step. “Score model, trained as long” has ${sizes.iterations * sizes.innerSteps} steps: what DSB gains over it is not training time.`,
      ...verdicts(cells),
      'The paper prints no distances, only pictures, and its data have other scales: the shapes of the curves are what can be compared.',
    ],
    figures,
    checks: cells.flatMap(checksOf),
    seconds: 0,
  };
}

/** All seeds of one set and chain; the paths of the first are kept for the pictures. */
async function paperCell(
  set: PaperSet,
  chain: PaperCase,
  sizes: PaperSizes,
  seeds: readonly number[],
  { signal, onProgress }: Pick<ReproduceOptions, 'signal' | 'onProgress'>,
): Promise<PaperCell> {
  const runs: PaperRun[] = [];
  const { iterations } = sizes;
  const keep = [...new Set([1, 2, Math.ceil(iterations / 2), iterations])];
  for (const [s, seed] of seeds.entries()) {
    signal?.throwIfAborted();
    const onShare: ShareReport = (share, training) =>
      onProgress?.(`${set.name}, T = ${chain.horizon}, N = ${chain.steps}, seed ${seed}`, (s + share) / seeds.length, training);
    runs.push(await paperRun(set, chain, sizes, { seed, keep: s === 0 ? keep : [], signal, onShare }));
  }
  return { set, chain, runs };
}

function cellRows({ set, chain, runs }: PaperCell): ReproductionRow[] {
  const seconds = meanAndSpread(runs.map((run) => run.seconds)).mean;
  const floor = meanAndSpread(runs.map((run) => run.floor)).mean;
  const shared = { set: set.name, dimension: 2, seeds: runs.length, ...chain, floor, seconds };
  const row = (method: string, iteration: number, values: readonly number[]): ReproductionRow => {
    const { mean, spread } = meanAndSpread(values);
    return { ...shared, method, iteration, w2: mean, spread };
  };
  const iterations = runs[0]!.w2.map((_, i) =>
    row(
      `DSB, iteration ${i + 1}`,
      i + 1,
      runs.map(({ w2 }) => w2[i]!),
    ),
  );
  const long = row(
    'score model, trained as long',
    1,
    runs.map(({ longScore }) => longScore),
  );
  return [...iterations, long];
}

/** What the figures are to show, cell by cell. */
function checksOf(cell: PaperCell): Check[] {
  const { set, chain, runs } = cell;
  const name = `${set.name}, T = ${chain.horizon}, N = ${chain.steps}`;
  const last = runs[0]!.w2.length;
  const [first, all] = [mean(cell, 1), mean(cell, last)];
  const falls = reproductionCheck(`${name}: W2 after iteration ${last} over that after iteration 1`, all / first, {
    goal: 1,
    meaning: 'W2 falls with the iterations.',
  });
  if (chain.horizon !== SHORT) return [falls];
  const long = meanAndSpread(runs.map(({ longScore }) => longScore)).mean;
  const recovers = all / long;
  // Where training alone brings one iteration far down, the horizon is not what it fails by.
  const trained = long / first;
  const fails = trained > TRAINED;
  return [
    falls,
    reproductionCheck(`${name}: W2 of DSB over that of one iteration trained as long`, recovers, {
      goal: 1,
      limit: fails ? 1 : UNFAILED,
      meaning: fails
        ? 'At a short horizon one iteration fails, however long it is trained, and DSB recovers.'
        : `One iteration does not fail at this horizon: training alone takes it to ${trained.toPrecision(2)} of its W2, and up to ${UNFAILED} is a warning.`,
    }),
  ];
}

/** Mean W2 after an iteration. */
function mean({ runs }: PaperCell, iteration: number): number {
  return meanAndSpread(runs.map(({ w2 }) => w2[iteration - 1]!)).mean;
}

/** What the figures are to show, said of these rows. */
function verdicts(cells: readonly PaperCell[]): string[] {
  const last = cells[0]!.runs[0]!.w2.length;
  const falls = cells.filter((one) => mean(one, last) < mean(one, 1));
  const lines = [`W2 after iteration ${last} is below that after iteration 1 in ${falls.length} of ${cells.length} cells.`];
  for (const short of cells.filter(({ chain }) => chain.horizon === SHORT && chain.steps === STEPS)) {
    const floor = meanAndSpread(short.runs.map((run) => run.floor)).mean;
    const long = meanAndSpread(short.runs.map(({ longScore }) => longScore)).mean;
    const [one, all, alone] = [mean(short, 1), mean(short, last), long].map((w2) => (w2 / floor).toPrecision(3));
    lines.push(
      `${short.set.name}, T = ${SHORT}, N = ${STEPS}: one iteration is at ${one} × the floor, ${alone} × trained as long, DSB at ${all} × after ${last} iterations.`,
    );
  }
  return lines;
}

async function againstIteration(cells: readonly PaperCell[]): Promise<Figure> {
  const shown = cells.filter(({ chain }) => chain.steps === STEPS);
  return {
    title: 'W2 against the iteration',
    caption: `N = ${STEPS}, T = ${SHORT} solid, T = ${LONG} dashed. Iteration 1 is score-based generative modelling; every later one is nearer to the data.`,
    svg: await plotLines(
      shown.map((one) => ({
        label: `${one.set.name}, T = ${one.chain.horizon}`,
        points: one.runs[0]!.w2.map((_, i) => ({ x: i + 1, y: mean(one, i + 1) })),
        dashed: one.chain.horizon === LONG,
      })),
      { title: 'W2 of generated data against the iteration', x: 'iteration', y: 'W2', logY: true },
    ),
  };
}

async function againstSteps(cells: readonly PaperCell[]): Promise<Figure> {
  const short = cells.filter(({ chain }) => chain.horizon === SHORT);
  const sets = [...new Set(short.map(({ set }) => set.name))];
  const last = cells[0]!.runs[0]!.w2.length;
  const series = (name: string, iteration: number, dashed: boolean) => ({
    label: `${name}, ${iteration === 1 ? 'one iteration' : 'DSB'}`,
    points: short.filter(({ set }) => set.name === name).map((one) => ({ x: one.chain.steps, y: mean(one, iteration) })),
    dashed,
  });
  return {
    title: 'W2 against the number of steps',
    caption: `T = ${SHORT}. More steps do not help one iteration (dashed), which starts from the wrong law; DSB after ${last} iterations is solid.`,
    svg: await plotLines(
      sets.flatMap((name) => [series(name, last, false), series(name, 1, true)]),
      { title: 'W2 of generated data against N', x: 'N', y: 'W2', logX: true, logY: true },
    ),
  };
}

/** Pictures of the marginals, one for each set. */
function grids(cells: readonly PaperCell[]): Promise<Figure>[] {
  return cells
    .filter(({ chain }) => chain.horizon === SHORT && chain.steps === STEPS)
    .map(async ({ set, runs }) => ({
      title: `Marginals over the iterations: ${set.name}`,
      caption: `Backward paths, from fresh draws of the far side (left) to generated data (right), T = ${SHORT}, N = ${STEPS}.`,
      svg: await iterationGrid(`Marginals of the backward chain over the iterations, ${set.name}`, runs[0]!.paths),
    }));
}
