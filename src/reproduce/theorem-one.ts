import { gaussianTotalVariation } from '../closed-forms/gaussian-total-variation.ts';
import { bridgeProblem } from '../couplings/bridge-problem.ts';
import { DomainError } from '../errors.ts';
import { populationDsb } from '../gaussian/population-dsb.ts';
import { gaussianMarginal } from '../marginals/gaussian-marginal.ts';
import { now } from '../numerics/iterate.ts';
import { plotLines } from '../plot/plot-lines.ts';
import { dsbReference } from '../references/dsb-reference.ts';
import type { Check } from '../report/report.ts';
import type { ReproduceOptions, Reproduction, ReproductionRow } from './reproduction.ts';
import { reproductionCheck } from './reproduction-check.ts';

/** Data N(1.5, 0.3²), reference dX = −X dt + √2 dW, prior its stationary law N(0, 1). */
const DATA = { mean: 1.5, variance: 0.09 };
const PRIOR = { mean: 0, variance: 1 };
const HORIZONS = [0.125, 0.25, 0.5, 1, 2, 4, 8] as const;
const STEPS = [10, 20, 50, 200] as const;
/** Outer iterations after which DSB is shown; below a rate of .85 nothing moves any more. */
const ITERATIONS = 40;
/** Horizons up to here are too short for one iteration. */
const SHORT = 0.5;

/**
 * Theorem 1 of the DSB paper with Gaussian data and the exact score: total variation between the data and what the reversed chain makes of the
 * prior, against T and the step γ̄ = T/N, in closed form, without training; and DSB with exact regressions on the same chain.
 *
 * One iteration errs twice: at short T the prior is not where the reference has got to (e^{−√α T}), at long T the steps are too coarse (√γ̄). DSB
 * removes the first error at every T.
 *
 * @see [debortoli2021] Theorem 1
 */
export async function theoremOne(options: ReproduceOptions = {}): Promise<Reproduction> {
  if (options.dimension !== undefined && options.dimension !== 1) {
    throw new DomainError('reproduce theorem: total variation has a closed form in one dimension; leave --dimension out');
  }
  const begun = now();
  const rows: ReproductionRow[] = [];
  const steps = options.quick ? STEPS.slice(0, 2) : STEPS;
  for (const [s, n] of steps.entries()) {
    for (const [h, horizon] of HORIZONS.entries()) {
      options.signal?.throwIfAborted();
      options.onProgress?.(`N = ${n}, T = ${horizon}`, (s * HORIZONS.length + h) / (steps.length * HORIZONS.length));
      rows.push(row(n, horizon));
    }
  }
  const shape = verdicts(rows);
  return {
    name: 'theorem',
    title: 'Theorem 1: total variation between data and samples, exact score',
    columns: [
      { key: 'steps', heading: 'N' },
      { key: 'horizon', heading: 'T' },
      { key: 'gamma', heading: 'γ̄' },
      { key: 'oneIteration', heading: 'one iteration' },
      { key: 'priorGap', heading: 'of it: prior' },
      { key: 'dsb', heading: 'DSB' },
    ],
    rows,
    notes: [
      'Data N(1.5, 0.09), reference dX = −X dt + √2 dW, prior N(0, 1), N equal Euler steps; laws are Gaussian and known, so nothing is sampled or trained. The floor is 0, and so is the independent coupling, which has the data as its margin.',
      '“of it: prior” is the total variation between the prior and the law of the reference chain at T: what one iteration cannot repair. It falls like e^{−T}.',
      `DSB is mean matching with exact regressions, ${ITERATIONS} outer iterations, the backward chain run from the prior.`,
      ...shape,
    ],
    figures: [
      {
        title: 'Error against T',
        caption:
          'One iteration (solid) is wrong at short T, where the prior is not reached, and at long T, where steps are coarse; DSB (dashed) only at long T.',
        svg: await plotLines(
          steps.flatMap((n) => [
            series(`one iteration, N = ${n}`, rows, n, 'oneIteration', false),
            series(`DSB, N = ${n}`, rows, n, 'dsb', true),
          ]),
          { title: 'Total variation against the horizon', x: 'T', y: 'total variation', logX: true, logY: true },
        ),
      },
    ],
    checks: checksOf(rows),
    seconds: now() - begun,
  };
}

