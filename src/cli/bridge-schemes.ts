import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { staticProblem } from '../couplings/static-problem.ts';
import { bridgeMatching } from '../diffusion/bridge-matching.ts';
import type { GaussianBase } from '../diffusion/default-drift.ts';
import { diffusionBridge } from '../diffusion/diffusion-bridge.ts';
import type { DiffusionBridge } from '../diffusion/diffusion-run.ts';
import { type MixtureBridge, mixtureBridge } from '../diffusion/mixture-bridge.ts';
import { type ScoreModel, scoreModel } from '../diffusion/score-model.ts';
import { type FlowMatchingOptions, sinkhornFlowMatching } from '../diffusion/sinkhorn-flow-matching.ts';
import type { TrainingOptions } from '../diffusion/training-options.ts';
import { sinkhorn } from '../discrete/sinkhorn.ts';
import { directoryCheckpoint } from '../io/directory-checkpoint.ts';
import { isDiscrete } from '../marginals/discrete-marginal.ts';
import { timeGrid } from '../references/time-grid.ts';
import { UsageError } from './console.ts';
import { type DriftOptions, driftOf } from './drift-engine.ts';
import type { ProgressLine } from './progress-line.ts';

/** How `bridge` makes its bridge: targets of IPF, and the other schemes of the field. */
export const SCHEMES = ['endpoint', 'mean', 'drift', 'simple', 'moment', 'matching', 'flow', 'score', 'mixture'] as const;
export type Scheme = (typeof SCHEMES)[number];

/** What `--scheme` may be. */
export const SCHEME_HELP =
  'endpoint, mean, drift, simple, moment: what DSB (iterative proportional fitting) regresses; matching: bridge matching; flow: Schrödinger flow matching; score: a score model, from target to source; mixture: a light bridge in closed form';

/** What `--covariance` may be: for a mixture, and for target `moment`. */
const OF_MIXTURE = ['diagonal', 'full'] as const;
const OF_MOMENT = ['constant', 'network'] as const;
type Covariance = (typeof OF_MIXTURE)[number] | (typeof OF_MOMENT)[number];

/** What of the command line a scheme is made from; absent is the scheme's own default. */
export interface SchemeOptions extends DriftOptions {
  readonly scheme: Scheme;
  readonly seed: number;
  readonly iterations?: number;
  readonly innerSteps?: number;
  readonly steps?: number;
  readonly minibatch?: number;
  readonly components?: number;
  readonly covariance?: Covariance;
  readonly checkpoint?: string;
  readonly resume: boolean;
}

const TRAINED = ['innerSteps', 'steps', 'hidden', 'engine', 'networkOnly', 'checkpoint', 'resume'] as const;
const ITERATED = [...TRAINED, 'iterations'] as const;
type SchemeOption = (typeof ITERATED)[number] | 'minibatch' | 'components' | 'covariance';

/** Options that some schemes have and others do not. */
const TAKES: Readonly<Record<Scheme, readonly SchemeOption[]>> = {
  endpoint: ITERATED,
  mean: ITERATED,
  drift: ITERATED,
  simple: ITERATED,
  moment: [...ITERATED, 'covariance'],
  matching: ITERATED,
  flow: [...TRAINED, 'minibatch'],
  score: TRAINED,
  mixture: ['components', 'covariance'],
};

/** Sinkhorn's marginal error of plans that are drawn from: far below what so many pairs can show. */
const PLAN_TOLERANCE = 1e-4;
const BATCH_TOLERANCE = 1e-3;

/** Makes the bridge that is asked for. */
export async function makeBridge(
  problem: BridgeProblem,
  options: SchemeOptions,
  line: ProgressLine,
): Promise<DiffusionBridge | ScoreModel | MixtureBridge> {
  requireTaken(options);
  const { scheme, iterations = 5 } = options;
  if (scheme === 'mixture') return mixture(problem, options, line);
  const training = await trainingOf(problem, options, line);
  if (scheme === 'score') return scoreModel(problem, training);
  if (scheme === 'flow') return sinkhornFlowMatching(problem, { ...training, ...plansOf(problem, options, line) });
  return scheme === 'matching'
    ? bridgeMatching(problem, { ...training, iterations })
    : diffusionBridge(problem, { ...training, iterations, target: scheme, ...shapeOf(options, OF_MOMENT) });
}

