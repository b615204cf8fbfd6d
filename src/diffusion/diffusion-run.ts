import type { Matrix } from 'ml-matrix';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { Coupling } from '../couplings/coupling.ts';
import { DomainError } from '../errors.ts';
import type { Status } from '../numerics/iterate.ts';
import { joinBytes } from '../numerics/join-bytes.ts';
import { allocatePoints, type Points, type PointsLike, requireDimension, toPoints } from '../numerics/points.ts';
import { sha256 } from '../numerics/sha256.ts';
import { requireInteger } from '../numerics/vectors.ts';
import type { Chain } from './chain.ts';
import { type LearnedMoments, MOMENT_PATHS } from './chain-moments.ts';
import { type LearnedBridge, learnedBridge } from './learned-bridge.ts';
import { conditionalCovariances } from './log-variance.ts';
import type { ResolvedOptions } from './options.ts';

/** What is kept of a half-step. */
export interface HalfStepRecord {
  readonly direction: 'forward' | 'backward';
  /** Mean training loss over its last tenth. */
  readonly loss: number;
  readonly seconds: number;
}

/** Where pairs of ends come from before anything is learned: independent draws, draws of a coupling, or couplings of mini-batches. */
export type StartingPairs = 'independent' | 'minibatch' | Coupling;

/** A trained Diffusion Schrödinger Bridge; as a coupling it is the forward process from the source. */
export interface DiffusionBridge extends LearnedBridge {
  readonly kind: 'diffusion-bridge';
  /** The function that trained it: `'diffusionBridge'`, say. */
  readonly scheme: string;
  readonly problem: BridgeProblem;
  /** The options of the run with defaults filled in: enough to run it again with another seed. */
  readonly options: ResolvedOptions;
  readonly status: Status;
  readonly warnings: readonly string[];
  /** One record a half-step; `moments` are those of its law, computed when asked for. */
  readonly halfSteps: readonly (HalfStepRecord & { readonly moments: LearnedMoments })[];
  /** The bridge after that many half-steps, run in the direction learned there; 0 is the discretised reference from the source. */
  iterate(halfStep: number): LearnedBridge;
  /** The Markov chain behind {@link iterate}: what diagnostics take apart. */
  chain(halfStep: number): Chain;
  /** The law of the last forward or backward chain. */
  direction(direction: 'forward' | 'backward'): LearnedBridge;
  /**
   * The kernel of transition k at each row: means, and the covariance that all share; with `covariance: 'network'` also `covariances`, one for
   * each row, and `covariance` is the constant estimate that they refine.
   */
  transition(
    k: number,
    x: PointsLike,
    direction: 'forward' | 'backward',
  ): { readonly mean: Points; readonly covariance: Matrix; readonly covariances?: readonly Matrix[] };
  /** Where the first pairs of ends came from; absent when from the reference. */
  readonly startingPairs?: StartingPairs;
  /** The same run with another seed. @throws DomainError for a run that was restored from bytes */
  repeat(seed: number): Promise<DiffusionBridge>;
  /** Everything learned, as one binary with a JSON manifest: `restoreBridge(problem, bytes)` makes the run again. */
  toBytes(): Uint8Array;
  /** SHA-256 of everything learned and of the seed: no times in it, so equal runs have equal digests. */
  readonly digest: string;
}

/** What training leaves. */
export interface TrainingResult {
  /** The scheme's public name. */
  readonly path: string;
  readonly problem: BridgeProblem;
  readonly options: ResolvedOptions;
  /** The chain of every iterate, the reference first. */
  readonly chains: readonly Chain[];
  readonly records: readonly HalfStepRecord[];
  readonly status: Status;
  readonly warnings: readonly string[];
  /** What {@link DiffusionBridge.toBytes} returns. */
  readonly toBytes: () => Uint8Array;
  /** Trains again with another seed; absent when what trained it is not at hand. */
  readonly repeat?: (seed: number) => Promise<DiffusionBridge>;
  readonly startingPairs?: StartingPairs;
}