function row(steps: number, horizon: number): ReproductionRow {
  const begun = now();
  const { reference, grid } = dsbReference({ rate: 1 }, new Float64Array(steps).fill(horizon / steps));
  const side = ({ mean, variance }: typeof DATA) => gaussianMarginal({ mean: [mean], covariance: variance });
  const problem = bridgeProblem({ source: side(DATA), target: side(PRIOR), reference });
  const dsb = populationDsb(problem, grid, { target: 'mean' });
  const start = (halfSteps: number): number => {
    const { means, covariances } = dsb.iterate(halfSteps);
    return gaussianTotalVariation(DATA, { mean: means[0]![0]!, variance: covariances[0]!.get(0, 0) });
  };
  const arrival = dsb.iterate(0);
  const end = { mean: arrival.means.at(-1)![0]!, variance: arrival.covariances.at(-1)!.get(0, 0) };
  return {
    method: 'theorem 1',
    dimension: 1,
    seeds: 0,
    steps,
    horizon,
    gamma: horizon / steps,
    oneIteration: start(1),
    priorGap: gaussianTotalVariation(PRIOR, end),
    dsb: start(2 * ITERATIONS - 1),
    seconds: now() - begun,
  };
}

/** What is to be seen: one iteration is worst at both ends of the horizons, and DSB better where they are short. */
function checksOf(rows: readonly ReproductionRow[]): Check[] {
  const fine = finest(rows);
  const ends = [fine[0]!, fine.at(-1)!].map((one) => value(one, 'oneIteration'));
  const shape = Math.min(...fine.map((one) => value(one, 'oneIteration'))) / Math.min(...ends);
  const short = rows.filter((one) => value(one, 'horizon') <= SHORT);
  return [
    reproductionCheck(`N = ${fine[0]!['steps']}: best error of one iteration over that at either end of T`, shape, {
      goal: 0.5,
      meaning: 'The shape of the bound: the error falls with T while the prior is not reached, and rises where steps are coarse.',
    }),
    ...[...new Set(short.map((one) => value(one, 'steps')))].map((steps) => {
      const ratios = short.filter((one) => one['steps'] === steps).map((one) => value(one, 'dsb') / value(one, 'oneIteration'));
      return reproductionCheck(`N = ${steps}, T ≤ ${SHORT}: error of DSB over that of one iteration`, Math.max(...ratios), {
        goal: 1,
        meaning: 'The largest ratio of the short horizons: DSB is nearer to the data at every one of them.',
      });
    }),
  ];
}

function value(row: ReproductionRow, key: string): number {
  return row[key] as number;
}

/** The rows of the largest N, by horizon. */
function finest(rows: readonly ReproductionRow[]): ReproductionRow[] {
  const most = Math.max(...rows.map((one) => value(one, 'steps')));
  return rows.filter((one) => one['steps'] === most);
}

/** What the issue of the theorem is, said of these rows. */
function verdicts(rows: readonly ReproductionRow[]): string[] {
  const fine = finest(rows);
  const best = fine.reduce((a, b) => (value(a, 'oneIteration') < value(b, 'oneIteration') ? a : b));
  const short = rows.filter((one) => value(one, 'horizon') <= SHORT);
  const ratios = short.map((one) => value(one, 'oneIteration') / value(one, 'dsb'));
  const product = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
  return [
    `With N = ${fine[0]!['steps']} one iteration is best at T = ${best['horizon']}: shorter horizons leave the prior unreached, longer ones make the steps coarse.`,
    `At T ≤ ${SHORT} DSB is nearer to the data in ${ratios.filter((ratio) => ratio > 1).length} of ${ratios.length} cells, ${product.toPrecision(3)} times in the geometric mean.`,
  ];
}

function series(label: string, rows: readonly ReproductionRow[], steps: number, key: string, dashed: boolean) {
  const points = rows.filter((one) => one['steps'] === steps).map((one) => ({ x: one['horizon'] as number, y: one[key] as number }));
  return { label, points, dashed };
}
