// The files that keep measurements: who measured, where, when, what.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Measurement } from './discrete-cell.ts';
import { OptionError } from './discrete-options.ts';
import { FAMILIES } from './families.ts';
import { type Machine, machine, versions } from './machine.ts';

/** A measurement with its day; `replayed` when it was taken from an earlier file and not measured beside the others. */
export interface Kept extends Measurement {
  readonly date: string;
  readonly replayed?: boolean;
}

export interface Results {
  readonly date: string;
  readonly seed: number;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  /** How these came about, where it is not plain: printed on the page, kept by later runs into the same file. */
  readonly note?: string;
  readonly measurements: readonly Kept[];
}

export const TABLE_FILE = 'benchmarks/results/discrete.json';
export const LARGE_FILE = 'benchmarks/results/discrete-large.json';
export const PEERS_FILE = 'benchmarks/results/peers.json';
export const KERNELS_FILE = 'benchmarks/results/transport-kernels.json';

export function readResults(file: string): Results | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : undefined;
}

/** Timings of two machines, or of two sets of problems, do not belong into one table. */
export function requireSame(option: string, earlier: Results, seed: number): void {
  const here = machine();
  if (earlier.machine.cpu !== here.cpu || earlier.machine.cores !== here.cores || earlier.machine.platform !== here.platform) {
    throw new OptionError(`${option}: the file was measured on another machine; measure everything anew into another file with --out`);
  }
  if (earlier.seed !== seed) throw new OptionError(`${option}: the file has seed ${earlier.seed}; pass --seed ${earlier.seed}`);
}

/** Results of this machine. With `into`, rows of the same cell and solver are replaced and the others kept. */
export function collect(
  rows: readonly Measurement[],
  about: { readonly date: string; readonly seed: number; readonly versions?: Readonly<Record<string, string>> },
  into?: Results,
): Results {
  const fresh = rows.map((row): Kept => ({ ...row, date: (row as Partial<Kept>).date ?? about.date }));
  const here = { date: about.date, seed: about.seed, machine: machine(), versions: { ...versions(), ...about.versions } };
  if (into === undefined) return { ...here, measurements: ordered(fresh) };
  const replaced = new Set(fresh.map(key));
  return {
    ...here,
    ...(into.note === undefined ? {} : { note: into.note }),
    versions: { ...into.versions, ...here.versions },
    measurements: ordered([...into.measurements.filter((row) => !replaced.has(key(row))), ...fresh]),
  };
}

/** One measurement a line, so that a change of one cell is a change of one line. */
export function writeResults(file: string, { measurements, ...head }: Results): void {
  const lines = measurements.map((row) => `    ${JSON.stringify(row, sixDigits)}`).join(',\n');
  const open = JSON.stringify(head, null, 2).slice(0, -2);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${open},\n  "measurements": [\n${lines}\n  ]\n}\n`);
}

/** By n, family, ε and target, as tables list them; solvers stay in their order. */
function ordered(rows: readonly Kept[]): Kept[] {
  const place = Object.keys(FAMILIES);
  return [...rows].sort((s, t) => s.n - t.n || place.indexOf(s.family) - place.indexOf(t.family) || t.eps - s.eps || t.target - s.target);
}

export function key({ family, n, eps, target, solver }: Measurement): string {
  return [family, n, eps, target, solver].join('|');
}

/** Timings have no more digits than these. */
function sixDigits(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}
