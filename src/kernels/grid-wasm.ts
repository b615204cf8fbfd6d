import type { GridKernels } from './grid-kernels.ts';
import { compileGrid } from './wasm-module.ts';

/** Exports of assembly/grid.ts; addresses and strides in bytes. */
interface Exports {
  multiply(A: number, B: number, out: number, rows: number, depth: number, columns: number, panel: number): void;
  shiftLines(T: number, top: number, out: number, outer: number, along: number, inner: number): void;
  restoreLines(
    S: number,
    top: number,
    T: number,
    outer: number,
    along: number,
    inner: number,
    costs: number,
    count: number,
    stride: number,
    step: number,
    inverse: number,
    moment: number,
  ): number;
}

const ALIGNMENT = 64;
const PAGE = 65_536;
/** Longest axis times 4 numbers, and a tile: room for the columns that are gathered. */
const panelBytes = (longest: number): number => 32 * longest + 128;

/**
 * {@link GridKernels} in WebAssembly SIMD, in a memory of their own.
 *
 * @throws BackendUnavailableError where SIMD is missing; RangeError when the memory cannot be had
 */
export function wasmGridKernels(bytes: number, longest: number): GridKernels {
  const module = compileGrid();
  const memory = new WebAssembly.Memory({ initial: Math.ceil((bytes + panelBytes(longest) + 2 * ALIGNMENT) / PAGE) });
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports;
  const panel = ALIGNMENT;
  let next = ALIGNMENT * Math.ceil((panel + panelBytes(longest)) / ALIGNMENT);
  return {
    kind: 'wasm',
    f64(length) {
      const array = new Float64Array(memory.buffer, next, length);
      next = ALIGNMENT * Math.ceil((next + 8 * length) / ALIGNMENT);
      return array;
    },
    multiply(A, B, out, { rows, depth, columns }, offsets) {
      kernels.multiply(A.byteOffset, B.byteOffset + 8 * offsets.B, out.byteOffset + 8 * offsets.out, rows, depth, columns, panel);
    },
    shiftLines(T, top, out, { outer, along, inner }) {
      kernels.shiftLines(T.byteOffset, top.byteOffset, out.byteOffset, outer, along, inner);
    },
    restoreLines(S, top, T, { outer, along, inner }, { costs, count, stride, step, inverse, moment }) {
      const [sums, tops, from, at] = [S.byteOffset, top.byteOffset, T.byteOffset, costs.byteOffset];
      return kernels.restoreLines(sums, tops, from, outer, along, inner, at, count, 8 * stride, 8 * step, inverse, moment ? 1 : 0);
    },
  };
}
