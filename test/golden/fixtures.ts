import { readFileSync } from 'node:fs';
import { type DiscreteMarginal, discreteMarginal, histogram } from '../../src/marginals/discrete-marginal.ts';

/** Numbers in any nesting, as JSON has them. */
export type Numbers = number | readonly Numbers[];

/** One call of another library with what it returned. */
export interface GoldenRecord {
  readonly name: string;
  /** Which of the problems it was called on. */
  readonly problem: string;
  readonly call: string;
  readonly parameters: Readonly<Record<string, Numbers>>;
  readonly returned: Readonly<Record<string, Numbers>>;
  /** How near the library came to the referee, rounded up: the largest difference in an entry. */
  readonly tolerance: number;
  readonly note?: string;
}

/** Reads `library.json` of this folder. */
export function goldenRecords(library: 'pot' | 'ott' | 'geomloss'): readonly GoldenRecord[] {
  return (read(library) as { records: GoldenRecord[] }).records;
}

/** Reads a JSON file of this folder. */
export function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`./${name}.json`, import.meta.url), 'utf8'));
}

const problems = read('problems') as Record<string, Record<string, Numbers>>;

/** A piece of a problem: points, weights, costs, measures. */
export function piece(problem: string, name: string): Numbers {
  const found = problems[problem]?.[name];
  if (found === undefined) throw new Error(`the problem ${problem} has no ${name}`);
  return found;
}

export const vector = (problem: string, name: string): number[] => piece(problem, name) as number[];
export const rows = (problem: string, name: string): number[][] => piece(problem, name) as number[][];

/** Source and target of a problem; a problem with a matrix of costs has histograms. */
export function sides(problem: string): { source: DiscreteMarginal; target: DiscreteMarginal } {
  const [a, b] = [vector(problem, 'a'), vector(problem, 'b')];
  if (problem === 'matrix') return { source: histogram(a), target: histogram(b) };
  return {
    source: discreteMarginal({ points: rows(problem, 'x'), weights: a }),
    target: discreteMarginal({ points: rows(problem, 'y'), weights: b }),
  };
}

/** All numbers in reading order. */
export function flat(values: Numbers | ArrayLike<number>): number[] {
  if (typeof values === 'number') return [values];
  return Array.from(values as ArrayLike<Numbers>).flatMap((value) => flat(value));
}

/** The largest difference between two lists of the same length. */
export function distance(x: readonly number[], y: readonly number[]): number {
  if (x.length !== y.length) return Number.POSITIVE_INFINITY;
  // NaN compares as unequal to everything: it must not pass as near.
  return x.reduce((most, value, i) => {
    const d = Math.abs(value - y[i]!);
    return d <= most ? most : Number.isNaN(d) ? Number.POSITIVE_INFINITY : d;
  }, 0);
}
