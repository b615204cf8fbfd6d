import type { Cost } from '../costs/cost.ts';
import { type Coupling, type EntropicProblem, entropicProblem, transportProblem } from '../couplings/index.ts';
import type { DiscreteCoupling } from '../discrete/discrete-coupling.ts';
import { exactTransport } from '../discrete/exact-transport.ts';
import { sinkhornAsync } from '../discrete/sinkhorn.ts';
import type { Method } from '../discrete/solver.ts';
import { formatCsv } from '../io/csv.ts';
import { readTable, writeFileAtomic } from '../io/files.ts';
import { formatNpy } from '../io/npy.ts';
import { type DiscreteMarginal, discreteMarginal } from '../marginals/discrete-marginal.ts';
import { type Points, takeRows, wrapPoints } from '../numerics/points.ts';
import { plotCoupling } from '../plot/plot-coupling.ts';
import { type CommonOptions, makeConsole, type Streams, UsageError } from './console.ts';
import { parseCost } from './cost-option.ts';

/** Options of `exact`, and those that `plan` shares with it. */
export interface TransportOptions extends CommonOptions {
  readonly source: string;
  readonly target: string;
  readonly cost: string;
  readonly weightsColumn?: string;
  readonly out?: string;
  readonly map?: string;
  readonly plot?: string;
}

/** Options of `plan`. */
export interface PlanOptions extends TransportOptions {
  readonly epsilon: number;
  readonly ofMeanCost: boolean;
  readonly tolerance: number;
  readonly maxIterations: number;
  readonly timeLimit?: number;
  readonly method: Method;
  readonly threads?: number;
  readonly sourcePenalty?: number;
  readonly targetPenalty?: number;
  readonly mass?: number;
}

/** `viaduct plan`: the entropic plan between two files of points. */
export async function planCommand(options: PlanOptions, streams: Streams): Promise<number> {
  const console = makeConsole(streams, options);
  const marginals = constraints(options);
  const { source, target, columns, cost } = await readSides(options, marginals === undefined);
  const epsilon = options.ofMeanCost ? { ofMeanCost: options.epsilon } : options.epsilon;
  const problem = entropicProblem({ source, target, cost, epsilon, ...(marginals === undefined ? {} : { marginals }) });
  const coupling = await sinkhornAsync(problem, {
    tolerance: options.tolerance,
    maxIterations: options.maxIterations,
    method: options.method,
    ...(options.timeLimit === undefined ? {} : { timeLimit: options.timeLimit }),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    onProgress: ({ iteration, error }) => {
      if (iteration % 50 === 0) console.progress(`plan: iteration ${iteration}, error ${error.toExponential(2)}`);
    },
  });
  await writeOutputs(options, coupling, columns);
  report(console, options, coupling, { epsilon: problem.epsilon, cost: cost.name });
  return coupling.status === 'converged' ? 0 : 1;
}

/** What is asked of the sides; undefined when both are exact. */
function constraints({ sourcePenalty, targetPenalty, mass, method }: PlanOptions): EntropicProblem['marginals'] | undefined {
  if (mass !== undefined) {
    if (sourcePenalty !== undefined || targetPenalty !== undefined) {
      throw new UsageError('--mass bounds both sides and goes with no penalty; leave out --source-penalty and --target-penalty');
    }
    if (method !== 'auto' && method !== 'lbfgs') {
      throw new UsageError(`--method ${method} moves no part of the mass; pass --method auto or lbfgs with --mass`);
    }
    return { source: 'at-most', target: 'at-most', mass };
  }
  if (sourcePenalty === undefined && targetPenalty === undefined) return undefined;
  return {
    source: sourcePenalty === undefined ? 'exact' : { kl: sourcePenalty },
    target: targetPenalty === undefined ? 'exact' : { kl: targetPenalty },
  };
}

/** `viaduct exact`: the optimal plan between two files of points. */
export async function exactCommand(options: TransportOptions, streams: Streams): Promise<number> {
  const console = makeConsole(streams, options);
  const { source, target, columns, cost } = await readSides(options, true);
  console.progress(`exact: ${source.points.count} × ${target.points.count} points`);
  const coupling = exactTransport(transportProblem({ source, target, cost }));
  await writeOutputs(options, coupling, columns);
  report(console, options, coupling, { cost: cost.name });
  return 0;
}

async function readSides(
  options: TransportOptions,
  scaled: boolean,
): Promise<{ source: DiscreteMarginal; target: DiscreteMarginal; columns: readonly string[]; cost: Cost }> {
  const [a, b] = [
    readMarginal('--source', options.source, options.weightsColumn, scaled),
    readMarginal('--target', options.target, options.weightsColumn, scaled),
  ];
  if (a.marginal.dimension !== b.marginal.dimension) {
    throw new UsageError(
      `--target ${options.target} has ${b.marginal.dimension} coordinates, --source ${options.source} has ${a.marginal.dimension}; make them equal`,
    );
  }
  return { source: a.marginal, target: b.marginal, columns: b.columns, cost: await parseCost(options.cost, a.marginal.dimension) };
}

