/**
 * How the caller and its workers share the blocks of a pass. Whole numbers from the control block's address on:
 *
 * - ticket: number of the pass · 256 + blocks that nobody has taken. Whoever lowers it by one from t to t − 1 > … has block (t mod 256) − 1.
 *   With none left it says so whatever stands in the job, so that a worker that comes late takes nothing of the next pass by mistake.
 * - done: blocks finished; the caller waits for all before it returns, so that the job stands still while anyone may read it.
 * - sleepers: workers that wait for a ticket. - workers: bits of those that took part. - stop: workers of
 *   generations below this number end; a worker reads it after the ticket, so that none of them ever takes a block of a later generation.
 */
export const TICKET = 0;
export const DONE = 1;
export const SLEEPERS = 2;
export const WORKERS = 3;
export const STOP = 4;
/** Numbers of the control block, and the bytes after which the job follows in f64: pass, rows, rows of a block, own, its bytes, count, arguments. */
export const FLAGS = 16;
export const JOB_BYTES = 64;
export const JOB = 64;
/** Numbers of a job in front of its arguments. */
export const HEAD = 6;
/** Milliseconds that an idle worker, or a caller without blocks, spins before it sleeps. */
export const SPIN = 0.1;

/** What a worker needs to begin. */
export interface WorkerStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Exports that a job names by number. */
  readonly passes: readonly string[];
  /** Address of the control block. */
  readonly control: number;
  /** Which workers of this memory they are: later ones replace earlier ones. */
  readonly generation: number;
}

/** What a runtime offers. */
export interface Threads {
  /** Why there are none; undefined where there are. */
  readonly unavailable: string | undefined;
  /** How many the machine has for us. */
  readonly available: () => number;
  /** Starts `count` workers, which join when they are up and keep no process alive; `failed` hears why one could not. */
  start(start: WorkerStart, count: number, failed: (reason: string) => void): void;
}
