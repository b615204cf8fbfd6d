import type { BoxedCoordinates, GaussEngine } from './gauss-engine.ts';
import { type MachinePool, machinePool } from './machine-pool.ts';
import type { Machine } from './transport-machine.ts';
import { compileGauss } from './wasm-module.ts';

type Pass = 'moments' | 'evaluate' | 'contractions';
const machines: MachinePool<Pass> = machinePool({
  name: 'Gauss transform',
  compile: compileGauss,
  passes: ['moments', 'evaluate', 'contractions'],
  grows: true,
});
/** Nothing is at 0, and the threads' control block comes first. */
const FRONT = 8192;
/** Tables of a thread: 24 rows, or a matrix, of at most 32 numbers a row. */
const OWN = 8 * 32 * 32;
/** Blocks of a pass, for threads to share: boxes are not alike. */
const MOST_BLOCKS = 64;

/** The engine on WebAssembly SIMD, with up to `threads` threads. */
export function wasmGaussEngine(threads: number): GaussEngine {
  const start = FRONT + threads * OWN;
  let machine: Machine<Pass> | undefined;
  let next = start;
  let widest = 1;
  /** The end of what arrays have taken in this machine. */
  let most = start;
  const take = (size: number): { buffer: ArrayBufferLike; address: number } => {
    const { buffer } = machine!.memory;
    const address = next;
    next += 64 * Math.ceil(size / 64);
    most = Math.max(most, next);
    if (next > buffer.byteLength) throw new RangeError('gauss engine: arrays take more than was asked for; reset it with more bytes');
    new Uint8Array(buffer, address, size).fill(0);
    return { buffer, address };
  };
  const run = (pass: Pass, rows: number, args: readonly number[]): void => {
    const blockRows = Math.max(1, Math.ceil(rows / MOST_BLOCKS));
    const split = { rows, blocks: Math.ceil(rows / blockRows), blockRows, own: FRONT, ownBytes: OWN };
    if (rows > 0) widest = Math.max(widest, machine!.run(pass, split, args));
  };
  const boxed = ({ starts, t, dimension }: BoxedCoordinates): [number, number, number] => [
    starts.byteOffset,
    t.byteOffset,
    (8 * t.length) / dimension,
  ];
  return {
    kind: 'wasm',
    threads: () => widest,
    reset(bytes) {
      next = start;
      if (machine !== undefined) {
        machine.grow(start + bytes);
        return;
      }
      const taken = machines.take(start + bytes, threads);
      machine = taken.machine;
      most = Math.max(most, taken.pristine);
    },
    f64(length) {
      const { buffer, address } = take(8 * length);
      return new Float64Array(buffer, address, length);
    },
    i32(length) {
      const { buffer, address } = take(4 * length);
      return new Int32Array(buffer, address, length);
    },
    moments(points, w, q, M) {
      run('moments', points.boxes, [...boxed(points), w.byteOffset, q, points.dimension, M.byteOffset]);
    },
    evaluate(points, C, q, out) {
      run('evaluate', points.boxes, [...boxed(points), C.byteOffset, q, points.dimension, out.byteOffset]);
    },
    contract({ groups, sources, matrices, scales }, q, inner, src, M, dst, factors) {
      const along = factors === undefined ? [0, 0] : [factors.values.byteOffset, factors.along === 'columns' ? 1 : 2];
      const lists = [groups, sources, matrices, scales].map((list) => list.byteOffset);
      run('contractions', groups.length - 1, [...lists, src.byteOffset, M.byteOffset, dst.byteOffset, q, inner, ...along]);
    },
    release() {
      if (machine !== undefined) machines.giveBack(machine, most);
      machine = undefined;
    },
  };
}
