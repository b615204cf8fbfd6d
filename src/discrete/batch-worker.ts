import { useTransport } from '../kernels/wasm-module.ts';
import { ANSWERED, BEATS, CLAIMS, HALT, POSTED, type PostedTask, type WorkerRuntime } from './batch-control.ts';
import { solverProblem } from './shared-problem.ts';
import { prepareTask, type SolvedTask } from './solve-task.ts';

/**
 * A worker's part in a batch: takes tasks in their order while there are any, sleeps, ends when told. scripts/build-worker.mjs bundles it into the
 * text that batch-threads-node.ts starts.
 */
export function serve(runtime: WorkerRuntime): void {
  const { shared, thread, kernels, receive, send } = runtime;
  if (kernels !== undefined) useTransport(kernels);
  for (;;) {
    const posted = Atomics.load(shared, POSTED);
    const next = receive();
    if (Atomics.load(shared, HALT) === 2) return;
    if (next === undefined) {
      Atomics.wait(shared, POSTED, posted);
    } else if (Atomics.compareExchange(shared, CLAIMS + next.index, 0, thread + 1) === 0) {
      Atomics.add(shared, BEATS + thread, 1);
      const began = runtime.clock();
      const solved = attempt(runtime, next);
      const seconds = runtime.clock() - began;
      const transfer = solved === undefined ? [] : [solved.f, solved.g, solved.errors].map(({ buffer }) => buffer as ArrayBuffer);
      send({ index: next.index, seconds, ...(solved === undefined ? {} : { solved }) }, transfer);
      Atomics.add(shared, ANSWERED, 1);
      Atomics.notify(shared, ANSWERED);
    }
  }
}

/** Undefined when it fails: errors are for the caller, who meets them again. */
function attempt({ shared, thread, clock }: WorkerRuntime, { task, problem, deadline }: PostedTask): SolvedTask | undefined {
  const signal = {
    get aborted() {
      return Atomics.load(shared, HALT) > 0;
    },
  } as AbortSignal;
  const onProgress = (): void => {
    Atomics.add(shared, BEATS + thread, 1);
  };
  const timeLimit = deadline === undefined ? {} : { timeLimit: Math.max(1e-9, deadline - clock()) };
  try {
    return prepareTask({ ...task, dense: solverProblem(problem) }, { signal, onProgress, ...timeLimit }).run();
  } catch {
    return undefined;
  }
}
