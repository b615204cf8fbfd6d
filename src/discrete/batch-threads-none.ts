import { now } from '../numerics/iterate.ts';
import type { BatchThreads } from './batch-control.ts';

/** Where there is no Node: the caller alone. */
export const batchThreads: BatchThreads = {
  most: 1,
  available: () => 1,
  resting: () => 0,
  clock: now,
  start: () => undefined,
};
