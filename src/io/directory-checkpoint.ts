import { DomainError } from '../errors.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';
import { makeFolder, readFileAtomic, writeFileAtomic } from './files.ts';

/** A checkpoint of a training run in a folder; pass it as `checkpoint`. */
export interface DirectoryCheckpoint {
  /** What was saved last, or nothing. */
  load(): Uint8Array | undefined;
  /** Keeps these bytes instead, whole or not at all. */
  save(bytes: Uint8Array): void;
  /** A half-step in progress is saved this often, in seconds. */
  readonly everySeconds?: number;
}

/**
 * Keeps the checkpoint of a training run in one file of a folder, which is made when it is missing. A save goes to a temporary file, is
 * flushed to disk and then renamed, so that a machine that fails at any moment leaves the last whole checkpoint.
 *
 * @param options `everySeconds`: how often a half-step in progress is saved, default 180
 * @throws DomainError without the name of a folder, or on an unknown option; FormatError, from `load` and `save`, when the folder cannot be
 * read or written
 * @example
 * ```ts no-run
 * import { diffusionBridge } from 'viaduct';
 * import { directoryCheckpoint } from 'viaduct/io';
 * const run = await diffusionBridge(problem, { checkpoint: directoryCheckpoint('run-1'), iterations: 20 });
 * ```
 */
export function directoryCheckpoint(directory: string, options: { readonly everySeconds?: number } = {}): DirectoryCheckpoint {
  const path = 'directoryCheckpoint';
  if (typeof directory !== 'string' || directory === '') {
    throw new DomainError(`${path}: '${String(directory)}' names no folder; pass 'run-1', say`);
  }
  requireKnownOptions(path, options, ['everySeconds']);
  const { everySeconds = 0 } = options;
  if (!(typeof everySeconds === 'number' && everySeconds >= 0)) {
    throw new DomainError(`${path}: everySeconds must be a number ≥ 0, got ${String(everySeconds)}; pass 180, say`);
  }
  const file = `${directory}/checkpoint.viaduct`;
  return Object.freeze({
    ...options,
    load: () => readFileAtomic(file),
    save(bytes: Uint8Array) {
      makeFolder(directory);
      writeFileAtomic(file, bytes);
    },
  });
}
