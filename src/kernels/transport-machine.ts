import { threads as runtime } from '#threads';
import { DONE, FLAGS, HEAD, JOB, JOB_BYTES, SLEEPERS, SPIN, STOP, TICKET, WORKERS } from './thread-control.ts';
import { compileTransport } from './wasm-module.ts';

/** Passes over rows of assembly/transport.ts: each begins with (block, first row, last row, own space). */
const PASSES = [
  'fused64',
  'fused32',
  'fusedWide',
  'multiply',
  'multiplyTranspose',
  'distancesOnce',
  'absorb',
  'logFused',
  'softMinRows',
  'softMinColumns',
  'marginals',
  'apply',
  'applyTranspose',
  'roundedSums',
] as const;
export type Pass = (typeof PASSES)[number];

/** Vector operations of assembly/transport.ts; addresses in bytes. */
export interface VectorKernels {
  dot(x: number, y: number, m: number): number;
  axpy(alpha: number, x: number, y: number, m: number): void;
  exp(x: number, out: number, m: number): void;
  log(x: number, out: number, m: number): void;
  multiplied(factor: number, x: number, out: number, m: number): void;
  zero(at: number, size: number): void;
  narrowed(x: number, out: number, m: number): void;
  listEntries(single: number, k: number, v: number, w: number, r: number, c: number, indices: number, values: number, m: number): number;
  sumBlocks(acc: number, stride: number, blocks: number, out: number, m: number): void;
  softMinFinish(maxima: number, sums: number, stride: number, blocks: number, out: number, m: number): void;
  compareColumns(c: number, wanted: number, logs: number, G: number, penalty: number, logRatio: number, results: number, m: number): void;
  guardStep(direction: number, logRatio: number, c: number, wanted: number, tau: number, wild: number, results: number, m: number): void;
  secantPair(x: number, x0: number, c: number, w: number, c0: number, w0: number, s: number, y: number, results: number, m: number): void;
  difference(x: number, y: number, out: number, m: number): number;
  along(x: number, t: number, y: number, out: number, m: number): void;
  product(x: number, y: number, out: number, m: number): void;
  lbfgsDirection(
    S: number,
    Y: number,
    rho: number,
    newest: number,
    count: number,
    capacity: number,
    c: number,
    wanted: number,
    out: number,
    alpha: number,
    m: number,
  ): void;
}

/** How the rows of a pass are split, and where the own space of the first thread lies; the others' follow. */
export interface Split {
  readonly rows: number;
  readonly blocks: number;
  readonly blockRows: number;
  readonly own: number;
  readonly ownBytes: number;
}

/** A memory with the kernels over it, and the threads that share it. */
export interface Machine<P extends string = Pass> {
  readonly memory: WebAssembly.Memory;
  /** Most threads, the caller included. */
  readonly most: number;
  readonly kernels: VectorKernels;
  /** Runs a pass over all blocks; returns the number of threads that took part. */
  run(pass: P, split: Split, args: readonly number[]): number;
  /** Why there are fewer threads than asked for. */
  reason(): string | undefined;
  /** Makes the memory at least so large, in place; arrays of before must not be used any more. Only where the program lets it grow. */
  grow(bytes: number): void;
  /** Ends the threads. */
  stop(): void;
}

/** A module of kernels and the names of its passes. */
export interface Program<P extends string> {
  /** How messages name it. */
  readonly name: string;
  readonly compile: (shared: boolean) => WebAssembly.Module;
  readonly passes: readonly P[];
  /** Whether the memory of a machine may grow. */
  readonly grows: boolean;
}

/** The kernels of entropic transport. */
export const TRANSPORT: Program<Pass> = { name: 'transport engine', compile: compileTransport, passes: PASSES, grows: false };
const PAGE = 65536;
/** Pages of the largest memory there is. */
const MOST_PAGES = 65536;
/** Address of the threads' control block. */
const CONTROL = 1024;

/** What a memory of at least so many bytes takes: whole pages. */
export function machineBytes(bytes: number): number {
  return PAGE * Math.ceil(bytes / PAGE);
}

/**
 * Makes a machine of `bytes` for up to `asked` threads; they start at the first pass of several blocks.
 *
 * @throws RangeError when the memory cannot be had; BackendUnavailableError where WebAssembly SIMD is missing
 */
