import { DomainError } from '../errors.ts';

/** Where a long run keeps what it has learned, so that it can be interrupted at any moment and go on with the same bits. */
export interface Checkpoint {
  /** What was saved last, or nothing when the run is new. */
  load(): Promise<Uint8Array | undefined> | Uint8Array | undefined;
  /** Keeps these bytes instead of those before, whole or not at all. */
  save(bytes: Uint8Array): Promise<void> | void;
  /** A half-step in progress is saved this often; a finished one always. @defaultValue 180 */
  readonly everySeconds?: number;
}

/** Seconds between two saves inside a half-step. */
export const CHECKPOINT_SECONDS = 180;

/** Refuses what cannot load and save. */
export function requireCheckpoint(path: string, checkpoint: Checkpoint | undefined): Checkpoint | undefined {
  if (checkpoint === undefined) return undefined;
  if (typeof checkpoint?.load !== 'function' || typeof checkpoint.save !== 'function') {
    throw new DomainError(`${path} has no load and save; pass directoryCheckpoint(path) of viaduct/io, say`);
  }
  const { everySeconds = CHECKPOINT_SECONDS } = checkpoint;
  if (!(everySeconds >= 0)) throw new DomainError(`${path}.everySeconds must be a number ≥ 0, got ${everySeconds}; pass 180, say`);
  return checkpoint;
}
