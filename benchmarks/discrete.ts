// npm run bench -- [options]: the end-to-end table of discrete transport; --help lists the options.
import { parseArgs } from 'node:util';
import { type Cell, instance, type Measurement, type MeasureOptions, measure } from './discrete-cell.ts';
import { largeCell, largeTable } from './discrete-large.ts';
import { COMMON, command, familyNames, number, numbers } from './discrete-options.ts';
import { writePage } from './discrete-page.ts';
import { profile } from './discrete-profile.ts';
import { collect, readResults, requireSame, TABLE_FILE, writeResults } from './discrete-results.ts';
import { seconds } from './discrete-text.ts';
import { today } from './machine.ts';

const HELP = `npm run bench -- [options]
the table:  --sizes 256,1000,4000,10000  --eps 0.1,0.01,0.001  --targets 1e-3,1e-6,1e-9  --families all  --seed 0
            --quick (n = 256, two eps, 1e-6; nothing is written)  --no-points (matrices of costs only)
one cell:   --profile family,n,eps,target  [--points]: ten timings and what the answer says of itself
large:      --large [--sizes 100000 --targets 1e-3,1e-6]: points in the plane and in space, each in a process of its own
anyway:     --threads K  --time-limit 300 (s a solve)  --out FILE  --merge (keep the rows of other cells)  --date YYYY-MM-DD
            --render: draw docs/benchmarks.md again from benchmarks/results
A run with a smaller table than the whole is written only where --out or --merge says.`;

const SIZES = [256, 1000, 4000, 10000];
const EPS = [0.1, 0.01, 0.001];
const TARGETS = [1e-3, 1e-6, 1e-9];
/** Where points instead of a matrix of costs are timed, too. */
const POINTS_TARGET = 1e-6;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      ...COMMON,
      quick: { type: 'boolean', default: false },
      points: { type: 'boolean', default: false },
      'no-points': { type: 'boolean', default: false },
      profile: { type: 'string' },
      large: { type: 'boolean', default: false },
      'large-cell': { type: 'string' },
      render: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(HELP);
  if (values.render) return writePage();
  const seed = number('seed', values.seed);
  const solver: NonNullable<MeasureOptions['solver']> = {
    timeLimit: number('time-limit', values['time-limit']),
    ...(values.threads === undefined ? {} : { threads: number('threads', values.threads) as 1 }),
  };
  if (values.profile !== undefined) return profile(parseCell('profile', values.profile), values.points ? 'points' : 'matrix', solver, seed);
  if (values['large-cell'] !== undefined) return largeCell(parseCell('large-cell', values['large-cell']), solver, seed);
  const date = values.date ?? today();
  if (values.large) {
    const sizes = numbers('sizes', values.sizes, [100_000]);
    return largeTable({ sizes, targets: numbers('targets', values.targets, [1e-3, 1e-6]), seed, date, out: values.out }, process.argv);
  }
  const grid = {
    sizes: numbers('sizes', values.sizes, values.quick ? [256] : SIZES),
    eps: numbers('eps', values.eps, values.quick ? [0.1, 0.01] : EPS),
    targets: numbers('targets', values.targets, values.quick ? [1e-6] : TARGETS),
    families: familyNames(values.families),
  };
  const whole = [values.sizes, values.eps, values.targets, values.families].every((given) => given === undefined) && !values.quick;
  const out = values.out ?? (whole || values.merge ? TABLE_FILE : undefined);
  const into = values.merge && out !== undefined ? readResults(out) : undefined;
  if (into !== undefined) requireSame('--merge', into, seed);

  const rows: Measurement[] = [];
  for (const n of grid.sizes) {
    for (const name of grid.families) {
      const data = instance(name, n, seed);
      for (const eps of grid.eps) {
        for (const target of grid.targets) {
          rows.push(measure(data, eps, target, { solver }));
          print(rows.at(-1)!);
          if (target === POINTS_TARGET && !values['no-points']) {
            rows.push(measure(data, eps, target, { solver, form: 'points' }));
            print(rows.at(-1)!);
          }
          // After every cell, so that a run that is cut off keeps what it has.
          if (out !== undefined) writeResults(out, collect(rows, { date, seed }, into));
        }
      }
    }
  }
  const missed = rows.filter((row) => row.seconds === null).length;
  console.log(`${rows.length - missed} of ${rows.length} solved${out === undefined ? '; nothing written' : `; written: ${out}`}`);
  if (out === TABLE_FILE) await writePage();
}

function parseCell(option: string, text: string): Cell {
  const [name, n, eps = '0.01', target = '1e-6'] = text.split(',');
  return {
    family: familyNames(name)[0]!,
    n: number(option, n ?? '1000'),
    eps: number(option, eps),
    target: number(option, target),
  };
}

function print({ family, n, eps, target, solver, seconds: taken, spent, error, iterations, note, stats }: Measurement): void {
  const result = taken === null ? `NOT REACHED in ${seconds(spent)}: ${note}` : seconds(taken);
  const passes = `${stats?.['matrixPasses'] ?? '?'} M + ${stats?.['exponentialPasses'] ?? '?'} E`;
  console.log(
    `${family} n=${n} eps=${eps} error=${target.toExponential()} ${solver}: ${result} (true ${error?.toExponential(1)}, ${iterations} iterations, ${passes}, ${stats?.['threads']} threads)`,
  );
}

await command(main);
