// The kernels table as a section of docs/benchmarks.md.
import { existsSync, readFileSync } from 'node:fs';
import { KERNELS_FILE } from './discrete-results.ts';
import { table } from './discrete-text.ts';

/** What benchmarks/transport-kernels.ts keeps: flat rows, all with the same keys, and where they were measured. */
interface Kernels {
  readonly date?: string;
  readonly machine?: { readonly cpu?: string };
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

export function kernelsSection(): string | undefined {
  if (!existsSync(KERNELS_FILE)) return undefined;
  const { rows, date, machine } = JSON.parse(readFileSync(KERNELS_FILE, 'utf8')) as Kernels;
  if (!Array.isArray(rows) || rows.length === 0) return undefined;
  const head = Object.keys(rows[0]!);
  const text = (value: unknown): string => (typeof value === 'number' ? String(Number(value.toPrecision(3))) : String(value ?? '–'));
  const where = [date, machine?.cpu].filter(Boolean).join(', ');
  return [
    `## Kernels${where === '' ? '' : `\n\nMeasured ${where}.`}`,
    table(
      head,
      rows.map((row: Readonly<Record<string, unknown>>) => head.map((name) => text(row[name]))),
    ),
  ].join('\n\n');
}
