import type { Bridge } from '../couplings/bridge.ts';
import { bridgeProblem } from '../couplings/bridge-problem.ts';
import { bwUvp } from '../diagnostics/bw-uvp.ts';
import { type BridgeComparison, compareBridges } from '../diagnostics/compare-bridges.ts';
import { type ErrorBudget, errorBudget } from '../diagnostics/error-budget.ts';
import { hasGaussianBridge } from '../diagnostics/gaussian-theorems.ts';
import { failureLimit, type InapplicableCheck } from '../diagnostics/theorem-check.ts';
import { type TheoremCheckOptions, type TheoremChecks, theoremChecks } from '../diagnostics/theorem-checks.ts';
import type { DiffusionBridge } from '../diffusion/diffusion-run.ts';
import type { MixtureBridge } from '../diffusion/mixture-bridge.ts';
import { DomainError } from '../errors.ts';
import { gaussianBridge } from '../gaussian/gaussian-bridge.ts';
import { weightedMoments } from '../numerics/moments.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';
import { plotErrorBudget } from '../plot/plot-error-budget.ts';
import { plotMarginals } from '../plot/plot-marginals.ts';
import { plotPaths } from '../plot/plot-paths.ts';
import { type TimeGrid, timeGrid } from '../references/time-grid.ts';
import { bridgeTables } from './bridge-tables.ts';
import { type Check, check, type Figure, type Report } from './report.ts';

/** Options of `bridgeReport`. */
export interface BridgeReportOptions {
  /** @defaultValue the kinds of the marginals */
  readonly title?: string;
  /** Paragraphs after the one that says what the bridge is. @defaultValue none */
  readonly summary?: readonly string[];
  /** Seed of everything that is drawn for the report. @defaultValue that of the run, or 0 */
  readonly seed?: number;
  /** The exact drift where it is known, for `theoremChecks`. @defaultValue none */
  readonly truth?: TheoremCheckOptions['truth'];
  /** Paths behind the laws of networks in the error budget. @defaultValue 20 000 */
  readonly budgetPaths?: number;
  /** Names and versions for the last line. @defaultValue none */
  readonly versions?: Readonly<Record<string, string>>;
}

/** Largest distance of the arrival from the target that passes, in percent of BW²-UVP, and as a share of the mass. */
const ARRIVAL_LIMIT = { 'bw2-uvp': 5, l1: 0.05 } as const;
/** Largest BW²-UVP in percent between the forward and the backward law in the middle, and of a plan from the exact one. */
const DISAGREEMENT_LIMIT = 5;
const PLAN_LIMIT = 5;
/** Paths of either law of a learned pair, and of a bridge that knows its marginals in closed form. */
const JUDGED_PATHS = 20_000;
const FEWER_PATHS = 4000;
/** Steps of paths where the bridge has no grid of its own. */
const STEPS = 50;

/**
 * The report of a bridge, whoever made it: where it arrives, how far its forward and its backward law are apart, what theory says of it
 * (`theoremChecks`; those that do not apply are listed with the reason), between Gaussians the distance from the exact bridge and the error
 * taken apart (`errorBudget`), and pictures of marginals and paths.
 *
 * A theorem check that only warns does not fail. No wall-clock time enters but that of the training: the same run is reported the same again.
 *
 * @param bridge any `Bridge`: trained, mixture, Gaussian, Sinkhorn, or one's own
 * @returns a report for `writeReport`, `reportHtml`, `reportJson`
 * @throws DomainError when `bridge` is none, or on an unknown option
 * @example
 * ```ts
 * import { bridgeProblem, brownian, gaussianBridge, gaussianMarginal } from 'viaduct';
 * import { bridgeReport, reportHtml } from 'viaduct/report';
 * const at = (m: number) => gaussianMarginal({ mean: [m], covariance: 1 });
 * const bridge = gaussianBridge(bridgeProblem({ source: at(-1), target: at(1), reference: brownian({ sigma: 1 }) }));
 * const report = await bridgeReport(bridge);
 * console.log(report.checks.every(({ ok }) => ok), reportHtml(report).includes('<svg')); // → true true
 * ```
 */
