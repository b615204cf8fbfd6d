import type { CostBlock, TransportEngine } from './transport-engine.ts';
import { ALIGNMENT, fillCosts, fillPoints, padded } from './transport-layout.ts';
import type { Machine, Pass, Split, VectorKernels } from './transport-machine.ts';

/** Bytes in front: nothing is at 0, the threads' control block, from RESULTS on numbers of each block, then the kernels' table of powers. */
const FRONT = 16384;
const RESULTS = 4096;
/** Pairs below which a pass is one block. */
const ONE_BLOCK = 250_000;
const MOST_BLOCKS = 8;
/** Most bytes for sums of blocks of their own. */
const SUMS = 32 * 2 ** 20;
/** Most bytes for each thread's rows: what a million columns need. */
const ROWS = 64 * 2 ** 20;

/** Bytes of memory for an engine whose arrays take `bytes`: space for sums and rows in front, which the system gives only when touched. */
export function memoryBytes(bytes: number, threads: number): number {
  return scratchBytes(bytes, threads) + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

// Arrays of 16 bytes a column at least stand against 64 bytes a column and thread, 128 for sums and 16 for copies.
function scratchBytes(bytes: number, threads: number): number {
  return FRONT + 2 ** 20 + Math.ceil(Math.min((4 * threads + 10) * bytes, threads * ROWS + 2 * SUMS) / ALIGNMENT) * ALIGNMENT;
}

/** The engine on WebAssembly SIMD, in the memory of a machine whose bytes from `pristine` on are known to be 0. */
export function wasmTransportEngine(
  machine: Machine,
  bytes: number,
  pristine: number,
  giveBack: (pristine: number) => void,
): TransportEngine {
  const { memory, most } = machine;
  const kernels = machine.kernels as VectorKernels & { fillPowers(): void };
  if (pristine === 0) kernels.fillPowers();
  const { buffer } = memory;
  const start = scratchBytes(bytes, most);
  const end = start + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
  let next = start;
  let clean = Math.max(pristine, start);
  let widest = 1;
  let released = false;
  const run = (pass: Pass, split: Split, args: readonly number[]): void => {
    widest = Math.max(widest, machine.run(pass, split, args));
  };
  const results = new Float64Array(buffer, RESULTS, 8 * MOST_BLOCKS);

  /** Address of `size` bytes, zeroed if so wanted. */
  const take = (size: number, zeroed: boolean): number => {
    const address = next;
    const after = address + Math.ceil(size / ALIGNMENT) * ALIGNMENT;
    if (after > end) {
      throw new RangeError(`transport engine: ${after - start} bytes are needed and ${bytes} were asked for; open it with more`);
    }
    next = after;
    if (zeroed && address < clean) kernels.zero(address, Math.min(after, clean) - address);
    clean = Math.max(clean, after);
    return address;
  };
  const f64 = (length: number, zeroed = true): Float64Array => new Float64Array(buffer, take(8 * length, zeroed), length);
  const at = (array: Float64Array | Float32Array): number => {
    if (array.buffer !== buffer) throw new TypeError('transport engine: an array is not in its memory; take arrays from f64 or f32');
    return array.byteOffset;
  };

  /** Space of a call, below the arrays: first the threads' rows, then what it takes. */
  const scratch = (width: number): { readonly own: number; readonly ownBytes: number; take(size: number): number } => {
    const ownBytes = 64 * width + ALIGNMENT;
    let free = FRONT + most * ownBytes;
    const taken = (size: number): number => {
      const address = free;
      free += Math.ceil(size / ALIGNMENT) * ALIGNMENT;
      if (free > start) throw new RangeError(`transport engine: ${width} columns need more room; open it with more bytes`);
      return address;
    };
    return { own: FRONT, ownBytes, take: taken };
  };
  /** Blocks by shape alone; `sums` numbers a column are summed by each block apart. */
  const blocksOf = (rows: number, columns: number, sums: number): { readonly blocks: number; readonly blockRows: number } => {
    const room = sums === 0 ? MOST_BLOCKS : Math.floor(SUMS / (8 * sums * columns));
    const count = rows * columns < ONE_BLOCK ? 1 : Math.max(1, Math.min(MOST_BLOCKS, room));
    const blockRows = padded(Math.ceil(rows / count));
    return { blocks: Math.ceil(rows / blockRows), blockRows };
  };

  interface Call {
    readonly split: Split;
    readonly take: (size: number) => number;
  }
  const prepare = (rows: number, width: number, sums: number): Call => {
    const space = scratch(width);
    return { split: { rows, ...blocksOf(rows, width, sums), own: space.own, ownBytes: space.ownBytes }, take: space.take };
  };
  /** Runs a pass with sums of `length` numbers, by blocks and then together into `out`. */
  const runSummed = (
    pass: Pass,
    { split, take: taken }: Call,
    out: number,
    length: number,
    args: (acc: number, stride: number) => number[],
  ): void => {
    if (split.blocks === 1) {
      run(pass, split, args(out, 0));
      return;
    }
    const stride = 8 * length;
    const acc = taken(split.blocks * stride);
    run(pass, split, args(acc, stride));
    kernels.sumBlocks(acc, stride, split.blocks, out, length);
  };
  /** A copy of potentials in base 2. */
  const inBase2 = (G: Float64Array, taken: Call['take']): number => {
    const address = taken(8 * G.length);
    kernels.multiplied(Math.LOG2E, at(G), address, G.length);
    return address;
  };
  const inSingle = (v: Float64Array, taken: Call['take']): number => {
    const address = taken(4 * v.length);
    kernels.narrowed(at(v), address, v.length);
    return address;
  };
  /** D, P, Y and factor of the kernels. */
  const costArguments = (costs: CostBlock, inverse: number): readonly [number, number, number, number] =>
    costs.kind === 'stored'
      ? [0, at(costs.data), 0, -inverse * Math.LOG2E]
      : [costs.dimension, at(costs.x), at(costs.y), -inverse * costs.scale * Math.LOG2E];
  const scaleOf = (costs: CostBlock): number => (costs.kind === 'stored' ? 1 : costs.scale);

  return {
    kind: 'wasm',
    threads: () => widest,
    get threadsReason() {
      return machine.reason();
    },
    width: padded,
    height: padded,
    f64,
    f32: (length, zeroed = true) => new Float32Array(buffer, take(4 * length, zeroed), length),
    reset() {
      next = start;
    },
    storedCosts: (costs, rows, columns) => fillCosts(f64(padded(rows) * padded(columns), false), costs, rows, columns),
    pointCosts(x, y, dimension, scale) {
      const [rows, columns] = [padded(x.length / dimension), padded(y.length / dimension)];
      return fillPoints({ x: f64(rows * dimension, false), y: f64(columns * dimension, false) }, x, y, dimension, scale);
    },
    storedPointCosts({ rows, columns, dimension, scale, x, y }) {
      const data = f64(padded(rows) * padded(columns), false);
      const { split } = prepare(padded(rows), padded(columns), 0);
      run('distancesOnce', split, [dimension, at(x), at(y), scale, at(data), padded(columns)]);
      return { kind: 'stored', rows, columns, data };
    },
    absorb(costs, G, inverse, K, F0) {
      const m = G.length;
      const { split, take: taken } = prepare(F0.length, m, 0);
      const single = K instanceof Float32Array ? 1 : 0;
      run('absorb', split, [...costArguments(costs, inverse), inBase2(G, taken), at(K), at(F0), single, m]);
    },
    fused(K, v, a, u, sum, mode, wide = false) {
      const m = v.length;
      const call = prepare(a.length, m, 1);
      const single = K instanceof Float32Array;
      const x = single && !wide ? inSingle(v, call.take) : at(v);
      const times = mode === 'multiply' ? 1 : 0;
      const pass = !single ? 'fused64' : wide ? 'fusedWide' : 'fused32';
      runSummed(pass, call, at(sum), m, (acc, stride) => [at(K), x, at(a), at(u), acc, stride, times, m]);
    },
    multiply(K, v, out) {
      const m = v.length;
      const { split, take: taken } = prepare(out.length, m, 0);
      const single = K instanceof Float32Array;
      run('multiply', split, [single ? 1 : 0, at(K), single ? inSingle(v, taken) : at(v), at(out), m]);
    },
    largeEntries(K, v, w, byRow, byColumn, visit) {
      const m = v.length;
      const { take: taken } = scratch(m);
      const single = K instanceof Float32Array;
      const [x, y] = single ? [inSingle(v, taken), inSingle(w, taken)] : [at(v), at(w)];
      const [columns, values] = [new Int32Array(buffer, taken(4 * m), m), new Float64Array(buffer, taken(8 * m), m)];
      const [first, rowBytes] = [at(K), K.BYTES_PER_ELEMENT * m];
      for (let i = 0; i < byRow.length; i++) {
        const [r, c] = [byRow[i]!, byColumn[i]!];
        const k = first + i * rowBytes;
        const count = kernels.listEntries(single ? 1 : 0, k, x, y, r, c, columns.byteOffset, values.byteOffset, m);
        if (!visit(i, count, columns, values)) return;
      }
    },
    multiplyTranspose(K, u, out) {
      const m = out.length;
      const single = K instanceof Float32Array ? 1 : 0;
      const call = prepare(u.length, m, 1);
      runSummed('multiplyTranspose', call, at(out), m, (acc, stride) => [single, at(K), at(u), acc, stride, m]);
    },
    logFused(costs, F, G, inverse, v, a, q, sum, mode, single) {
      const m = G.length;
      const call = prepare(F.length, m, 1);
      const x = v === undefined ? 0 : single ? inSingle(v, call.take) : at(v);
      const fixed = [...costArguments(costs, inverse), at(F), inBase2(G, call.take), x, at(a), at(q)];
      const rest = [mode === 'multiply' ? 1 : 0, single ? 1 : 0, m];
      runSummed('logFused', call, at(sum), m, (acc, stride) => [...fixed, acc, stride, ...rest]);
    },
    softMinRows(costs, G, inverse, out) {
      const m = G.length;
      const { split, take: taken } = prepare(out.length, m, 0);
      const sums = taken(8 * out.length);
      run('softMinRows', split, [...costArguments(costs, inverse), inBase2(G, taken), at(out), sums, m]);
      kernels.softMinFinish(at(out), sums, 0, 1, at(out), out.length);
    },
    softMinColumns(costs, F, inverse, out) {
      const m = out.length;
      const { split, take: taken } = prepare(F.length, m, 2);
      const stride = 16 * m;
      const acc = taken(split.blocks * stride);
      run('softMinColumns', split, [...costArguments(costs, inverse), at(F), acc, stride, m]);
      kernels.softMinFinish(acc, acc + 8 * m, stride, split.blocks, at(out), m);
    },
    marginals(costs, F, G, inverse, rows, columns) {
      const m = G.length;
      const call = prepare(F.length, m, 1);
      const fixed = [...costArguments(costs, inverse), at(F), inBase2(G, call.take), at(rows)];
      runSummed('marginals', call, at(columns), m, (acc, stride) => [...fixed, acc, stride, RESULTS, m]);
      let linear = 0;
      for (let b = 0; b < call.split.blocks; b++) linear += results[b]!;
      return scaleOf(costs) * linear;
    },
    apply(costs, F, G, inverse, V, count, out) {
      const m = G.length;
      const { split, take: taken } = prepare(F.length, m, 0);
      run('apply', split, [...costArguments(costs, inverse), at(F), inBase2(G, taken), at(V), count, at(out), F.length, m]);
    },
    applyTranspose(costs, F, G, inverse, U, count, out) {
      const m = G.length;
      const call = prepare(F.length, m, count);
      const fixed = [...costArguments(costs, inverse), at(F), inBase2(G, call.take), at(U), count];
      runSummed('applyTranspose', call, at(out), count * m, (acc, stride) => [...fixed, acc, stride, F.length, m]);
    },
    roundedSums(costs, F, G, inverse, { x, y, ea, eb }, logs) {
      const m = G.length;
      const { split, take: taken } = prepare(F.length, m, 0);
      const arrays = [at(x), at(y), at(ea), at(eb), at(logs.a), at(logs.b)];
      run('roundedSums', split, [...costArguments(costs, inverse), at(F), inBase2(G, taken), ...arrays, RESULTS, m]);
      const total = (k: number): number => {
        let sum = 0;
        for (let b = 0; b < split.blocks; b++) sum += results[8 * b + k]!;
        return sum;
      };
      return { linear: scaleOf(costs) * total(0), logs: total(1), mass: total(2), cross: total(3), forbidden: total(4) > 0 };
    },
    dot: (x, y) => kernels.dot(at(x), at(y), x.length),
    axpy: (alpha, x, y) => kernels.axpy(alpha, at(x), at(y), x.length),
    exp: (x, out) => kernels.exp(at(x), at(out), x.length),
    log: (x, out) => kernels.log(at(x), at(out), x.length),
    lbfgsDirection({ S, Y, rho, newest, count }, { c, wanted }, out) {
      if (count > rho.length) throw new RangeError(`transport engine: ${count} pairs do not fit into ${rho.length}; pass fewer`);
      const alpha = scratch(0).take(8 * rho.length);
      const m = out.length;
      kernels.lbfgsDirection(at(S), at(Y), at(rho), newest, count, rho.length, at(c), at(wanted), at(out), alpha, m);
    },
    compareColumns({ c, wanted, logs, G, penalty }, logRatio) {
      kernels.compareColumns(at(c), at(wanted), at(logs), at(G), penalty, at(logRatio), RESULTS, c.length);
      return { error: results[0]!, linear: results[1]!, mass: results[2]!, least: results[3]! };
    },
    guardStep(direction, { logRatio, c, wanted }, tau, wild) {
      kernels.guardStep(at(direction), at(logRatio), at(c), at(wanted), tau, wild, RESULTS, c.length);
      return { slope: results[0]!, longest: results[1]! };
    },
    secantPair(to, from, s, y) {
      const [c, w, c0, w0] = [at(to.c), at(to.wanted), at(from.c), at(from.wanted)];
      kernels.secantPair(at(to.G), at(from.G), c, w, c0, w0, at(s), at(y), RESULTS, s.length);
      return { sy: results[0]!, ss: results[1]!, yy: results[2]! };
    },
    difference: (x, y, out) => kernels.difference(at(x), at(y), at(out), out.length),
    along: (x, t, y, out) => kernels.along(at(x), t, at(y), at(out), out.length),
    product: (x, y, out) => kernels.product(at(x), at(y), at(out), out.length),
    release() {
      if (released) return;
      released = true;
      giveBack(clean);
    },
  };
}
