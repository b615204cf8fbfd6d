import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { bridgeMatching } from '../diffusion/bridge-matching.ts';
import { diffusionBridge } from '../diffusion/diffusion-bridge.ts';
import type { DiffusionBridge } from '../diffusion/diffusion-run.ts';
import type { MinibatchCoupling } from '../diffusion/end-pairs.ts';
import { sinkhornFlowMatching } from '../diffusion/sinkhorn-flow-matching.ts';
import type { TrainingOptions } from '../diffusion/training-options.ts';
import type { DiscreteCoupling } from '../discrete/discrete-coupling.ts';
import { sinkhorn } from '../discrete/sinkhorn.ts';
import { driftModels } from '../drifts/drift-models.ts';
import { randomSource } from '../numerics/random.ts';
import { timeGrid } from '../references/time-grid.ts';
import { pairsOfPlan, systematicPairs } from './plan-pairs.ts';
import { type ShareReport, sharesOf } from './reproduction.ts';

/** How the networks of one method are trained. */
export interface MethodRecipe {
  readonly iterations: number;
  /** Training steps of each direction, of all iterations together. */
  readonly steps: number;
  /** Decay of the average of weights that a half-step ends with. */
  readonly ema: number;
  /** Times at which the networks are trained: a multiple of the steps of simulation. */
  readonly grid: number;
  /** Pairs of ends in a cache. */
  readonly cache: number;
}

/** A recipe of the two-dimensional table; networks only. */
export interface ToyRecipe {
  readonly hidden: readonly number[];
  readonly batchSize: number;
  /** `diffusionBridge`. */
  readonly ipf: MethodRecipe;
  /** `bridgeMatching`, and points a side of the mini-batches whose plans it starts from. */
  readonly imf: MethodRecipe & { readonly minibatch: number };
  /** `sinkhornFlowMatching`, and the partners that are drawn for every point of the source: all pairs are in its cache. */
  readonly flow: Omit<MethodRecipe, 'iterations' | 'cache'> & { readonly partners: number };
}

/** What is handed to a method. */
export interface ToyTask {
  readonly problem: BridgeProblem;
  /** The entropic plan of the training samples. */
  readonly plan: DiscreteCoupling;
  readonly recipe: ToyRecipe;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
  readonly onShare: ShareReport;
}

/** A method of the table. */
export interface ToyMethod {
  /** How options name it. */
  readonly key: string;
  readonly name: string;
  readonly train: (task: ToyTask) => Promise<DiffusionBridge>;
}

/** The methods of the table. */
export const TOY_METHODS: readonly ToyMethod[] = [
  {
    key: 'diffusionBridge',
    name: 'diffusionBridge, endpoint',
    train: (task) => {
      const { ipf } = task.recipe;
      return diffusionBridge(task.problem, { ...shared(task, ipf), target: 'endpoint', iterations: ipf.iterations });
    },
  },
  {
    key: 'bridgeMatching',
    name: 'bridgeMatching',
    train: (task) => {
      const { imf } = task.recipe;
      const coupling: MinibatchCoupling = (_x, _y, problem) => sinkhorn(problem, { tolerance: 1e-3 });
      return bridgeMatching(task.problem, { ...shared(task, imf), coupling, minibatch: imf.minibatch, iterations: imf.iterations });
    },
  },
  {
    key: 'sinkhornFlowMatching',
    name: 'sinkhornFlowMatching',
    train: (task) => {
      const { flow } = task.recipe;
      const pairs = systematicPairs(task.plan, flow.partners, randomSource(task.seed).split('pairs of the plan'));
      // All pairs in one cache: none is seen at every time before others are seen at all.
      const options = shared(task, { ...flow, iterations: 1, cache: pairs.x.count });
      return sinkhornFlowMatching(task.problem, { ...options, coupling: pairsOfPlan(task.plan, pairs) });
    },
  },
];

function shared({ recipe, seed, signal, onShare }: ToyTask, { iterations, steps, ema, grid, cache }: MethodRecipe): TrainingOptions {
  const { hidden, batchSize } = recipe;
  return {
    grid: timeGrid.uniform({ steps: grid }),
    drift: driftModels.mlp({ hidden, activation: 'silu', residual: true, outputScale: 'noise', ema }),
    batchSize,
    innerSteps: Math.max(1, Math.round(steps / iterations)),
    learningRate: 3e-3,
    cache,
    seed,
    ...(signal === undefined ? {} : { signal }),
    onProgress: sharesOf(onShare),
  };
}

/** The recipe in words. */
export function recipeNote({ hidden, batchSize, ipf, imf, flow }: ToyRecipe): string {
  const trained = ({ steps, grid }: Pick<MethodRecipe, 'steps' | 'grid'>): string => `${steps} steps a direction at ${grid} times`;
  return [
    `Ours: residual networks ${hidden.join('-')}, SiLU, in units that grow with the noise of the targets, batch ${batchSize}.`,
    `diffusionBridge: ${ipf.iterations} iterations, ${trained(ipf)}, caches of ${ipf.cache} paths.`,
    `bridgeMatching: from Sinkhorn plans of mini-batches of ${imf.minibatch}, ${imf.iterations} iterations, ${trained(imf)}, caches of ${imf.cache} paths.`,
    `sinkhornFlowMatching: ${trained(flow)}, from ${flow.partners} partners of every training point, drawn from the full Sinkhorn plan.`,
  ].join(' ');
}
