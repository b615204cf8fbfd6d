// docs/benchmarks.md, drawn from the files in benchmarks/results.
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Measurement } from './discrete-cell.ts';
import { scalingWithSharpness, scalingWithSize, timeToError } from './discrete-plots.ts';
import { compare, groups, growth, OURS } from './discrete-ratios.ts';
import { LARGE_FILE, PEERS_FILE, type Results, readResults, TABLE_FILE } from './discrete-results.ts';
import { factor, power, seconds, table } from './discrete-text.ts';
import { kernelsSection } from './kernels-section.ts';

const PAGE = 'docs/benchmarks.md';
const PICTURES = 'docs/public/benchmarks';
/** The size and error that pictures and ratios are about. */
const SHOWN = { n: 1000, target: 1e-6 };

const INTRODUCTION = `# Benchmarks

This page is written by the benchmarks themselves, from the files in \`benchmarks/results\`.

\`\`\`sh
npm run bench                                   # kernels, then the end-to-end table
npm run bench -- --quick                        # a minute, nothing written
npm run bench -- --profile gaussians,1000,0.01,1e-6
npm run bench -- --large                        # 100 000 points on either side
npm run bench:peers -- --python peers/bin/python   # beside POT, OTT-JAX, GeomLoss and regot
\`\`\`

A problem is two clouds of $n$ points, cost $|x-y|^2$ divided by its mean over all pairs; $\\varepsilon$ is in units of that mean. Time runs
from a ready matrix of costs to the answer with its potentials: the best of warm runs that are repeated for half a second, at least three,
or a single run when it takes more than 5 s; the peers' likewise. The error is $|P1-a|_1+|P^\\top 1-b|_1$, recomputed in doubles by plain
loops that share nothing with the solver; a cell counts as solved only if it meets the target.

| family           | source                                   | target                                          | weights        |
| ---------------- | ---------------------------------------- | ----------------------------------------------- | -------------- |
| \`gaussians\`      | N(0, I) in the plane                     | N((3, 1), [[½, 0.3], [0.3, 3/2]])               | uniform        |
| \`moons_to_eight\` | two moons                                | eight Gaussians on a circle of radius 3         | uniform        |
| \`square_to_ring\` | the square [−1, 1]²                      | a ring of radius 1.2 ± 0.1                      | uniform        |
| \`colours_3d\`     | ten clusters in the unit cube            | twelve clusters                                 | exponential    |
| \`gaussians_50d\`  | N(0, I) in 50 dimensions                 | its image under a random map near 0.7 I, + 0.3  | uniform        |`;

/** Writes the page and its pictures from what results there are. */
export async function writePage(): Promise<void> {
  const [own, peers, large] = [TABLE_FILE, PEERS_FILE, LARGE_FILE].map(readResults);
  mkdirSync(PICTURES, { recursive: true });
  const sections = [INTRODUCTION];
  if (peers !== undefined) sections.push(await peersSection(peers));
  if (own !== undefined) sections.push(await ownSection(own));
  if (large !== undefined) sections.push(largeSection(large));
  const kernels = kernelsSection();
  if (kernels !== undefined) sections.push(kernels);
  writeFileSync(PAGE, `${sections.join('\n\n')}\n`);
  console.log(`written: ${PAGE}`);
}

/** Where and with what. */
function provenance({ machine, versions, date, measurements }: Results): string {
  const days = [...new Set(measurements.map((row) => row.date))].sort();
  const when = days.length > 1 ? `${days[0]} to ${days.at(-1)}` : (days[0] ?? date);
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `Measured ${when} on ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.platform}: ${list.join(', ')}.`;
}

async function peersSection(results: Results): Promise<string> {
  const comparisons = compare(results.measurements);
  const summary = groups(comparisons).map((group) => [
    `${group.n}, ${group.eps}, ${power(group.target)}`,
    seconds(group.ourSeconds),
    seconds(group.peerSeconds),
    `${group.solvedByUs} of ${group.cells}`,
    `${group.solvedByPeers} of ${group.cells}`,
    `**${factor(group.ratio)}**`,
    group.safeRatio === undefined ? '–' : `${factor(group.safeRatio)} (${group.safeCells})`,
    factor(group.worstPot),
    factor(group.worstExact),
  ]);
  const cells = comparisons.map(({ family, n, eps, target, ours, best, ratio, safe, safeRatio, exact, exactRatio }) => [
    `${family}, ${n}, ${eps}, ${power(target)}`,
    ours?.seconds == null ? `no: ${ours?.note ?? 'not run'}` : seconds(ours.seconds),
    best === undefined ? 'none arrives' : `${best.solver} ${seconds(best.seconds)}${mark(best)}`,
    factor(ratio),
    safe?.seconds == null ? '–' : `${seconds(safe.seconds)}${mark(safe)}${safe.note === undefined ? '' : ' †'} (${factor(safeRatio)})`,
    exact?.seconds == null ? '–' : `${seconds(exact.seconds)}${mark(exact)} (${factor(exactRatio)})`,
  ]);
  const replayed = results.measurements.some((row) => row.replayed);
  const shown = comparisons.filter((one) => one.n === SHOWN.n && one.target === SHOWN.target);
  const picture = shown.length === 0 ? [] : [await picture3(comparisons)];
  const together = replayed ? '' : 'Every cell was measured in one run, ours first, then each library alone in a process of its own. ';
  return [
    `## Beside other libraries\n\n${provenance(results)}`,
    `${together}"Best peer" is the fastest of all entropic solvers of POT, OTT-JAX, GeomLoss and regot that reach the true error within 20 s, each
given just the iterations or the tolerance that suffice: finding these is not timed. Ratios are geometric means over the cells that both
solve; the times beside them are geometric means over the cells that each solves.`,
    table(
      [
        'n, ε, error',
        'ours',
        'best peer',
        'solved',
        'solved by any peer',
        'faster',
        'than `sinkhorn_log` (cells)',
        'than POT, worst cell',
        'than `emd`, worst cell',
      ],
      summary,
    ),
    `\`sinkhorn_log\` is POT's safe default, which \`ot.solve\` calls; it stands beside the honest ratio and not in its place. \`emd\` is POT's
exact network simplex, which knows no ε. In the columns of worst cells above 1× means faster in every cell.`,
    ...(results.note === undefined ? [] : [results.note]),
    ...picture,
    table(['family, n, ε, error', 'ours', 'best peer', 'faster', '`sinkhorn_log`', '`emd`'], cells),
    '† a part of the iterations was timed and multiplied.',
    ...(replayed
      ? [
          '⟲ replayed: the time of the peer was taken from an earlier run on the same machine, ours was measured anew; these are not one run.',
        ]
      : []),
  ].join('\n\n');
}

