import { availableParallelism } from 'node:os';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { type BatchThreads, type Crew, HALT, MOST_WORKERS, POSTED, type TaskReport } from './batch-control.ts';
import { batchWorker } from './generated/batch-worker.ts';

/** The bundle of batch-worker.ts with what it needs of Node around it. Text, so that no bundler has to find a file. */
const SOURCE = `'use strict';
const { parentPort, receiveMessageOnPort } = require('node:worker_threads');
${batchWorker}
parentPort.on('message', ({ port, shared, thread, kernels }) => {
  batchWorker.serve({
    shared, thread, kernels,
    clock: () => Number(process.hrtime.bigint()) * 1e-9,
    receive: () => receiveMessageOnPort(port)?.message,
    send: (report, transfer) => port.postMessage(report, transfer),
  });
  port.close();
});
`;

/** A worker for one batch after the other. */
interface Hand {
  readonly worker: Worker;
  ended: boolean;
}

/** Workers between batches: they are up, and their code is compiled. */
const resting: Hand[] = [];
/** Milliseconds that they rest before they are let go. */
const LINGER = 10_000;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Workers of Node. */
export const batchThreads: BatchThreads = {
  most: MOST_WORKERS + 1,
  available: availableParallelism,
  resting: () => resting.filter(({ ended }) => !ended).length,
  clock: () => Number(process.hrtime.bigint()) * 1e-9,
  start(count, shared, kernels) {
    const hands: Hand[] = [];
    const ports: MessagePort[] = [];
    for (let thread = 1; thread <= count; thread++) {
      const hand = resting.pop() ?? hire();
      if (hand === undefined) break;
      const { port1, port2 } = new MessageChannel();
      hand.worker.postMessage({ port: port2, shared, thread, kernels }, [port2]);
      hands.push(hand);
      ports.push(port1);
    }
    return hands.length === 0 ? undefined : crewOf(hands, ports, shared);
  },
};

/** Starts a worker; undefined where that is not to be had. */
function hire(): Hand | undefined {
  try {
    // No options of the process: a loader or inspector of the caller has nothing to do here.
    const worker = new Worker(SOURCE, { eval: true, execArgv: [] });
    const hand: Hand = { worker, ended: false };
    const end = (): void => {
      hand.ended = true;
    };
    worker.unref();
    // What it leaves undone, the caller does, and finds out why it could not be done, if so.
    worker.on('error', end);
    worker.on('exit', end);
    return hand;
  } catch {
    return undefined;
  }
}

function crewOf(hands: readonly Hand[], ports: readonly MessagePort[], shared: Int32Array): Crew {
  return {
    post(task) {
      for (const port of ports) port.postMessage(task);
      Atomics.add(shared, POSTED, 1);
      Atomics.notify(shared, POSTED);
    },
    receive() {
      for (const port of ports) {
        const received = receiveMessageOnPort(port);
        if (received !== undefined) return received.message as TaskReport;
      }
      return undefined;
    },
    lost: (thread) => hands[thread - 1]!.ended,
    giveUp(thread) {
      const hand = hands[thread - 1]!;
      if (hand.ended) return;
      hand.ended = true;
      void hand.worker.terminate();
    },
    dismiss() {
      Atomics.store(shared, HALT, 2);
      Atomics.add(shared, POSTED, 1);
      Atomics.notify(shared, POSTED);
      for (const port of ports) port.close();
      resting.push(...hands.filter(({ ended }) => !ended));
      clearTimeout(timer);
      timer = setTimeout(() => {
        for (const { worker } of resting.splice(0)) void worker.terminate();
      }, LINGER);
      // No process stays up for this.
      timer.unref();
    },
  };
}
