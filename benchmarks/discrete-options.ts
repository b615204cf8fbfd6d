// Options that the benchmarks of discrete transport share.
import { FAMILIES, type FamilyName } from './families.ts';

/** Bad input: printed as one sentence, exit status 2. */
export class OptionError extends Error {}

export const COMMON = {
  sizes: { type: 'string' },
  eps: { type: 'string' },
  targets: { type: 'string' },
  families: { type: 'string' },
  seed: { type: 'string', default: '0' },
  out: { type: 'string' },
  merge: { type: 'boolean', default: false },
  date: { type: 'string' },
  threads: { type: 'string' },
  'time-limit': { type: 'string', default: '300' },
  help: { type: 'boolean', default: false },
} as const;

/** Positive numbers of a comma-separated option. */
export function numbers(name: string, text: string | undefined, otherwise: readonly number[]): readonly number[] {
  if (text === undefined) return otherwise;
  const values = text.split(',').map(Number);
  if (!values.every((x) => x > 0))
    throw new OptionError(`--${name}: '${text}' is no list of positive numbers; pass ${otherwise.join(',')}`);
  return values;
}

export function number(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw new OptionError(`--${name}: '${text}' is no number; pass 1, say`);
  return value;
}

export function familyNames(text: string | undefined): readonly FamilyName[] {
  const all = Object.keys(FAMILIES) as FamilyName[];
  if (text === undefined) return all;
  return text.split(',').map((name) => {
    const found = all.find((one) => one === name);
    if (found === undefined) throw new OptionError(`--families: there is no family '${name}'; use some of ${all.join(',')}`);
    return found;
  });
}

/** Runs a command line; bad options are one sentence and status 2. */
export async function command(run: () => void | Promise<void>): Promise<void> {
  try {
    await run();
  } catch (failure) {
    const bad = failure instanceof OptionError || String((failure as { code?: string }).code).startsWith('ERR_PARSE_ARGS');
    if (!bad) throw failure;
    process.stderr.write(`${(failure as Error).message}\n`);
    process.exitCode = 2;
  }
}