export function createMachine<P extends string>(
  bytes: number,
  asked: number,
  { name, compile, passes: names, grows }: Program<P>,
): Machine<P> {
  const pages = machineBytes(bytes) / PAGE;
  let reason = asked > 1 ? runtime.unavailable : undefined;
  if (asked > 1 && typeof SharedArrayBuffer === 'undefined') reason = 'this runtime has no shared memory';
  const shared = asked > 1 && reason === undefined;
  const module = compile(shared);
  let memory: WebAssembly.Memory;
  try {
    memory = new WebAssembly.Memory({ initial: pages, maximum: grows ? MOST_PAGES : pages, shared });
  } catch (cause) {
    throw tooLarge(name, bytes, cause);
  }
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const passes = exports as unknown as Record<string, (...args: number[]) => void>;
  const flags = new Int32Array(memory.buffer, CONTROL, FLAGS);
  const job = new Float64Array(memory.buffer, CONTROL + JOB_BYTES, JOB);
  let started = false;
  let generation = 0;
  let number = 0;
  const stop = (): void => {
    if (!started) return;
    started = false;
    Atomics.store(flags, STOP, ++generation);
    // Another ticket without blocks: nobody goes to sleep on it unseen.
    Atomics.add(flags, TICKET, 256);
    Atomics.notify(flags, TICKET);
  };

  const runAlone = (pass: string, { rows, blocks, blockRows, own }: Split, args: readonly number[]): number => {
    const kernel = passes[pass]!;
    for (let b = 0; b < blocks; b++) kernel(b, b * blockRows, Math.min((b + 1) * blockRows, rows), own, ...args);
    return 1;
  };
  return {
    memory,
    most: asked,
    kernels: exports as unknown as VectorKernels,
    run(pass, split, args) {
      if (!shared || split.blocks === 1) return runAlone(pass, split, args);
      if (!started) {
        started = true;
        runtime.start({ module, memory, passes: names, control: CONTROL, generation }, asked - 1, (why) => {
          reason = why;
        });
      }
      const { rows, blocks, blockRows, own, ownBytes } = split;
      job.set([names.indexOf(pass), rows, blockRows, own, ownBytes, args.length]);
      job.set(args, HEAD);
      Atomics.store(flags, DONE, 0);
      Atomics.store(flags, WORKERS, 0);
      number = (number + 1) & 0x7fffff;
      Atomics.store(flags, TICKET, (number << 8) | blocks);
      if (Atomics.load(flags, SLEEPERS) > 0) Atomics.notify(flags, TICKET);
      const kernel = passes[pass]!;
      for (;;) {
        const ticket = Atomics.load(flags, TICKET);
        const left = ticket & 255;
        if (left === 0) break;
        if (Atomics.compareExchange(flags, TICKET, ticket, ticket - 1) !== ticket) continue;
        const first = (left - 1) * blockRows;
        kernel(left - 1, first, Math.min(first + blockRows, rows), own, ...args);
        Atomics.add(flags, DONE, 1);
      }
      waitFor(flags, blocks);
      return 1 + bitCount(Atomics.load(flags, WORKERS));
    },
    reason: () => reason,
    grow(wanted) {
      const more = Math.ceil((wanted - memory.buffer.byteLength) / PAGE);
      if (more <= 0) return;
      // A worker learns of the new size some time later: those of the next pass begin with it.
      stop();
      try {
        memory.grow(more);
      } catch (cause) {
        throw tooLarge(name, wanted, cause);
      }
    },
    stop,
  };
}

function tooLarge(name: string, bytes: number, cause: unknown): RangeError {
  return new RangeError(`${name}: no WebAssembly memory of ${bytes} bytes is to be had; make the problem smaller`, { cause });
}

/** Waits until all blocks are done: spinning, and asleep when a worker has lost its core. */
function waitFor(flags: Int32Array, blocks: number): void {
  const start = performance.now();
  for (let turn = 1; ; turn++) {
    const done = Atomics.load(flags, DONE);
    if (done === blocks) return;
    if (turn % 64 === 0 && performance.now() - start > SPIN) Atomics.wait(flags, DONE, done, SPIN);
  }
}

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
