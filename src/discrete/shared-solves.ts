import { batchThreads } from '#batch-threads';
import { ANSWERED, BEATS, CLAIMS, type Crew, HALT } from './batch-control.ts';
import type { DiscreteCoupling } from './discrete-coupling.ts';
import { frozenLevels } from './level-record.ts';
import type { PreparedSolve, Solves } from './prepared-solve.ts';
import { sendable, sharedCopies, sharedProblem } from './shared-problem.ts';
import type { PreparedSinkhorn } from './sinkhorn.ts';
import { prepareTask, type SolvedTask, type SolveTask } from './solve-task.ts';

/** Problems to be solved by the caller and workers together. */
export interface SharedBatch {
  /** The problems from `first` up to, and without, `count`. */
  readonly first: number;
  readonly count: number;
  readonly workers: number;
  /** Compiled kernels for the workers, unless they are to do without. */
  readonly kernels: WebAssembly.Module | undefined;
  /** Checks a problem and makes it ready; called in order. */
  prepare(index: number): PreparedSinkhorn;
  /** False for problems that the caller solves with threads of their own. */
  shareable(index: number): boolean;
  readonly signal?: AbortSignal | undefined;
  /** Second of the shared clock at which time is up. */
  readonly deadline?: number | undefined;
}

/** Problems posted and not yet begun, for each thread, and most bytes of costs sent and not yet used. */
const AHEAD = 4;
const BYTES_AHEAD = 256 * 2 ** 20;
/** Milliseconds that a caller without work sleeps at a time. */
const NAP = 20;
/** Seconds without a step after which a worker is taken for dead: so many, and so many a pair. */
const PATIENCE = { least: 2, pair: 2e-7 } as const;

/** A problem on its way. */
interface Underway {
  readonly prepared: PreparedSinkhorn;
  readonly seconds: number;
  readonly bytes: number;
}

type Outcome = { readonly coupling: DiscreteCoupling } | { readonly error: unknown };

/**
 * Solves problems on the caller's thread and on workers: each takes the first that nobody has taken. The answers do not tell who solved
 * them. The caller prepares, makes the answers, solves like everybody else, and only rests while workers do the last problems; what a worker
 * fails at, or holds without a sign of life, the caller solves again. Undefined when no worker could be started.
 *
 * @throws what the first problem that fails throws
 */
export function* shareSolves(batch: SharedBatch): Solves<DiscreteCoupling | undefined, DiscreteCoupling[] | undefined> {
  const shared = new Int32Array(new SharedArrayBuffer(4 * (CLAIMS + batch.count)));
  const crew = batchThreads.start(batch.workers, shared, batch.kernels);
  if (crew === undefined) return undefined;
  const shift = new Shift(batch, shared, crew);
  try {
    for (;;) {
      const answered = Atomics.load(shared, ANSWERED);
      shift.collect();
      shift.post();
      if (batch.signal?.aborted) Atomics.store(shared, HALT, 1);
      if (shift.finished) return shift.answers();
      const own = shift.claim();
      yield own === undefined ? rest(shared, answered) : shift.solve(own);
      if (own === undefined) shift.takeBack();
    }
  } finally {
    crew.dismiss();
  }
}

/** The caller's part in a batch. */
class Shift {
  private readonly batch: SharedBatch;
  private readonly shared: Int32Array;
  private readonly crew: Crew;
  private readonly underway: Map<number, Underway> = new Map();
  private readonly outcomes: Outcome[] = [];
  /** Problems that a worker has failed at. */
  private readonly again: number[] = [];
  /** Steps of every worker when last seen to advance, and the second. */
  private readonly seen: Map<number, { beats: number; since: number }> = new Map();
  private readonly share: (costs: Float64Array) => Float64Array = sharedCopies();
  private sent: Float64Array | undefined;
  /** Seconds spent on preparing problems. */
  private preparing = 0;
  private next: number;
  /** Problems from here on do not matter: an earlier one has failed. */
  private end: number;

  constructor(batch: SharedBatch, shared: Int32Array, crew: Crew) {
    this.batch = batch;
    this.shared = shared;
    this.crew = crew;
    this.next = batch.first;
    this.end = batch.count;
  }

  get finished(): boolean {
    if (this.next < this.end) return false;
    for (const index of this.underway.keys()) if (index < this.end) return false;
    return true;
  }

  answers(): DiscreteCoupling[] {
    return this.outcomes.slice(this.batch.first).map((outcome) => {
      if ('error' in outcome) throw outcome.error;
      return outcome.coupling;
    });
  }

  /** Prepares and posts problems until there are enough that nobody has begun. */
  post(): void {
    if (this.next >= this.end) return;
    const { batch, shared, underway } = this;
    let [open, bytes] = [0, 0];
    for (const [index, { bytes: own }] of underway) {
      if (Atomics.load(shared, CLAIMS + index) === 0) open++;
      bytes += own;
    }
    for (; this.next < this.end && (open === 0 || (open < AHEAD * (batch.workers + 1) && bytes < BYTES_AHEAD)); open++) {
      const index = this.next++;
      this.settle(index, () => {
        const began = batchThreads.clock();
        const prepared = batch.prepare(index);
        const { task } = prepared;
        let own = 0;
        if (task !== undefined && batch.shareable(index) && sendable(task.dense)) {
          const { dense, ...rest } = task;
          const problem = sharedProblem(dense, this.share);
          if (problem.costs !== this.sent) own = problem.costs?.byteLength ?? 0;
          this.sent = problem.costs;
          this.crew.post({ index, problem, task: alone(rest), ...(batch.deadline === undefined ? {} : { deadline: batch.deadline }) });
        }
        bytes += own;
        const seconds = batchThreads.clock() - began;
        this.preparing += seconds;
        underway.set(index, { prepared, bytes: own, seconds });
        return undefined;
      });
    }
  }