export async function bridgeReport(bridge: Bridge | DiffusionBridge | MixtureBridge, options: BridgeReportOptions = {}): Promise<Report> {
  requireKnownOptions('bridgeReport', options, ['title', 'summary', 'seed', 'truth', 'budgetPaths', 'versions']);
  if (typeof bridge?.simulate !== 'function' || typeof bridge.marginalAt !== 'function') {
    throw new DomainError(
      'bridgeReport: this is no bridge, it has no simulate and marginalAt; pass what gaussianBridge or diffusionBridge returned, say',
    );
  }
  const run = isTrained(bridge) ? bridge : undefined;
  const made = run ?? (isMixture(bridge) ? bridge : undefined);
  const { source, target, reference } = bridge;
  const problem = made?.problem ?? bridgeProblem({ source, target, reference });
  const seed = options.seed ?? made?.options.seed ?? 0;
  const random = randomSource(seed).split('report');
  const grid = run?.options.grid ?? timeGrid.uniform({ steps: STEPS, horizon: reference.horizon });
  const disagreement = disagreementOf(bridge, run, grid, random);
  const gaussian = hasGaussianBridge(problem);
  // What a score model learns is the reference backward, no bridge.
  const exact = gaussian && (run === undefined || twoLaws(run)) ? gaussianBridge(problem) : undefined;
  const comparison = exact && compareBridges(bridge, exact, { random: random.split('compare') });
  const budget = gaussian ? await budgetOf(made, options.budgetPaths ?? 20_000) : undefined;
  const theorems = await judgedByTheory(bridge, run, options.truth, random);
  return {
    title: options.title ?? `Bridge: ${source.kind} to ${target.kind}`,
    summary: [description(bridge, run), ...(options.summary ?? []), ...(made?.warnings ?? [])],
    tables: bridgeTables(comparison, budget, theorems.inapplicable),
    seconds: run?.halfSteps.reduce((sum, { seconds }) => sum + seconds, 0) ?? (isMixture(bridge) ? bridge.seconds : 0),
    seed,
    versions: options.versions ?? {},
    checks: [...lawChecks(bridge, disagreement, comparison), ...theorems.lines],
    figures: await figuresOf(bridge, { grid, budget, exact, random }),
    results: {
      ...(made === undefined ? { kind: bridge.kind } : { digest: made.digest, status: made.status }),
      dimension: source.dimension,
      halfSteps: run?.halfSteps.map(({ direction, loss, seconds }) => ({ direction, loss, seconds })) ?? [],
      marginalError: bridge.marginalError(),
      ...(disagreement === undefined ? {} : { disagreement }),
      ...(comparison === undefined ? {} : { comparison }),
      ...(budget === undefined ? {} : { budget: budget.rows }),
      inapplicable: theorems.inapplicable,
      warnings: made?.warnings ?? [],
    },
  };
}

function isTrained(bridge: Bridge | DiffusionBridge | MixtureBridge): bridge is DiffusionBridge {
  return typeof (bridge as Partial<DiffusionBridge>).chain === 'function';
}

function isMixture(bridge: Bridge | DiffusionBridge | MixtureBridge): bridge is MixtureBridge {
  return bridge.kind === 'mixture-bridge' && (bridge as Partial<MixtureBridge>).options !== undefined;
}

/** Whether a drift was learned for either direction. */
function twoLaws(run: DiffusionBridge): boolean {
  return run.halfSteps.length > 1 || (run.halfSteps.length === 0 && ifKnown(() => run.direction('backward')) !== undefined);
}

/** A finished run of the first half-step alone, whose law is the backward one. */
function isScoreModel(bridge: Bridge): boolean {
  return isTrained(bridge) && bridge.scheme === 'scoreModel' && bridge.halfSteps.length === 1;
}

function description(bridge: Bridge, run: DiffusionBridge | undefined): string {
  const { source, target, reference } = bridge;
  const ends = `over ${reference.kind}, ${source.kind} to ${target.kind} in ${source.dimension} dimensions`;
  if (run === undefined) return `${bridge.kind} ${ends}.`;
  const { grid, target: regressed, drift } = run.options;
  return `${run.scheme}, target ${regressed}, drift ${drift.kind}, ${run.halfSteps.length} half-steps of ${grid.steps} steps, ${ends}.`;
}

/** BW²-UVP in percent between the forward and the backward law in the middle; absent where one of them is. */
function disagreementOf(bridge: Bridge, run: DiffusionBridge | undefined, grid: TimeGrid, random: RandomSource): number | undefined {
  const middle = bridge.reference.horizon / 2;
  if (run !== undefined) {
    if (!twoLaws(run)) return undefined;
    const [forward, backward] = (['forward', 'backward'] as const).map((direction) =>
      weightedMoments(run.direction(direction).marginalAt(middle).sample(JUDGED_PATHS, random.split(direction))),
    );
    return bwUvp(forward!, backward!);
  }
  const half = Math.floor(grid.steps / 2);
  const paths = ifKnown(() => bridge.simulate({ count: FEWER_PATHS, grid, random: random.split('backward'), direction: 'backward' }));
  const ahead = bridge.marginalAt(grid.times[half]!);
  return paths && bwUvp(weightedMoments(paths.points[half]!), { mean: ahead.mean(), covariance: ahead.covariance() });
}