/** Completes a training result to a {@link DiffusionBridge}. */
export function completeRun(result: TrainingResult): DiffusionBridge {
  const { path, problem, options, chains, records, status, warnings, toBytes } = result;
  const samples = Math.max(MOMENT_PATHS, options.paths);
  const latest = (until: number, direction: Chain['direction']): Chain | undefined =>
    chains.slice(0, until + 1).findLast((chain) => chain.direction === direction);
  const law = (until: number, direction: Chain['direction']): LearnedBridge =>
    learnedBridge({ path, problem, direction, forward: latest(until, 'forward')!, backward: latest(until, 'backward'), samples });
  const made = new Map<number, LearnedBridge>();
  const chainAt = (halfStep: number): Chain => {
    requireInteger(`${path}.iterate: halfStep`, halfStep, 0);
    const chain = chains[halfStep];
    if (chain === undefined) {
      throw new DomainError(`${path}.iterate: half-step ${halfStep} was not done; pass 0 … ${chains.length - 1}`);
    }
    return chain;
  };
  const iterate = (halfStep: number): LearnedBridge => {
    const chain = chainAt(halfStep);
    const bridge = made.get(halfStep) ?? law(halfStep, chain.direction);
    made.set(halfStep, bridge);
    return bridge;
  };
  const last = chains.length - 1;
  const direction = (wanted: Chain['direction']): LearnedBridge => {
    if (wanted !== 'forward' && wanted !== 'backward') {
      throw new DomainError(`${path}.direction: unknown direction '${String(wanted)}'; use 'forward' or 'backward'`);
    }
    return law(last, wanted);
  };
  return Object.freeze({
    ...law(last, 'forward'),
    kind: 'diffusion-bridge',
    scheme: path,
    problem,
    options,
    status,
    warnings: Object.freeze([...warnings]),
    halfSteps: Object.freeze(records.map((record, i) => withMoments(record, () => iterate(i + 1).moments()))),
    iterate,
    chain: chainAt,
    direction,
    transition(k, x, wanted) {
      const chain = latest(last, wanted);
      if (chain === undefined || !(Number.isInteger(k) && k >= 0 && k < options.grid.steps)) {
        throw new DomainError(`${path}.transition: no ${wanted} transition ${k}; pass 0 … ${options.grid.steps - 1}`);
      }
      const at = toPoints(`${path}.transition`, x);
      requireDimension(`${path}.transition`, at, problem.dimension);
      const mean = allocatePoints(at.count, at.dimension);
      chain.drift.evaluate(k, at.data, mean.data);
      for (let i = 0; i < mean.data.length; i++) mean.data[i] = at.data[i]! + options.grid.durations[k]! * mean.data[i]!;
      const covariance = chain.noise[k]!.clone();
      if (chain.logVariance === undefined) return { mean, covariance };
      return { mean, covariance, covariances: conditionalCovariances(chain.logVariance, k, covariance, at) };
    },
    ...(result.startingPairs === undefined ? {} : { startingPairs: result.startingPairs }),
    async repeat(seed) {
      if (result.repeat === undefined) {
        throw new DomainError(`${path}.repeat: a restored run does not know its scheme's own options; call ${path} with seed ${seed}`);
      }
      return result.repeat(seed);
    },
    toBytes,
    digest: digestOf(chains, options),
    ...printing(result),
  } satisfies DiffusionBridge & object);
}

function withMoments(record: HalfStepRecord, moments: () => LearnedMoments): HalfStepRecord & { readonly moments: LearnedMoments } {
  return Object.freeze({
    ...record,
    get moments() {
      return moments();
    },
  });
}

/** Streams are addressed by labels, so the seed is the whole random state. */
function digestOf(chains: readonly Chain[], { seed, target }: ResolvedOptions): string {
  const noise = (chain: Chain): Uint8Array[] =>
    target === 'moment' ? chain.noise.map((v) => new Uint8Array(Float64Array.from(v.to1DArray()).buffer)) : [];
  const parts = [
    new Uint8Array(Float64Array.of(seed).buffer),
    ...chains.flatMap((chain) => [chain.drift.bytes(), ...noise(chain), ...(chain.logVariance ? [chain.logVariance.bytes()] : [])]),
  ];
  return sha256(joinBytes(parts));
}

/** A summary instead of megabytes when printed. */
function printing({ path, problem, options, records, status }: TrainingResult): object {
  const summary = () => ({
    kind: 'diffusion-bridge',
    scheme: path,
    status,
    dimension: problem.dimension,
    target: options.target,
    drift: options.drift.description,
    halfSteps: records.length,
  });
  return { toJSON: summary, [Symbol.for('nodejs.util.inspect.custom')]: summary };
}
