import * as v from 'valibot';
import { UsageError } from './console.ts';

/** What a number on the command line has to be. */
export type NumberKind = 'positive' | 'count' | 'integer';

const SCHEMAS = {
  positive: v.pipe(v.string(), v.trim(), v.nonEmpty(), v.transform(Number), v.finite(), v.gtValue(0)),
  count: v.pipe(v.string(), v.trim(), v.nonEmpty(), v.transform(Number), v.safeInteger(), v.minValue(1)),
  integer: v.pipe(v.string(), v.trim(), v.nonEmpty(), v.transform(Number), v.safeInteger()),
} as const;

const WORDS: Record<NumberKind, string> = {
  positive: 'a number > 0',
  count: 'a whole number of at least 1',
  integer: 'a whole number',
};

/** A parser for commander that refuses everything but such a number, naming the option. */
export function numberOption(name: string, kind: NumberKind): (text: string) => number {
  return (text) => {
    const parsed = v.safeParse(SCHEMAS[kind], text);
    if (!parsed.success) throw new UsageError(`${name} must be ${WORDS[kind]}, got '${text}'; pass ${name} 1, say`);
    return parsed.output;
  };
}