/** What a bridge refuses to tell is absent from its report. */
function ifKnown<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof DomainError) return undefined;
    throw error;
  }
}

/** The error taken apart, of the schemes for which it can be. */
async function budgetOf(made: DiffusionBridge | MixtureBridge | undefined, paths: number): Promise<ErrorBudget | undefined> {
  if (made === undefined || (made.kind === 'diffusion-bridge' && made.startingPairs === 'minibatch')) return undefined;
  return errorBudget(made, { paths });
}

function lawChecks(bridge: Bridge, disagreement: number | undefined, comparison: BridgeComparison | undefined): Check[] {
  const { metric, ...errors } = bridge.marginalError();
  const [free, start] = isScoreModel(bridge) ? (['source', 'target'] as const) : (['target', 'source'] as const);
  const [unit, meaning] =
    metric === 'l1'
      ? ['L1', `Weights of the plan at the ${free}, against those prescribed.`]
      : ['BW²-UVP in %', `Means and covariances of the process from the ${start} at its end, against those of the ${free}.`];
  const checks = [check(`arrival at the ${free}, ${unit}`, errors[free], ARRIVAL_LIMIT[metric], meaning)];
  if (disagreement !== undefined) {
    checks.push(
      check(
        'disagreement of the two laws, BW²-UVP in %',
        disagreement,
        DISAGREEMENT_LIMIT,
        'The forward process from the source and the backward process from the target, compared in the middle: equal for a finished bridge.',
      ),
    );
  }
  if (comparison !== undefined) {
    checks.push(
      check(
        'plan against the exact one, conditional BW²-UVP in %',
        comparison.conditionalBwUvp,
        PLAN_LIMIT,
        'Where points of the source go, against the closed form between Gaussians.',
      ),
    );
  }
  return checks;
}

/** What theory says of the bridge, and of what it says nothing. */
interface Theorems {
  readonly lines: readonly Check[];
  readonly inapplicable: readonly InapplicableCheck[];
}

async function judgedByTheory(
  bridge: Bridge,
  run: DiffusionBridge | undefined,
  truth: BridgeReportOptions['truth'],
  random: RandomSource,
): Promise<Theorems> {
  if (run !== undefined && !twoLaws(run) && !isScoreModel(run)) {
    const reason = 'the run was stopped before both directions were learned; resume it, or give it more time';
    return { lines: [], inapplicable: [{ name: 'theoremChecks', reason }] };
  }
  const checks = await theoremChecks(bridge, { random: random.split('theorems'), ...(truth === undefined ? {} : { truth }) });
  return { lines: theoremLines(checks), inapplicable: checks.inapplicable };
}

/** Under the same verdict: what a good run stays under is the goal. */
function theoremLines(checks: TheoremChecks): Check[] {
  return checks.map(({ name, value, limit, meaning }) => check(name, value, failureLimit(limit), meaning, { goal: limit }));
}

interface Drawn {
  readonly grid: TimeGrid;
  readonly budget: ErrorBudget | undefined;
  readonly exact: Bridge | undefined;
  readonly random: RandomSource;
}

async function figuresOf(bridge: Bridge, { grid, budget, exact, random }: Drawn): Promise<Figure[]> {
  const figures: Figure[] = [];
  const against = exact === undefined || bridge.kind === 'gaussian-bridge' ? {} : { against: exact };
  if (budget?.rows.some(({ halfStep }) => halfStep > 1)) {
    figures.push({
      title: 'Error budget',
      caption: 'Every line is one cause of error, root mean square over the moments of both ends.',
      svg: await plotErrorBudget(budget),
    });
  }
  if (bridge.source.dimension > 1) {
    figures.push({
      title: 'Marginals over time',
      caption: `Samples of the process from the source to the target, with the ellipses of their second moments${'against' in against ? '; dashed: the exact ones' : ''}.`,
      svg: await plotMarginals(bridge, against),
    });
  }
  const direction = isScoreModel(bridge) ? 'backward' : 'forward';
  const paths = bridge.simulate({ count: 60, grid, random: random.split('paths'), direction });
  figures.push({ title: 'Paths', caption: `Sixty paths of the ${direction} process, first coordinate.`, svg: await plotPaths(paths) });
  return figures;
}
