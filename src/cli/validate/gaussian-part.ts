import type { BridgeProblem } from '../../couplings/bridge-problem.ts';
import { errorBudget } from '../../diagnostics/error-budget.ts';
import { diffusionBridge } from '../../diffusion/diffusion-bridge.ts';
import type { TrainingOptions } from '../../diffusion/training-options.ts';
import type { DriftModelSpec } from '../../drifts/drift-model.ts';
import { driftModels } from '../../drifts/drift-models.ts';
import { gaussianBridge } from '../../gaussian/gaussian-bridge.ts';
import { gaussianIpf } from '../../gaussian/gaussian-ipf.ts';
import { plotErrorBudget } from '../../plot/plot-error-budget.ts';
import { plotMarginals } from '../../plot/plot-marginals.ts';
import { check } from '../../report/report.ts';
import type { ProgressLine } from '../progress-line.ts';
import { freshTrend, largestPart } from './budget.ts';
import type { Part } from './static-part.ts';

/** How long the main job trains. */
export interface Effort {
  readonly iterations: number;
  readonly innerSteps: number;
  readonly hidden: readonly number[];
  /** Paths behind the laws of networks in the budget. */
  readonly budgetPaths: number;
  /** Largest fresh regression error that passes, in units of the target. */
  readonly freshLimit: number;
  /** Largest BW²-UVP of the arrival at the target sample, in percent. */
  readonly arrivalLimit: number;
}

/** (c) DSB between the two Gaussians, judged against ground truth at every half-step: the linear control, and the network. */
export async function gaussianPart(problem: BridgeProblem, effort: Effort, seed: number, progress: ProgressLine): Promise<Part> {
  const { iterations } = effort;
  // Both regress the end point, the best of the targets of IPF.
  const target = 'endpoint';
  const drift = driftModels.linear();
  const control = await diffusionBridge(problem, { iterations, target, drift, innerSteps: 400, cache: 20_000, seed });
  const controlBudget = await errorBudget(control);
  const run = await diffusionBridge(problem, {
    ...networkTraining('(c) DSB between the Gaussians', effort, seed, progress),
    target,
  });
  const budget = await errorBudget(run, {
    paths: effort.budgetPaths,
    onProgress: (share) => progress.step('(c) error budget', share),
  });
  const rate = gaussianIpf(problem).rate;
  const first = largestPart(budget, problem, 'ipf', 1);
  const last = largestPart(budget, problem, 'ipf', 2 * iterations - 1);
  const unit = 'in units of the target (standard deviation for means, variance for covariances)';
  return {
    checks: [
      check(
        'linear control: fresh regression error',
        largestPart(controlBudget, problem, 'regressionFresh'),
        0.06,
        `Least squares learns every half-step, ${unit}.`,
      ),
      check(
        'network: fresh regression error',
        largestPart(budget, problem, 'regressionFresh'),
        effort.freshLimit,
        `The network learns every half-step nearly as well as perfect regression would, ${unit}.`,
      ),
      check('network: trend of the fresh error', freshTrend(budget), 1, 'The regression does not get worse from half-step to half-step.'),
      check('IPF error left, relative', last / first, 2 * rate ** (iterations - 1), 'Iteration removes error at the predicted rate ρ².'),
    ],
    figures: [
      {
        title: 'Error budget of the learned bridge',
        caption:
          'Every line is one cause of error. IPF falls at the rate ρ² until the regression error, which should stay flat, is all that is left beside the time grid.',
        svg: await plotErrorBudget(budget),
      },
      {
        title: 'Marginals over time',
        caption: 'Dots and solid ellipses: the learned bridge. Dashed: the exact one. They lie on each other where learning worked.',
        svg: await plotMarginals(run, { against: gaussianBridge(problem), coordinates: [0, 3], labels: ['beak length', 'body mass'] }),
      },
    ],
    results: { gaussian: { digest: run.digest, warnings: run.warnings, budget: budget.rows, control: controlBudget.rows } },
  };
}

/** A network that predicts end points in units of their noise, which all times share. */
export function endpointNetwork({ hidden }: Effort): DriftModelSpec {
  return driftModels.mlp({ hidden, outputScale: 'noise' });
}

/** How the main job trains: with a line of progress, the network alone unless another drift is given. */
export function networkTraining(
  title: string,
  effort: Effort,
  seed: number,
  progress: ProgressLine,
  drift: DriftModelSpec = endpointNetwork(effort),
): TrainingOptions & { readonly iterations: number } {
  return {
    iterations: effort.iterations,
    innerSteps: effort.innerSteps,
    drift,
    seed,
    onProgress: progress.training(title),
  };
}
