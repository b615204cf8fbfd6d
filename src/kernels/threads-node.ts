import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { DONE, FLAGS, HEAD, JOB, JOB_BYTES, SLEEPERS, SPIN, STOP, type Threads, TICKET, WORKERS } from './thread-control.ts';

/** The worker: takes blocks while there are any, spins a little, sleeps. Text, so that no bundler has to find a file. */
const SOURCE = `'use strict';
const { workerData: { module, memory, passes, control, generation, thread } } = require('node:worker_threads');
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
const kernels = passes.map((name) => exports[name]);
const flags = new Int32Array(memory.buffer, control, ${FLAGS});
const job = new Float64Array(memory.buffer, control + ${JOB_BYTES}, ${JOB});
let since = performance.now();
for (let turn = 1; ; turn++) {
  const ticket = Atomics.load(flags, ${TICKET});
  if (Atomics.load(flags, ${STOP}) > generation) break;
  const left = ticket & 255;
  if (left > 0) {
    if (Atomics.compareExchange(flags, ${TICKET}, ticket, ticket - 1) !== ticket) continue;
    Atomics.or(flags, ${WORKERS}, 1 << thread);
    const [pass, rows, blockRows, own, ownBytes, count] = job;
    const first = (left - 1) * blockRows;
    const args = job.subarray(${HEAD}, ${HEAD} + count);
    kernels[pass](left - 1, first, Math.min(first + blockRows, rows), own + thread * ownBytes, ...args);
    Atomics.add(flags, ${DONE}, 1);
    since = performance.now();
  } else if (turn % 64 === 0 && performance.now() - since > ${SPIN}) {
    Atomics.add(flags, ${SLEEPERS}, 1);
    Atomics.wait(flags, ${TICKET}, ticket);
    Atomics.sub(flags, ${SLEEPERS}, 1);
    since = performance.now();
  }
}
`;

/** Workers of Node. */
export const threads: Threads = {
  unavailable: undefined,
  available: availableParallelism,
  start(start, count, failed) {
    for (let thread = 1; thread <= count; thread++) {
      try {
        // No options of the process: a loader or inspector of the caller has nothing to do here.
        const worker = new Worker(SOURCE, { eval: true, execArgv: [], workerData: { ...start, thread } });
        worker.unref();
        worker.on('error', (error) => failed(reason(error)));
      } catch (error) {
        failed(reason(error));
        return;
      }
    }
  },
};

const reason = (error: unknown): string => `a worker did not start: ${error instanceof Error ? error.message : String(error)}`;
