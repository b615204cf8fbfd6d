import { BLOCK, blocksOf, type GridKernels } from './grid-kernels.ts';
import { compileGrid } from './wasm-module.ts';

/** Exports of assembly/grid.ts; addresses and strides in bytes. */
interface Exports {
  multiply(A: number, B: number, out: number, rows: number, depth: number, columns: number, panel: number): void;
  logLines(
    T: number,
    out: number,
    lines: number,
    along: number,
    inner: number,
    count: number,
    kernel: number,
    least: number,
    costs: number,
    stride: number,
    step: number,
    inverse: number,
    moment: number,
    scratch: number,
  ): number;
}

const ALIGNMENT = 64;
const PAGE = 65_536;
/** Room for four lines, their exponentials, the tops and factors of their blocks, and a block of sums. */
const scratchBytes = (longest: number): number => 32 * (2 * (longest + BLOCK) + blocksOf(longest) + BLOCK) + 128;

/**
 * {@link GridKernels} in WebAssembly SIMD, in a memory of their own.
 *
 * @throws BackendUnavailableError where SIMD is missing; RangeError when the memory cannot be had
 */
export function wasmGridKernels(bytes: number, longest: number): GridKernels {
  const module = compileGrid();
  const memory = new WebAssembly.Memory({ initial: Math.ceil((bytes + scratchBytes(longest) + 2 * ALIGNMENT) / PAGE) });
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports;
  const scratch = ALIGNMENT;
  let next = ALIGNMENT * Math.ceil((scratch + scratchBytes(longest)) / ALIGNMENT);
  return {
    kind: 'wasm',
    f64(length) {
      const array = new Float64Array(memory.buffer, next, length);
      next = ALIGNMENT * Math.ceil((next + 8 * length) / ALIGNMENT);
      return array;
    },
    multiply(A, B, out, { rows, depth, columns }, offsets) {
      kernels.multiply(A.byteOffset, B.byteOffset + 8 * offsets.B, out.byteOffset + 8 * offsets.out, rows, depth, columns, scratch);
    },
    logLines(T, out, { outer, along, inner }, { count, kernel, least, costs, stride, step, inverse, moment }) {
      const [from, to, lines, weigh] = [T.byteOffset, out.byteOffset, outer * inner, moment ? 1 : 0];
      const [K, bounds, C] = [kernel.byteOffset, least.byteOffset, costs.byteOffset];
      return kernels.logLines(from, to, lines, along, inner, count, K, bounds, C, 8 * stride, 8 * step, inverse, weigh, scratch);
    },
  };
}
