import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { Coupling } from '../couplings/coupling.ts';
import { bridgeMatching } from '../diffusion/bridge-matching.ts';
import { diffusionBridge } from '../diffusion/diffusion-bridge.ts';
import type { DiffusionBridge } from '../diffusion/diffusion-run.ts';
import { sinkhornFlowMatching } from '../diffusion/sinkhorn-flow-matching.ts';
import type { TrainingOptions } from '../diffusion/training-options.ts';
import { driftModels } from '../drifts/drift-models.ts';
import { takeRows } from '../numerics/points.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import type { TimeGrid } from '../references/time-grid.ts';

/** A recipe of the two-dimensional table; networks only. */
export interface ToyRecipe {
  readonly hidden: readonly number[];
  readonly batchSize: number;
  /** Training steps of each direction, of all iterations together. */
  readonly steps: number;
  readonly cache: number;
  readonly iterations: { readonly ipf: number; readonly imf: number };
  /** Pairs of the plan that flow matching draws from. */
  readonly pairs: number;
}

/** What is handed to a method. */
export interface ToyTask {
  readonly problem: BridgeProblem;
  readonly grid: TimeGrid;
  /** The entropic plan of the training samples. */
  readonly plan: Coupling;
  readonly recipe: ToyRecipe;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
  readonly onShare: (share: number) => void;
}

/** The methods of the table. */
export const TOY_METHODS: readonly { readonly name: string; readonly train: (task: ToyTask) => Promise<DiffusionBridge> }[] = [
  {
    name: 'diffusionBridge, endpoint',
    train: (task) => {
      const iterations = task.recipe.iterations.ipf;
      return diffusionBridge(task.problem, { ...shared(task, iterations), target: 'endpoint', iterations });
    },
  },
  {
    name: 'bridgeMatching',
    train: (task) => {
      const iterations = task.recipe.iterations.imf;
      return bridgeMatching(task.problem, { ...shared(task, iterations), iterations });
    },
  },
  {
    name: 'sinkhornFlowMatching',
    train: (task) =>
      sinkhornFlowMatching(task.problem, { ...shared(task, 1), coupling: pool(task.plan, task.recipe.pairs, randomSource(task.seed)) }),
  },
];

function shared({ grid, recipe, seed, signal, onShare }: ToyTask, iterations: number): TrainingOptions {
  const { hidden, batchSize, cache, steps } = recipe;
  return {
    grid,
    drift: driftModels.mlp({ hidden, activation: 'silu', residual: true, ema: 0.998 }),
    batchSize,
    innerSteps: Math.max(1, Math.round(steps / iterations)),
    learningRate: 3e-3,
    cache,
    seed,
    ...(signal === undefined ? {} : { signal }),
    onProgress: ({ halfStep, halfSteps, step, steps: all }) => onShare((halfStep - 1 + step / all) / halfSteps),
  };
}

/** The plan through pairs drawn once: its conditional laws cost n² each time that they are asked for. */
function pool(plan: Coupling, pairs: number, random: RandomSource): Coupling {
  const { x, y } = plan.sample(pairs, random.split('pairs of the plan'));
  return {
    ...plan,
    sample(count, source) {
      const rows = Array.from({ length: count }, () => source.integer(pairs));
      return { x: takeRows(x, rows), y: takeRows(y, rows) };
    },
  };
}
