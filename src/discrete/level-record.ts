import type { Precision } from './scaling-schedule.ts';

/** What was done at one ε. */
export interface LevelRecord {
  readonly epsilon: number;
  method: string;
  readonly precision: Precision;
  steps: number;
  error: number;
}

/** Copies for `stats`. */
export function frozenLevels(levels: readonly LevelRecord[]): readonly LevelRecord[] {
  return Object.freeze(levels.map((level) => Object.freeze({ ...level })));
}
