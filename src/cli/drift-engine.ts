import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { defaultDrift, type GaussianBase } from '../diffusion/default-drift.ts';
import type { DriftModelSpec } from '../drifts/drift-model.ts';
import { driftModels } from '../drifts/drift-models.ts';
import { BackendUnavailableError } from '../errors.ts';
import { loadTensorFlow } from '../tensorflow/load-tensorflow.ts';
import { UsageError } from './console.ts';
import type { ProgressLine } from './progress-line.ts';

/** What computes a drift: the embedded network, the same one on TensorFlow.js, or a linear model by least squares. */
export const ENGINES = ['mlp', 'tensorflow', 'linear'] as const;
export type Engine = (typeof ENGINES)[number];

/** What the command line says of the drift. */
export interface DriftOptions {
  readonly engine?: Engine;
  readonly hidden?: string;
  readonly networkOnly: boolean;
}

/** The drift that is asked for: alone, or on top of what the moments of the marginals know. */
export async function driftOf(
  problem: BridgeProblem,
  base: GaussianBase,
  outputScale: 'constant' | 'noise',
  options: DriftOptions,
  line: ProgressLine,
): Promise<DriftModelSpec> {
  const model = await modelOf(outputScale, options, line);
  return options.networkOnly ? model : defaultDrift(problem, base, model);
}

async function modelOf(
  outputScale: 'constant' | 'noise',
  { engine = 'mlp', hidden }: DriftOptions,
  line: ProgressLine,
): Promise<DriftModelSpec> {
  if (engine === 'linear') {
    if (hidden !== undefined) throw new UsageError('--hidden is for networks, and --engine linear has none; leave one of them out');
    return driftModels.linear();
  }
  const sizes = hiddenSizes(hidden ?? '64,64');
  if (engine === 'mlp') return driftModels.mlp({ hidden: sizes, outputScale });
  const { tf, backend, refusals } = await tensorflowOrAdvice();
  for (const { name, reason } of refusals) line.note(`--engine tensorflow: ${name} is not used: ${reason}`);
  line.note(`--engine tensorflow: backend ${backend}`);
  return driftModels.tensorflow({ tf, hidden: sizes });
}

/** @throws BackendUnavailableError that says what to install, or to pass */
async function tensorflowOrAdvice(): ReturnType<typeof loadTensorFlow> {
  try {
    return await loadTensorFlow();
  } catch (cause) {
    if (!(cause instanceof BackendUnavailableError)) throw cause;
    throw new BackendUnavailableError(`--engine tensorflow: ${cause.message}, or pass --engine mlp`, { cause });
  }
}

function hiddenSizes(text: string): number[] {
  const sizes = text.split(',').map(Number);
  if (!sizes.every((size) => Number.isInteger(size) && size >= 1)) {
    throw new UsageError(`--hidden '${text}' is no list of layer sizes; pass --hidden 128,128, say`);
  }
  return sizes;
}
