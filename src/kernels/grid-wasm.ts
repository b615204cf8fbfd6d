import { BLOCK, blocksOf, type GridKernels } from './grid-kernels.ts';
import { type MachinePool, machinePool } from './machine-pool.ts';
import { compileGrid } from './wasm-module.ts';

type Pass = 'multiply' | 'logLines';
const machines: MachinePool<Pass> = machinePool({
  name: 'grid kernels',
  compile: compileGrid,
  passes: ['multiply', 'logLines'],
  grows: true,
});

const ALIGNMENT = 64;
/** Nothing is at 0, and the threads' control block and the counts of the blocks of `logLines` come first. */
const FRONT = 8192;
const COUNTS = 4096;
/** Blocks of a pass, for threads to share: they do not get their cores at the same time. */
const MOST_BLOCKS = 32;
/** Multiplications below which a pass is one block: waking a thread takes as long. */
const ONE_BLOCK = 500_000;

/** Room of a thread for four lines, their exponentials, the tops and factors of their blocks, and a block of sums. */
const ownBytesOf = (longest: number): number => aligned(32 * (2 * (longest + BLOCK) + blocksOf(longest) + BLOCK) + 128);
const aligned = (bytes: number): number => ALIGNMENT * Math.ceil(bytes / ALIGNMENT);

/**
 * {@link GridKernels} in WebAssembly SIMD, with up to `threads` threads.
 *
 * @throws BackendUnavailableError where SIMD is missing; RangeError when the memory cannot be had
 */
export function wasmGridKernels(bytes: number, longest: number, threads: number): GridKernels {
  const ownBytes = ownBytesOf(longest);
  const end = FRONT + threads * ownBytes + aligned(bytes) + ALIGNMENT;
  const { machine, pristine } = machines.take(end, threads);
  const { buffer } = machine.memory;
  const counts = new Float64Array(buffer, COUNTS, MOST_BLOCKS);
  let next = FRONT + threads * ownBytes;
  let widest = 1;
  let released = false;
  const run = (pass: Pass, units: number, work: number, args: readonly number[]): number => {
    const blockRows = work < ONE_BLOCK ? units : Math.max(1, Math.ceil(units / MOST_BLOCKS));
    const blocks = Math.ceil(units / blockRows);
    widest = Math.max(widest, machine.run(pass, { rows: units, blocks, blockRows, own: FRONT, ownBytes }, args));
    return blocks;
  };
  return {
    kind: 'wasm',
    threads: () => widest,
    f64(length) {
      const address = next;
      next = aligned(next + 8 * length);
      if (next > end) throw new RangeError(`grid kernels: arrays take more than the ${bytes} bytes asked for; open them with more`);
      return new Float64Array(buffer, address, length).fill(0);
    },
    multiply(A, B, out, { products, rows, depth, columns }) {
      const panels = products * Math.ceil(columns / 4);
      run('multiply', panels, 4 * panels * rows * depth, [A.byteOffset, B.byteOffset, out.byteOffset, rows, depth, columns]);
    },
    logLines(T, out, { outer, along, inner }, { count, kernel, least, costs, stride, step, inverse, moment }) {
      const lines = outer * inner;
      const [K, bounds, C] = [kernel.byteOffset, least.byteOffset, costs.byteOffset];
      const shape = [lines, along, inner, count, K, bounds, C, 8 * stride, 8 * step, inverse, moment ? 1 : 0, COUNTS];
      const blocks = run('logLines', Math.ceil(lines / 4), lines * along * count, [T.byteOffset, out.byteOffset, ...shape]);
      return counts.subarray(0, blocks).reduce((sum, redone) => sum + redone, 0);
    },
    release() {
      if (!released) machines.giveBack(machine, Math.max(pristine, next));
      released = true;
    },
  };
}
