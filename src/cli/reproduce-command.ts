import { join } from 'node:path';
import { reportJson, writeReport } from '../report/report.ts';
import { type Reproduction, type ReproductionRow, shownValue } from '../reproduce/reproduction.ts';
import { reproductionReport, shownVerdict } from '../reproduce/reproduction-report.ts';
import { type Part, parts, reproductions } from '../reproduce/reproductions.ts';
import { checkCount, checkLines } from './check-lines.ts';
import { type CommonOptions, makeConsole, type Streams, UsageError } from './console.ts';
import { progressLine } from './progress-line.ts';
import { versions } from './versions.ts';

/** Options of `reproduce`. */
export interface ReproduceCommandOptions extends CommonOptions {
  readonly dimension?: number;
  readonly seeds?: number;
  readonly networkOnly: boolean;
  readonly epsilon?: number;
  readonly sets?: readonly string[];
  readonly methods?: readonly string[];
  readonly quick: boolean;
  readonly out?: string;
}

/** `viaduct reproduce <name>`: a published table of the field, run again. */
export async function reproduceCommand(name: string, options: ReproduceCommandOptions, streams: Streams): Promise<number> {
  const run = Object.hasOwn(reproductions, name) ? reproductions[name] : undefined;
  if (run === undefined) {
    throw new UsageError(`reproduce: there is no table '${name}'; use ${Object.keys(reproductions).join(', ')}`);
  }
  const { dimension, seeds, networkOnly, quick, seed } = options;
  const console = makeConsole(streams, options);
  const progress = progressLine(console);
  const result = await run({
    seed,
    networkOnly,
    quick,
    ...(dimension === undefined ? {} : { dimension }),
    ...(seeds === undefined ? {} : { seeds }),
    ...chosenParts(name, options),
    onProgress: (text, share, training) => progress.step(`reproduce ${name}: ${text}`, share, training),
  });
  console.done();
  const report = await reproductionReport(result, { seed, versions: versions(), quick });
  if (options.out !== undefined) {
    writeReport(options.out, report);
    console.result(`report: ${join(options.out, 'report.html')}`);
  }
  console.json(reportJson(report));
  for (const line of table(result)) console.result(line);
  for (const line of checkLines(result.checks, (one) => shownVerdict(one, quick))) console.result(line);
  if (!quick && result.checks.length > 0) console.result(checkCount(result.checks));
  const failed = quick ? [] : result.checks.filter(({ verdict }) => verdict === 'fail');
  if (failed.length === 0) return 0;
  streams.err(
    `reproduce ${name}: ${failed.length} of ${result.checks.length} figures miss what is to be reached: ${failed.map((one) => one.name).join('; ')}\n`,
  );
  return 1;
}

/** The part of the table that is asked for. */
function chosenParts(name: string, options: ReproduceCommandOptions): Pick<ReproduceCommandOptions, Part> {
  const asked = (['epsilon', 'sets', 'methods'] as const).filter((part) => options[part] !== undefined);
  const wrong = asked.find((part) => !parts[name]?.includes(part));
  if (wrong !== undefined) {
    const having = Object.keys(parts).filter((other) => parts[other]!.includes(wrong));
    throw new UsageError(`reproduce ${name}: --${wrong} is for ${having.join(' and ')}; leave it out`);
  }
  return Object.fromEntries(asked.map((part) => [part, options[part]]));
}

/** The table in aligned columns, then its notes. */
function table({ title, columns, rows, notes, seconds }: Reproduction): string[] {
  const cells = [columns.map(({ heading }) => heading), ...rows.map((row) => columns.map((column) => cell(shownValue(row, column))))];
  const widths = columns.map((_, c) => Math.max(...cells.map((row) => row[c]!.length)));
  const lines = cells.map((row) =>
    row
      .map((text, c) => text.padEnd(widths[c]!))
      .join('  ')
      .trimEnd(),
  );
  return [title, '', ...lines, '', ...notes, `${seconds.toFixed(0)} s`];
}

function cell(value: ReproductionRow[string]): string {
  if (value === undefined) return '–';
  if (typeof value === 'number') return String(Number(value.toPrecision(3)));
  return typeof value === 'string' ? value : value.map((one) => cell(one)).join(' ');
}