  /** Makes answers of what workers have sent. */
  collect(): void {
    for (;;) {
      const report = this.crew.receive();
      if (report === undefined) return;
      const { index, solved, seconds } = report;
      const { prepared, seconds: before } = this.underway.get(index) ?? {};
      if (prepared === undefined || before === undefined) continue;
      const thread = Atomics.load(this.shared, CLAIMS + index) - 1;
      if (solved === undefined) this.again.push(index);
      else this.settle(index, () => prepared.answer?.(frozen(solved), before + seconds, thread));
    }
  }

  /** The first problem that nobody has taken; it is the caller's now. */
  claim(): number | undefined {
    for (let index = this.again.pop(); index !== undefined; index = this.again.pop()) {
      Atomics.store(this.shared, CLAIMS + index, 1);
      if (index < this.end && this.underway.has(index)) return index;
    }
    for (const index of this.underway.keys()) {
      if (index < this.end && Atomics.compareExchange(this.shared, CLAIMS + index, 0, 1) === 0) return index;
    }
    return undefined;
  }

  /** The solve of a problem of the caller's; it never throws. */
  solve(index: number): PreparedSolve<DiscreteCoupling | undefined> {
    const { prepared, seconds } = this.underway.get(index)!;
    const { task, answer } = prepared;
    const { batch } = this;
    if (task === undefined || answer === undefined || !batch.shareable(index)) {
      // Its time was counted when it was prepared.
      const fresh = (): PreparedSinkhorn => (batch.deadline === undefined ? prepared : batch.prepare(index));
      return {
        run: () => this.settle(index, () => fresh().run()),
        runAsync: async () => this.settled(index, async () => fresh().runAsync()),
      };
    }
    // What is done for other problems meanwhile is no time of this one.
    const began = batchThreads.clock() - this.preparing;
    const solve = prepareTask(
      { ...alone(task), dense: task.dense },
      {
        ...(batch.signal === undefined ? {} : { signal: batch.signal }),
        ...(batch.deadline === undefined ? {} : { timeLimit: Math.max(1e-9, batch.deadline - batchThreads.clock()) }),
        // The others must not run out of work meanwhile.
        onProgress: () => this.post(),
      },
    );
    const finish = (solved: SolvedTask): DiscreteCoupling => answer(solved, seconds + batchThreads.clock() - this.preparing - began, 0);
    return {
      run: () => this.settle(index, () => finish(solve.run())),
      runAsync: async () => this.settled(index, async () => finish(await solve.runAsync())),
    };
  }

  /** Takes problems back from workers that have ended, or give no sign of life. */
  takeBack(): void {
    const now = batchThreads.clock();
    for (const [index, { prepared }] of this.underway) {
      const thread = Atomics.load(this.shared, CLAIMS + index) - 1;
      if (thread < 1) continue;
      const beats = Atomics.load(this.shared, BEATS + thread);
      const last = this.seen.get(thread);
      if (last?.beats !== beats) this.seen.set(thread, { beats, since: now });
      const { a, b } = prepared.task!.dense;
      const patience = PATIENCE.least + PATIENCE.pair * a.length * b.length;
      const silent = last?.beats === beats && now - last.since > patience;
      if (silent) this.crew.giveUp(thread);
      if (silent || this.crew.lost(thread)) this.again.push(index);
    }
  }

  /** Keeps a result, or the error that came instead. */
  private settle(index: number, make: () => DiscreteCoupling | undefined): DiscreteCoupling | undefined {
    try {
      const coupling = make();
      if (coupling !== undefined) this.keep(index, { coupling });
      return coupling;
    } catch (error) {
      return this.fail(index, error);
    }
  }

  private async settled(index: number, make: () => Promise<DiscreteCoupling>): Promise<DiscreteCoupling | undefined> {
    try {
      const coupling = await make();
      this.keep(index, { coupling });
      return coupling;
    } catch (error) {
      return this.fail(index, error);
    }
  }

  private fail(index: number, error: unknown): undefined {
    this.keep(index, { error });
    this.end = Math.min(this.end, index + 1);
  }

  private keep(index: number, outcome: Outcome): void {
    this.outcomes[index] = outcome;
    this.underway.delete(index);
  }
}

/** Waits for an answer, for a moment. */
function rest(shared: Int32Array, answered: number): PreparedSolve<undefined> {
  return {
    run() {
      Atomics.wait(shared, ANSWERED, answered, NAP);
      return undefined;
    },
    runAsync: () => new Promise((resolve) => setTimeout(resolve, 1)),
  };
}

/** The task for one thread: many problems at once need no threads of their own. */
function alone<Task extends Pick<SolveTask, 'options'>>(task: Task): Task {
  const { options } = task;
  return { ...task, options: { ...options, compute: { ...options.compute, threads: 1 } } };
}

/** Messages arrive thawed. */
function frozen(solved: SolvedTask): SolvedTask {
  const { levels = [], ...stats } = solved.stats;
  return { ...solved, stats: Object.freeze({ ...stats, levels: frozenLevels(levels) }) };
}
