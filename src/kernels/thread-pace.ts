/** Whether the threads of an engine are worth it at this moment: on a busy machine everybody waits for the one that has lost its core. */
export interface ThreadPace {
  /** Begins a call of so many operations; whether it should use threads. */
  begin(operations: number): boolean;
  /** Ends that call. */
  end(): void;
}

/** Alone a call takes about twice its best time on two threads; beyond that they do harm. */
const TOO_SLOW = 2.2;
/** Weight of the last call in the recent time, and what the best time grows by, so that it forgets. */
const LAST = 0.25;
const FORGETTING = 1.002;
/** Milliseconds alone before threads are tried again. */
const PAUSE = 25;

/** Compares the recent time an operation on threads with the best one. Calls of fewer than `worth` operations go without threads. */
export function threadPace(worth: number, now: () => number): ThreadPace {
  let best = Number.POSITIVE_INFINITY;
  let recent = 0;
  let alone = Number.NEGATIVE_INFINITY;
  let start = 0;
  let size = 0;
  return {
    begin(operations) {
      start = now();
      size = operations < worth || start < alone ? 0 : operations;
      return size > 0;
    },
    end() {
      if (size === 0) return;
      const time = now();
      const pace = (time - start) / size;
      best = Math.min(best * FORGETTING, pace);
      recent = recent === 0 ? pace : recent + LAST * (pace - recent);
      if (recent <= TOO_SLOW * best) return;
      alone = time + PAUSE;
      recent = best;
    },
  };
}
