import { join } from 'node:path';
import { type Report, reportJson, writeReport } from '../../report/report.ts';
import { checkCount, checkLines } from '../check-lines.ts';
import { type CommonOptions, makeConsole, type Streams } from '../console.ts';
import { type ProgressLine, progressLine } from '../progress-line.ts';
import { versions } from '../versions.ts';
import { bridgePart, penguinProblem } from './bridge-part.ts';
import { type DimensionOptions, dimensionReport } from './dimension-report.ts';
import { type Effort, gaussianPart } from './gaussian-part.ts';
import { readPenguins } from './penguins.ts';
import { samplePart } from './sample-part.ts';
import { type Part, staticPart } from './static-part.ts';

/** Options of `validate`. */
export interface ValidateOptions extends CommonOptions {
  readonly out: string;
  readonly quick: boolean;
  readonly dimension?: number;
  readonly iterations?: number;
}

const FULL: Effort = { iterations: 4, innerSteps: 1500, hidden: [64, 64], budgetPaths: 40_000, freshLimit: 0.05, arrivalLimit: 1 };
const QUICK: Effort = { iterations: 3, innerSteps: 450, hidden: [64, 64], budgetPaths: 10_000, freshLimit: 0.1, arrivalLimit: 1 };

/** `viaduct validate`: the main job, or with `--dimension` the Gaussian error budget alone. */
export async function validateCommand(options: ValidateOptions, streams: Streams): Promise<number> {
  const console = makeConsole(streams, options);
  const progress = progressLine(console);
  const report =
    options.dimension === undefined ? await mainJob(options, progress) : await dimensionReport(options as DimensionOptions, progress);
  if (options.dimension === undefined) {
    writeReport(options.out, report);
    console.result(`report: ${join(options.out, 'report.html')}`);
  }
  console.json(reportJson(report));
  for (const line of checkLines(report.checks)) console.result(line);
  console.result(`${checkCount(report.checks)}, ${report.seconds.toFixed(1)} s`);
  console.done();
  const failed = report.checks.filter((one) => !one.ok);
  if (failed.length === 0) return 0;
  streams.err(`validate: ${failed.length} of ${report.checks.length} checks fail: ${failed.map((one) => one.name).join('; ')}\n`);
  return 1;
}

/** Learned bridges judged against exact answers on Palmer penguins. */
async function mainJob(options: ValidateOptions, progress: ProgressLine): Promise<Report> {
  const start = performance.now();
  const effort = options.quick ? QUICK : FULL;
  const { seed } = options;
  const penguins = readPenguins();
  progress.step('(a) entropic and exact plan');
  const parts: Part[] = [await staticPart(penguins)];
  progress.step('(b) Gaussian bridge');
  const { problem, sigma } = penguinProblem(penguins);
  parts.push(await bridgePart(problem, sigma, seed));
  parts.push(await gaussianPart(problem, effort, seed, progress));
  parts.push(await samplePart(penguins, problem.reference, effort, seed, progress));
  const { source, target, dropped } = penguins;
  return {
    title: 'Learned Schrödinger bridges, judged against exact answers',
    summary: [
      `Palmer penguins: ${source.count} Adelie to ${target.count} Gentoo, four body measurements in units of their pooled standard deviation; ${dropped} incomplete rows were dropped. Data: Gorman, Williams and Fraser 2014, CC0.`,
      `Reference: Brownian motion with σ = ${sigma} on [0, 1], just wide enough that ρ² ≤ 0.5, so that a few iterations suffice. Networks: ${effort.hidden.join('-')}, ${effort.iterations} iterations, ${effort.innerSteps} training steps a half-step${options.quick ? ' (quick form)' : ''}.`,
    ],
    seconds: (performance.now() - start) / 1000,
    seed,
    versions: versions(),
    checks: parts.flatMap((part) => part.checks),
    figures: parts.flatMap((part) => part.figures),
    results: Object.assign({ penguins: { source: source.count, target: target.count, dropped } }, ...parts.map((part) => part.results)),
  };
}