/** The covariance that was asked for, one of those that the scheme has. */
function shapeOf<T extends Covariance>({ scheme, covariance }: SchemeOptions, own: readonly T[]): { readonly covariance?: T } {
  if (covariance === undefined) return {};
  if (!own.includes(covariance as T))
    throw new UsageError(`--covariance ${covariance} is not for --scheme ${scheme}; use ${own.join(' or ')}`);
  return { covariance: covariance as T };
}

/** Refuses an option that the scheme has no use for. */
function requireTaken(options: SchemeOptions): void {
  const { scheme } = options;
  const known = new Set(Object.values(TAKES).flat());
  for (const option of known) {
    if (options[option] === undefined || options[option] === false || TAKES[scheme].includes(option)) continue;
    const having = SCHEMES.filter((other) => TAKES[other].includes(option));
    throw new UsageError(
      `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} is for --scheme ${having.join(', ')}, not ${scheme}; leave it out`,
    );
  }
}

async function trainingOf(problem: BridgeProblem, options: SchemeOptions, line: ProgressLine): Promise<TrainingOptions> {
  const { scheme, innerSteps, steps = 20, seed } = options;
  const base: GaussianBase = scheme === 'score' ? 'reference from the moments' : 'gaussian bridge of the moments';
  // End points are predicted in units of their noise; steps of the chain have the same noise everywhere.
  const outputScale = ['endpoint', 'matching', 'flow', 'score'].includes(scheme) ? 'noise' : 'constant';
  const checkpoint = checkpointOf(options);
  return {
    ...(innerSteps === undefined ? {} : { innerSteps }),
    grid: timeGrid.uniform({ steps, horizon: problem.reference.horizon }),
    drift: await driftOf(problem, base, outputScale, options, line),
    seed,
    ...(checkpoint === undefined ? {} : { checkpoint }),
    onProgress: line.training('bridge'),
  };
}

/** Between two files of points their whole plan; otherwise, and where a size is given, plans of mini-batches. */
function plansOf(
  problem: BridgeProblem,
  { minibatch }: SchemeOptions,
  line: ProgressLine,
): Pick<FlowMatchingOptions, 'coupling' | 'minibatch'> {
  if (minibatch === undefined && isDiscrete(problem.source) && isDiscrete(problem.target)) {
    line.step('bridge: entropic plan of the end points');
    return { coupling: sinkhorn(staticProblem(problem), { tolerance: PLAN_TOLERANCE }) };
  }
  return {
    coupling: (_x, _y, endPoints) => sinkhorn(endPoints, { tolerance: BATCH_TOLERANCE }),
    ...(minibatch === undefined ? {} : { minibatch }),
  };
}

function mixture(problem: BridgeProblem, options: SchemeOptions, line: ProgressLine): Promise<MixtureBridge> {
  const { components, seed } = options;
  return mixtureBridge(problem, {
    ...(components === undefined ? {} : { components }),
    ...shapeOf(options, OF_MIXTURE),
    seed,
    onProgress: ({ iteration, loss, error }) =>
      line.step(`bridge: step ${iteration} of EM, loss ${loss.toPrecision(6)}, ${error.toExponential(1)} nats to gain`),
  });
}

/** A folder that holds a run already is not overwritten by accident. */
function checkpointOf({ checkpoint, resume }: SchemeOptions): TrainingOptions['checkpoint'] {
  if (checkpoint === undefined) return undefined;
  const kept = directoryCheckpoint(checkpoint);
  if (!resume && kept.load() !== undefined) {
    throw new UsageError(`--checkpoint ${checkpoint}: the folder holds a run already; pass --resume to go on with it, or another folder`);
  }
  return kept;
}
