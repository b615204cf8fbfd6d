import { type BridgeProblem, bridgeProblem } from '../../couplings/bridge-problem.ts';
import { type ErrorBudget, errorBudget } from '../../diagnostics/error-budget.ts';
import { diffusionBridge } from '../../diffusion/diffusion-bridge.ts';
import type { TrainingTarget } from '../../diffusion/regression-target.ts';
import { driftModels } from '../../drifts/drift-models.ts';
import { gaussianMarginal } from '../../marginals/gaussian-marginal.ts';
import { studentQuantile } from '../../numerics/student.ts';
import { brownian } from '../../references/brownian.ts';
import { timeGrid } from '../../references/time-grid.ts';
import { type Check, check, type Report } from '../../report/report.ts';
import type { ProgressLine } from '../progress-line.ts';
import { versions } from '../versions.ts';
import { freshTrend, largestPart } from './budget.ts';
import type { ValidateOptions } from './validate-command.ts';

/** Options with `--dimension`. */
export type DimensionOptions = ValidateOptions & { readonly dimension: number };

const TARGETS: readonly TrainingTarget[] = ['mean', 'drift', 'simple', 'moment', 'endpoint'];
const SEEDS = 16;
const STEPS = 20;

/**
 * The Gaussian error budget in dimension d, for N(∓0.1·1, I), Brownian σ = 1, 20 steps: every target with the linear model over 16 seeds,
 * and `mean` with the network.
 */
export async function dimensionReport(options: DimensionOptions, progress: ProgressLine): Promise<Report> {
  const start = performance.now();
  const { dimension, seed } = options;
  const iterations = options.iterations ?? 3;
  const at = (mean: number) => gaussianMarginal({ mean: new Float64Array(dimension).fill(mean), covariance: 1 });
  const problem = bridgeProblem({ source: at(-0.1), target: at(0.1), reference: brownian({ sigma: 1 }) });
  const grid = timeGrid.uniform({ steps: STEPS });
  const checks: Check[] = [];
  const budgets: { target: TrainingTarget; drift: string; rows: ErrorBudget['rows'] }[] = [];
  for (const target of TARGETS) {
    progress.step(`linear(), target ${target}: ${SEEDS} seeds`);
    const run = await diffusionBridge(problem, {
      iterations,
      grid,
      target,
      drift: driftModels.linear(),
      batchSize: 1000,
      innerSteps: 40,
      cache: 1000,
      seed,
    });
    const seeds = Array.from({ length: SEEDS - 1 }, (_, i) => seed + i + 1);
    const budget = await errorBudget(run, {
      seeds,
      onProgress: (share) => progress.step(`linear(), target ${target}: error budget`, share),
    });
    const { largest, moments } = largestScore(budget);
    const limit = studentQuantile(1 - 0.005 / moments, SEEDS - 1);
    checks.push(
      check(
        `linear(), ${target}: largest |z| of ${moments} moments`,
        largest,
        limit,
        'Learned moments agree with perfect regression to sampling error.',
      ),
    );
    budgets.push({ target, drift: 'linear', rows: budget.rows });
  }
  const { budget, trend } = await networkBudget(problem, iterations, seed, progress);
  checks.push(
    check(
      'network, mean: fresh regression error',
      largestPart(budget, problem, 'regressionFresh'),
      0.02,
      'In units of the target: standard deviation for means, variance for covariances.',
    ),
    check('network, mean: trend of the fresh error', trend, 1, 'The regression does not get worse from half-step to half-step.'),
  );
  budgets.push({ target: 'mean', drift: 'mlp', rows: budget.rows });
  return {
    title: `Gaussian error budget, d = ${dimension}`,
    summary: [],
    seconds: (performance.now() - start) / 1000,
    seed,
    versions: versions(),
    checks,
    figures: [],
    results: { dimension, iterations, budgets },
  };
}

async function networkBudget(
  problem: BridgeProblem,
  iterations: number,
  seed: number,
  progress: ProgressLine,
): Promise<{ budget: ErrorBudget; trend: number }> {
  const run = await diffusionBridge(problem, {
    iterations,
    target: 'mean',
    grid: timeGrid.uniform({ steps: STEPS }),
    drift: driftModels.mlp({ hidden: [64, 64] }),
    seed,
    onProgress: progress.training('network'),
  });
  const budget = await errorBudget(run, {
    paths: 50_000,
    onProgress: (share) => progress.step('network: error budget', share),
  });
  return { budget, trend: freshTrend(budget) };
}

/** The largest |z| of learned − perfect over the moments that are learned at all; those fixed by the start have no error and no spread. */
function largestScore({ rows }: ErrorBudget): { largest: number; moments: number } {
  let largest = 0;
  let moments = 0;
  for (const row of rows) {
    row.standardError.forEach((error, i) => {
      if (!(error > 1e-12)) return;
      moments++;
      largest = Math.max(largest, Math.abs(row.regressionFresh[i]! + row.regressionAccumulated[i]!) / error);
    });
  }
  return { largest, moments };
}
