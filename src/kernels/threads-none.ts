import type { Threads } from './thread-control.ts';

/** Where there is no Node: one thread. */
export const threads: Threads = {
  unavailable: 'this runtime has no worker threads of Node',
  available: () => 1,
  start() {},
};
