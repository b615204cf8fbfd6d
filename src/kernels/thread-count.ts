import { threads as runtime } from '#threads';

/** As many as a pass of transport has blocks; beyond, passes are bound by memory. */
const MOST_THREADS = 8;

/** Threads of a machine: those asked for, or what the runtime has, at most 8. */
export function threadCount(asked: number | undefined): number {
  return Math.min(asked ?? runtime.available(), MOST_THREADS);
}
