import { compileTransport } from './wasm-module.ts';

/** Passes over rows of assembly/transport.ts: each begins with (block, first row, last row, own space). */
const PASSES = [
  'fused64',
  'fused32',
  'multiply',
  'multiplyTranspose',
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
  narrowed(x: number, out: number, m: number): void;
  sumBlocks(acc: number, stride: number, blocks: number, out: number, m: number): void;
  softMinFinish(maxima: number, sums: number, stride: number, blocks: number, out: number, m: number): void;
  lbfgsDirection(
    S: number,
    Y: number,
    rho: number,
    newest: number,
    count: number,
    capacity: number,
    gradient: number,
    D: number,
    out: number,
    alpha: number,
    m: number,
  ): void;
}

/** How the rows of a pass are split, and where the threads' own space lies. */
export interface Split {
  readonly rows: number;
  readonly blocks: number;
  readonly blockRows: number;
  readonly own: number;
  readonly ownBytes: number;
}

/** A memory with instances of the kernels over it. */
export interface Machine {
  readonly memory: WebAssembly.Memory;
  readonly kernels: VectorKernels;
  /** Runs a pass over all blocks. */
  run(pass: Pass, split: Split, args: readonly number[]): void;
}

const PAGE = 65536;

export function createMachine(bytes: number): Machine {
  const pages = Math.ceil(bytes / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { exports } = new WebAssembly.Instance(compileTransport(false), { env: { memory } });
  const passes = exports as unknown as Record<Pass, (...args: number[]) => void>;
  return {
    memory,
    kernels: exports as unknown as VectorKernels,
    run(pass, { rows, blocks, blockRows, own }, args) {
      const kernel = passes[pass];
      for (let b = 0; b < blocks; b++) kernel(b, b * blockRows, Math.min((b + 1) * blockRows, rows), own, ...args);
    },
  };
}