/** Points of a file; the weights column, when named, is taken out and, between exact sides, scaled to mass 1. */
function readMarginal(
  option: string,
  path: string,
  weightsColumn: string | undefined,
  scaled: boolean,
): { marginal: DiscreteMarginal; columns: readonly string[] } {
  const { points, columns } = readTable(path);
  if (weightsColumn === undefined) return { marginal: discreteMarginal({ points }), columns };
  const at = columns.indexOf(weightsColumn);
  if (at < 0)
    throw new UsageError(`--weights-column '${weightsColumn}' is not in ${option} ${path}; its columns are ${columns.join(', ')}`);
  const weights = column(points, at);
  const total = weights.reduce((sum, w) => sum + w, 0);
  const rest = columns.filter((_, k) => k !== at);
  if (rest.length === 0)
    throw new UsageError(`--weights-column '${weightsColumn}' is the only column of ${option} ${path}; add coordinates`);
  const coordinates = Float64Array.from({ length: points.count * rest.length }, (_, i) => {
    const k = i % rest.length;
    return points.data[Math.floor(i / rest.length) * columns.length + (k < at ? k : k + 1)]!;
  });
  const marginal = discreteMarginal({
    points: wrapPoints(coordinates, rest.length),
    weights: weights.map((w) => (scaled && total > 0 ? w / total : w)),
  });
  return { marginal, columns: rest };
}

function column(points: Points, k: number): Float64Array {
  return Float64Array.from({ length: points.count }, (_, i) => points.data[i * points.dimension + k]!);
}

/** Everything is computed before the first file is written. */
async function writeOutputs({ out, map, plot }: TransportOptions, coupling: DiscreteCoupling, columns: readonly string[]): Promise<void> {
  const files: [string, Uint8Array | string][] = [];
  if (out !== undefined) files.push([out, formatPlan(out, coupling)]);
  if (map !== undefined) files.push([map, formatMap(map, coupling, columns)]);
  if (plot !== undefined) {
    if (!plot.endsWith('.svg')) throw new UsageError(`--plot ${plot}: pictures are SVG; name the file .svg`);
    const labels: [string, string] = [columns[0]!, columns[Math.min(1, columns.length - 1)]!];
    files.push([plot, `${await plotCoupling(coupling, { labels })}\n`]);
  }
  for (const [path, contents] of files) writeFileAtomic(path, contents);
}

function formatPlan(path: string, coupling: DiscreteCoupling): Uint8Array | string {
  const plan = coupling.plan();
  const data = Float64Array.from(plan.to1DArray());
  if (path.endsWith('.npy')) return formatNpy({ data, shape: [plan.rows, plan.columns] });
  if (path.endsWith('.csv'))
    return formatCsv(
      wrapPoints(data, plan.columns),
      Array.from({ length: plan.columns }, (_, j) => `y${j + 1}`),
    );
  throw new UsageError(`--out ${path}: unknown kind of file; name it .npy or .csv`);
}

/** The barycentric map: where each source point goes on average. */
function formatMap(path: string, coupling: DiscreteCoupling & Coupling, columns: readonly string[]): Uint8Array | string {
  const support = Int32Array.from([...coupling.source.weights.keys()].filter((i) => coupling.source.weights[i]! > 0));
  const mapped = coupling.conditionalMean(takeRows(coupling.source.points, support));
  if (path.endsWith('.csv')) return formatCsv(mapped, columns);
  if (path.endsWith('.npy')) return formatNpy({ data: mapped.data, shape: [mapped.count, mapped.dimension] });
  throw new UsageError(`--map ${path}: unknown kind of file; name it .csv or .npy`);
}

function report(console: ReturnType<typeof makeConsole>, options: TransportOptions, coupling: DiscreteCoupling, extra: object): void {
  const { status, iterations, error, value, warnings, stats } = coupling;
  const points = [coupling.source.points.count, coupling.target.points.count];
  console.json(
    `${JSON.stringify({ ok: status === 'converged', status, iterations, error, value, mass: coupling.mass, points, ...extra, seconds: stats.seconds, threads: stats.threads, seed: options.seed, warnings }, null, 2)}\n`,
  );
  console.result(`${status} after ${iterations} iterations, marginal error ${error.toExponential(2)}, ${stats.seconds.toFixed(2)} s`);
  console.result(`transport cost ${value.linear}, objective in [${value.dual}, ${value.primal}]`);
  for (const warning of warnings) console.result(`warning: ${warning}`);
}