const mark = (row: Measurement): string => ((row as { replayed?: boolean }).replayed ? ' ⟲' : '');

async function picture3(comparisons: ReturnType<typeof compare>): Promise<string> {
  writeFileSync(`${PICTURES}/sharpness.svg`, await scalingWithSharpness(comparisons, SHOWN.n, SHOWN.target));
  return `![Milliseconds against 1/ε at n = ${SHOWN.n}](/benchmarks/sharpness.svg)\n\nTime to ${power(SHOWN.target)} at n = ${SHOWN.n}: ours (full), the best entropic peer where one arrives (dashed), the exact solver (dotted).`;
}

async function ownSection(results: Results): Promise<string> {
  const rows = results.measurements;
  const matrix = rows.filter((row) => row.solver === OURS);
  const parts = [`## End to end\n\n${provenance(results)}`];
  if (matrix.some((row) => row.n === SHOWN.n)) {
    writeFileSync(`${PICTURES}/error.svg`, await timeToError(matrix, SHOWN.n));
    parts.push(`![Milliseconds to a true error at n = ${SHOWN.n}](/benchmarks/error.svg)`);
  }
  writeFileSync(`${PICTURES}/size.svg`, await scalingWithSize(matrix, SHOWN.target));
  const grown = growth(matrix, 4000, 10000);
  const from =
    grown === undefined
      ? ''
      : `\nFrom n = 4000 to 10 000 time grows by ${grown.mean.toFixed(2)} × (10000/4000)² in the geometric mean of ${grown.cells} cells, by ${grown.worst.toFixed(2)} × in the worst.`;
  parts.push(`![Milliseconds against n](/benchmarks/size.svg)\n\nTime to ${power(SHOWN.target)}; dashed: the slope of n².${from}`);
  for (const n of new Set(matrix.map((row) => row.n))) parts.push(`### n = ${n}`, sizeTable(rows.filter((row) => row.n === n)));
  const missed = rows.filter((row) => row.seconds === null);
  parts.push(
    missed.length === 0
      ? `All ${rows.length} measurements meet their target.`
      : `${missed.length} of ${rows.length} measurements miss their target:\n\n${missed.map(complaint).join('\n')}`,
  );
  return parts.join('\n\n');
}

function sizeTable(rows: readonly Measurement[]): string {
  const targets = [...new Set(rows.map((row) => row.target))].sort((s, t) => t - s);
  const keys = [...new Set(rows.map((row) => `${row.family}, ${row.eps}`))];
  const lines = keys.map((name) => {
    const here = rows.filter((row) => `${row.family}, ${row.eps}` === name);
    const at = (target: number, ours: boolean) => here.find((row) => row.target === target && (row.solver === OURS) === ours);
    const stats = at(SHOWN.target, true)?.stats;
    const cell = (row: Measurement | undefined): string => (row === undefined ? '' : row.seconds === null ? 'no' : seconds(row.seconds));
    return [
      name,
      ...targets.map((target) => cell(at(target, true))),
      cell(at(SHOWN.target, false)),
      stats === undefined ? '' : `${stats['matrixPasses']} + ${stats['exponentialPasses']}`,
      String(stats?.['threads'] ?? ''),
    ];
  });
  const shown = power(SHOWN.target);
  return table(['family, ε', ...targets.map(power), `from points, ${shown}`, `passes, ${shown}`, 'threads'], lines);
}

function complaint({ family, n, eps, target, solver, note, error, spent }: Measurement): string {
  const reached = error === null ? '' : `, true error ${error.toExponential(1)}`;
  return `- ${family}, n = ${n}, ε = ${eps}, ${power(target)} (${solver}): ${note}${reached}${spent === undefined ? '' : `, after ${seconds(spent)}`}`;
}

function largeSection(results: Results): string {
  const lines = results.measurements.map((row) => [
    `${row.family}, ${row.eps}`,
    String(row.n),
    power(row.target),
    row.seconds === null ? `no: ${row.note}` : seconds(row.seconds),
    row.error === null ? '–' : row.error.toExponential(1),
    `${row.stats?.['peakMiB'] ?? '–'} MiB`,
  ]);
  return [
    `## From points, no matrix of costs\n\n${provenance(results)}`,
    'Each cell in a process of its own; the peak is that of the whole process, the true error is recomputed over all pairs.',
    table(['family, ε', 'n', 'error', 'time', 'true error', 'peak memory'], lines),
  ].join('\n\n');
}
