import { DomainError } from '../errors.ts';

/** Bytes that stored costs and kernels may take unless told otherwise. */
export const DEFAULT_MEMORY = 2.4e9;

/** Refuses a limit that is none. */
export function requireMemory(path: string, memory: unknown, usual: number): void {
  if (typeof memory === 'number' && memory > 0) return;
  throw new DomainError(`${path}: memory must be a number of bytes > 0, got ${String(memory)}; leave it out for ${usual / 1e9} GB`);
}

/**
 * Refuses costs that would have to be stored above the limit: before any is evaluated, since forming them takes the memory and the time that
 * the limit is there to save.
 *
 * @param memory bytes; what is no number > 0 is left to those who check options
 * @param remedy what else to do than to raise `memory`
 */
export function requireRoomForCosts(path: string, rows: number, columns: number, memory: unknown, remedy: string): void {
  const needed = 8 * padded(rows) * padded(columns);
  if (!(typeof memory === 'number' && memory > 0 && needed > memory)) return;
  throw new DomainError(
    `${path}: ${rows} × ${columns} costs need ${gigabytes(needed)} GB, above the limit of ${gigabytes(memory)} GB; raise memory, or ${remedy}`,
  );
}

/** What stored costs can be spared by, where points are solved between. */
export const POINTS_INSTEAD = 'use squaredEuclidean() between points, which needs no stored costs';

/** An upper bound of every engine's padding. */
export function padded(count: number): number {
  return 32 * Math.ceil(count / 32);
}

/** For messages. */
export function gigabytes(bytes: number): string {
  return (bytes / 1e9).toPrecision(3);
}
