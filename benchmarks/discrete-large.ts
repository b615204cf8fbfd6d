// A hundred thousand points on either side: no matrix of costs exists, so seconds and peak memory are what counts.
import { spawnSync } from 'node:child_process';
import { squaredEuclidean } from '../src/costs/squared-euclidean.ts';
import { entropicProblem } from '../src/couplings/entropic-problem.ts';
import { sinkhorn } from '../src/discrete/sinkhorn.ts';
import { discreteMarginal } from '../src/marginals/discrete-marginal.ts';
import { type Cell, type Measurement, type MeasureOptions, scalars } from './discrete-cell.ts';
import { errorOnTheFly, reaches } from './discrete-error.ts';
import { writePage } from './discrete-page.ts';
import { collect, LARGE_FILE, writeResults } from './discrete-results.ts';
import { seconds } from './discrete-text.ts';
import { type FamilyName, family, meanCost } from './families.ts';

/** In the plane and in space. */
const LARGE_FAMILIES: readonly FamilyName[] = ['gaussians', 'colours_3d'];
const LARGE_EPS = 0.01;
const MARK = '@measured ';

/** Solves one cell from points and prints the measurement for the process that asked. */
export function largeCell(cell: Cell, solver: NonNullable<MeasureOptions['solver']>, seed: number): void {
  const clouds = family(cell.family, cell.n, seed);
  const epsilon = cell.eps * meanCost(clouds);
  const problem = entropicProblem({
    source: discreteMarginal({ points: clouds.x, weights: clouds.a }),
    target: discreteMarginal({ points: clouds.y, weights: clouds.b }),
    cost: squaredEuclidean(),
    epsilon,
  });
  const start = performance.now();
  const answer = sinkhorn(problem, { tolerance: cell.target, ...solver });
  const { f, g } = answer.potentials;
  const taken = (performance.now() - start) / 1000;
  const peak = process.resourceUsage().maxRSS / 1024;
  const error = errorOnTheFly(clouds, epsilon, f, g);
  const reached = reaches(error, cell.target);
  const row: Measurement = {
    ...cell,
    solver: 'viaduct from points',
    seconds: reached ? taken : null,
    ...(reached ? {} : { spent: taken, note: `${answer.status}, said ${answer.error.toExponential(1)}` }),
    error: Number.isFinite(error) ? error : null,
    iterations: answer.iterations,
    status: answer.status,
    stats: { ...scalars(answer.stats), peakMiB: Math.round(peak) },
  };
  console.log(MARK + JSON.stringify(row));
}

/** Measures all large cells, each in a process of its own so that its peak memory is its own. */
export async function largeTable(
  about: {
    readonly sizes: readonly number[];
    readonly targets: readonly number[];
    readonly seed: number;
    readonly date: string;
    readonly out: string | undefined;
  },
  argv: readonly string[],
): Promise<void> {
  const rows: Measurement[] = [];
  // What else was asked for on the command line (threads, seed, limits) goes to the children.
  const rest = argv.slice(2).filter((arg) => arg !== '--large');
  const out = about.out ?? LARGE_FILE;
  for (const n of about.sizes) {
    for (const name of LARGE_FAMILIES) {
      for (const target of about.targets) {
        const cell = [name, n, LARGE_EPS, target].join(',');
        const { stdout, stderr, status } = spawnSync(process.execPath, [argv[1]!, ...rest, '--large-cell', cell], {
          encoding: 'utf8',
          maxBuffer: 1e8,
        });
        const line = stdout.split('\n').find((text) => text.startsWith(MARK));
        const row: Measurement =
          line === undefined
            ? { family: name, n, eps: LARGE_EPS, target, solver: 'viaduct from points', ...failed(status, stderr) }
            : (JSON.parse(line.slice(MARK.length)) as Measurement);
        rows.push(row);
        console.log(
          `${name} n=${n} eps=${LARGE_EPS} error=${target.toExponential()}: ${row.seconds === null ? `NOT REACHED in ${seconds(row.spent)}: ${row.note}` : seconds(row.seconds)}, ` +
            `true ${row.error?.toExponential(1)}, peak ${row.stats?.['peakMiB'] ?? '?'} MiB`,
        );
        writeResults(out, collect(rows, about));
      }
    }
  }
  if (out === LARGE_FILE) await writePage();
}

function failed(status: number | null, stderr: string): Pick<Measurement, 'seconds' | 'error' | 'iterations' | 'note'> {
  const last = stderr.split('\n').find((text) => /Error/.test(text)) ?? 'killed';
  return { seconds: null, error: null, iterations: null, note: `status ${status}: ${last.slice(0, 200)}` };
}
