import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { FormatError } from '../errors.ts';
import { type Points, toPoints } from '../numerics/points.ts';
import { formatCsv, parseCsv } from './csv.ts';
import { formatNpy, parseNpy } from './npy.ts';

/**
 * Reads points from a `.npy` file (one row a point; a vector is a set of points on the line) or a `.csv` file.
 *
 * @throws FormatError when the file cannot be read or is neither; DomainError naming the row of a NaN
 * @example
 * ```ts no-run
 * import { readPoints } from 'viaduct/io';
 * console.log(readPoints('cloud.csv').count);
 * ```
 */
export function readPoints(path: string): Points {
  return readTable(path).points;
}

/** Points with the names of their columns. */
export function readTable(path: string): { readonly points: Points; readonly columns: readonly string[] } {
  const bytes = readBytes(path);
  if (path.endsWith('.npy')) {
    const { data, shape } = parseNpy(bytes);
    if (shape.length < 1 || shape.length > 2)
      throw new FormatError(`${path}: shape (${shape.join(', ')}) is no table; save one row a point`);
    const dimension = shape[1] ?? 1;
    const points = toPoints(path, { data, count: shape[0]!, dimension });
    return { points, columns: Array.from({ length: dimension }, (_, k) => `x${k + 1}`) };
  }
  if (!path.endsWith('.csv')) throw new FormatError(`${path}: unknown kind of file; pass a .csv or .npy file`);
  const { columns, data, count } = parseCsv(new TextDecoder().decode(bytes));
  return { points: toPoints(path, { data, count, dimension: columns.length }), columns };
}

/**
 * Writes points to a `.npy` or `.csv` file, whole or not at all.
 *
 * @throws FormatError for any other kind of file, or when it cannot be written
 * @example
 * ```ts no-run
 * import { points } from 'viaduct';
 * import { writePoints } from 'viaduct/io';
 * writePoints('cloud.npy', points([[0, 1], [2, 3]]));
 * ```
 */
export function writePoints(path: string, points: Points): void {
  if (path.endsWith('.npy')) writeFileAtomic(path, formatNpy({ data: points.data, shape: [points.count, points.dimension] }));
  else if (path.endsWith('.csv')) writeFileAtomic(path, formatCsv(points));
  else throw new FormatError(`${path}: unknown kind of file; name it .csv or .npy`);
}

/**
 * Writes a file whole or not at all: to a temporary name beside it, flushed to disk, then renamed.
 *
 * @throws FormatError when the place cannot be written
 * @example
 * ```ts no-run
 * import { writeFileAtomic } from 'viaduct/io';
 * writeFileAtomic('note.txt', 'done');
 * ```
 */
export function writeFileAtomic(path: string, contents: Uint8Array | string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  const bytes = typeof contents === 'string' ? new TextEncoder().encode(contents) : contents;
  try {
    const file = openSync(temporary, 'w');
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new FormatError(`${path}: cannot be written (${(cause as Error).message}); choose a folder that exists and is writable`, {
      cause,
    });
  }
}

/** The bytes of a file, when it exists. What a process that was killed in the middle of {@link writeFileAtomic} left is removed. */
export function readFileAtomic(path: string): Uint8Array | undefined {
  const folder = dirname(path);
  const isLeft = (entry: string): boolean => entry.startsWith(`${basename(path)}.`) && entry.endsWith('.tmp');
  try {
    if (existsSync(folder)) for (const entry of readdirSync(folder).filter(isLeft)) rmSync(join(folder, entry), { force: true });
  } catch (cause) {
    throw new FormatError(`${folder}: cannot be read (${(cause as Error).message}); name a folder that you may read and write`, { cause });
  }
  return existsSync(path) ? new Uint8Array(readBytes(path)) : undefined;
}

/** Makes a folder, and those above it, unless it is there. */
export function makeFolder(path: string): void {
  try {
    makeWithParents(path);
  } catch (cause) {
    throw new FormatError(`${path}: cannot be made (${(cause as Error).message}); choose a place that is writable`, { cause });
  }
}

/** Not the recursion of `mkdirSync`, which never ends where a folder takes no entries and says that it is missing (`/proc`). */
function makeWithParents(path: string): void {
  if (existsSync(path)) {
    if (!statSync(path).isDirectory()) throw new Error(`${path} is no folder`);
    return;
  }
  const parent = dirname(path);
  if (parent !== path) makeWithParents(parent);
  try {
    mkdirSync(path);
  } catch (error) {
    // Somebody else was faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Reads a file as bytes. */
function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new FormatError(`${path}: cannot be read (${(cause as Error).message}); check the name`, { cause });
  }
}
