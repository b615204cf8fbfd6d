import { DomainError } from '../errors.ts';
import type { Activation, InitialWeights } from '../kernels/mlp-architecture.ts';
import { requireInteger, requirePositive } from '../numerics/vectors.ts';
import type { DriftModelContext } from './drift-model.ts';
import { requireTimeFeatures, type TimeFeatures } from './time-features.ts';

/** What describes a multilayer perceptron drift and its training, whichever engine runs it. */
export interface PerceptronOptions {
  /** Sizes of the hidden layers. @defaultValue `[64, 64]` */
  readonly hidden?: readonly number[];
  /** x·sigmoid(x), max(x, 0.01x) or tanh x. @defaultValue `'silu'` */
  readonly activation?: Activation;
  /** Whether a hidden layer of the width of the one before is x + f(Wx + b) in place of f(Wx + b). @defaultValue `false` */
  readonly residual?: boolean;
  /**
   * The size s_k of one unit of the net's output: `'constant'`, the size s that drifts of the problem have, at all times; `'noise'`,
   * s/√(1 − t/T) forward and s/√(t/T) backward, as the noise of end-point targets grows towards the end of a direction: the net then
   * predicts noise, and all times weigh the same. For target `endpoint` and bridge matching, above all in many dimensions.
   * @defaultValue `'constant'`
   */
  readonly outputScale?: 'constant' | 'noise';
  /**
   * How weights are drawn at first: `'uniform'` on ±1/√fan-in, or `'orthogonal'`, which keeps all directions of a point alike; in many
   * dimensions it learns faster. @defaultValue `'uniform'`
   */
  readonly initialWeights?: InitialWeights;
  /** Features of time beside t/T: a number of sin(πjt/T), cos(πjt/T), j = 1, 2, …, or other frequencies. @defaultValue `8` */
  readonly timeFeatures?: TimeFeatures;
  /** Decay of the running average of weights that a half-step ends with, per training step; 0 for the last weights. @defaultValue `0.99` */
  readonly ema?: number;
  /** A longer gradient is scaled down to this Euclidean norm; 0 for never. @defaultValue `10` */
  readonly clipNorm?: number;
}

/** The names of those options. */
export const PERCEPTRON_OPTIONS: readonly (keyof PerceptronOptions)[] = [
  'hidden',
  'activation',
  'residual',
  'outputScale',
  'initialWeights',
  'timeFeatures',
  'ema',
  'clipNorm',
];

/** Fills in defaults. @throws DomainError when an option is out of range; messages start with `path` */
export function requirePerceptron(path: string, options: PerceptronOptions): Required<PerceptronOptions> {
  const {
    activation = 'silu',
    residual = false,
    outputScale = 'constant',
    initialWeights = 'uniform',
    ema = 0.99,
    clipNorm = 10,
  } = options;
  if (options.hidden !== undefined && !Array.isArray(options.hidden)) {
    throw new DomainError(`${path}: hidden is no list of sizes but ${String(options.hidden)}; pass [64, 64], say`);
  }
  const hidden = Array.from(options.hidden ?? [64, 64], (size, i) => requireInteger(`${path}: hidden[${i}]`, size, 1));
  const timeFeatures = requireTimeFeatures(`${path}: timeFeatures`, options.timeFeatures ?? 8);
  if (!['silu', 'leaky-relu', 'tanh'].includes(activation)) {
    throw new DomainError(`${path}: unknown activation '${String(activation)}'; use 'silu', 'leaky-relu' or 'tanh'`);
  }
  if (typeof residual !== 'boolean') throw new DomainError(`${path}: residual must be true or false, got ${String(residual)}; pass true`);
  if (outputScale !== 'constant' && outputScale !== 'noise') {
    throw new DomainError(`${path}: outputScale is '${String(outputScale)}'; use 'constant' or 'noise'`);
  }
  if (initialWeights !== 'uniform' && initialWeights !== 'orthogonal') {
    throw new DomainError(`${path}: initialWeights is '${String(initialWeights)}'; use 'uniform' or 'orthogonal'`);
  }
  if (!(ema >= 0 && ema < 1)) throw new DomainError(`${path}: ema must be in [0, 1), got ${ema}; pass 0.99, say, or 0 for no average`);
  if (clipNorm !== 0) requirePositive(`${path}: clipNorm`, clipNorm);
  return { hidden: Object.freeze(hidden), activation, residual, outputScale, initialWeights, timeFeatures, ema, clipNorm };
}

/** s_k of `outputScale` for every transition. */
export function outputScales(
  path: string,
  { labels, horizon, direction, driftScale }: DriftModelContext,
  kind: 'constant' | 'noise',
): Float64Array {
  if (kind === 'constant') return new Float64Array(labels.length).fill(driftScale);
  return labels.map((t) => {
    const share = (direction === 'forward' ? horizon - t : t) / horizon;
    if (share > 0) return driftScale / Math.sqrt(share);
    throw new DomainError(`${path}: outputScale 'noise' needs a direction, and one network for both has two; use networks: 'two'`);
  });
}
