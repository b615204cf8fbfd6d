import { Matrix } from 'ml-matrix';
import { packArchive } from '../numerics/archive.ts';
import type { Status } from '../numerics/iterate.ts';
import type { HalfStepRecord } from './diffusion-run.ts';
import type { HalfStepPosition, InterruptedHalfStep } from './half-step.ts';
import type { RunIdentity } from './run-identity.ts';
import { formatOf, openStored } from './stored-bridge.ts';

/** A half-step that is done. */
export interface TrainedHalfStep {
  readonly record: HalfStepRecord;
  /** The state of its model, as `save()` gives it. */
  readonly model: Uint8Array;
  /** V_k, where they were learned. */
  readonly noise: readonly Matrix[] | undefined;
  /** The state of the network of log-variances, where there is one. */
  readonly logVariance?: Uint8Array | undefined;
}

/** Everything that training has produced: with the problem and the options, enough to go on with the same bits. */
export interface TrainingState {
  readonly status: Status | 'running';
  readonly warnings: readonly string[];
  readonly done: readonly TrainedHalfStep[];
  /** The half-step in progress: where it is, and the states of its models. Its cache is made again from its stream. */
  readonly inside?: (InterruptedHalfStep & { readonly model: Uint8Array }) | undefined;
}

/** A stored state with what it belongs to. */
export interface StoredState {
  readonly identity: RunIdentity;
  readonly iterations: number;
  readonly state: TrainingState;
}

/** One binary of a state: the manifest holds all but the bytes of models and noise. */
export function writeState({ identity, iterations, state }: StoredState): Uint8Array {
  const parts = new Map<string, Uint8Array>();
  state.done.forEach(({ model, noise, logVariance }, i) => {
    parts.set(`model ${i}`, model);
    if (noise !== undefined) parts.set(`noise ${i}`, bytesOf(noise));
    if (logVariance !== undefined) parts.set(`log-variance ${i}`, logVariance);
  });
  if (state.inside !== undefined) {
    const { model, covariance } = state.inside;
    parts.set('model inside', model);
    if (covariance !== undefined) {
      parts.set('noise inside', bytesOf(covariance.noise));
      parts.set('log-variance inside', covariance.network);
    }
  }
  const manifest = {
    ...formatOf('diffusion-bridge'),
    identity,
    iterations,
    status: state.status,
    warnings: state.warnings,
    records: state.done.map(({ record }) => record),
    position: state.inside?.position,
  };
  return packArchive({ manifest, parts });
}

/** Reads what {@link writeState} wrote. @throws FormatError that starts with `path` */
export function readState(path: string, bytes: Uint8Array): StoredState {
  const { manifest, parts, missing, part } = openStored(path, bytes, 'diffusion-bridge');
  const { identity, iterations, status, warnings, records, position } = manifest as unknown as Manifest;
  if (typeof identity?.['scheme'] !== 'string' || !isWhole(identity['dimension'], 1)) missing('identity');
  if (!isWhole(iterations, 1)) missing('number of iterations');
  if (!STATUSES.includes(status)) missing('status');
  if (!Array.isArray(warnings)) missing('warnings');
  if (!Array.isArray(records) || !records.every(isRecord)) missing('records of half-steps');
  if (position !== undefined && !isPosition(position)) missing('position');
  const dimension = identity['dimension'] as number;
  const covarianceInside = () => ({
    covariance: { noise: matricesOf(part('noise inside'), dimension), network: part('log-variance inside') },
  });
  const done = records.map((record, i) => {
    const noise = parts.get(`noise ${i}`);
    const logVariance = identity['covariance'] === 'network' ? part(`log-variance ${i}`) : undefined;
    return { record, model: part(`model ${i}`), noise: noise === undefined ? undefined : matricesOf(noise, dimension), logVariance };
  });
  const inside = position && { position, model: part('model inside'), ...(position.driftLoss === undefined ? {} : covarianceInside()) };
  return { identity, iterations, state: { status, warnings, done, inside } };
}

/** What is expected of the manifest, and checked. */
type Manifest = Omit<StoredState, 'state'> &
  Pick<TrainingState, 'status' | 'warnings'> & { readonly records: HalfStepRecord[]; readonly position?: HalfStepPosition };

const STATUSES: readonly TrainingState['status'][] = ['running', 'max-iterations', 'aborted', 'diverged'];

function isWhole(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

/** JSON has no NaN: a loss may be null. */
function isRecord(record: HalfStepRecord | null): boolean {
  return (record?.direction === 'forward' || record?.direction === 'backward') && typeof record.seconds === 'number';
}

function isPosition({ step, cache, tailLoss, driftLoss = 0, seconds }: HalfStepPosition): boolean {
  const whole = cache === undefined || (isWhole(cache.madeAt, 0) && isWhole(cache.used, 0) && cache.madeAt <= step);
  return isWhole(step, 0) && whole && [tailLoss, driftLoss, seconds].every((figure) => typeof figure === 'number');
}

function bytesOf(matrices: readonly Matrix[]): Uint8Array {
  return new Uint8Array(Float64Array.from(matrices.flatMap((v) => v.to1DArray())).buffer);
}

function matricesOf(bytes: Uint8Array, d: number): Matrix[] {
  const values = Array.from(new Float64Array(bytes.slice().buffer));
  return Array.from({ length: values.length / (d * d) }, (_, k) => Matrix.from1DArray(d, d, values.slice(k * d * d, (k + 1) * d * d)));
}
