import { adamFactors, clipScale, integerPower } from './adam.ts';
import { checkBatch, checkForward, checkLength, countProducts, type MlpArchitecture } from './mlp-architecture.ts';
import type { MlpEngine, MlpState } from './mlp-engine.ts';
import { type MlpLayout, mlpLayout, STRIP } from './mlp-layout.ts';
import { threadCount } from './thread-count.ts';
import { type ThreadPace, threadPace } from './thread-pace.ts';
import { createMachine, type Machine, machineBytes, type Program } from './transport-machine.ts';
import { compileMlp } from './wasm-module.ts';

type Pass = 'evaluate' | 'sweep' | 'gradients' | 'update';
const PROGRAM: Program<Pass> = {
  name: 'driftModels.mlp',
  compile: compileMlp,
  passes: ['evaluate', 'sweep', 'gradients', 'update'],
  grows: false,
};

/** Exports of assembly/mlp.ts that are no passes; addresses in bytes. */
interface Kernels {
  foldShared(net: number, shift: number, shared: number, from: number, to: number): void;
  transposeAll(net: number): void;
}

/** Rows of one evaluation: many enough that threads meet rarely. */
const ROWS = 2048;
/** Multiplications and additions of a call, per thread, that are worth a thread: some 40 µs. */
const WORTH = 2e6;
/** Blocks of rows, and of the parameters' panels in an update. */
const MOST_BLOCKS = 128;
const UPDATES = 16;

/** The memory of an engine, and the most threads it will have. */
function planned(
  architecture: MlpArchitecture,
  maxBatch: number,
  emaDecay: number,
  threads: number | 'auto',
): { readonly layout: MlpLayout; readonly most: number } {
  const wanted = threads === 'auto' ? Math.floor((6 * countProducts(architecture) * maxBatch) / WORTH) : threads;
  const most = wanted > 1 ? Math.min(wanted, threadCount(threads === 'auto' ? undefined : threads)) : 1;
  return { layout: mlpLayout(architecture, { maxBatch, rows: ROWS, threads: most, averages: emaDecay > 0 }), most };
}

/** Bytes of the memory that {@link wasmEngine} takes for the same arguments. */
export function wasmEngineBytes(architecture: MlpArchitecture, maxBatch: number, emaDecay: number, threads: number | 'auto'): number {
  return machineBytes(planned(architecture, maxBatch, emaDecay, threads).layout.bytes);
}

/** Ends the threads of engines that nobody holds any more. */
let forgotten: FinalizationRegistry<Machine<Pass>> | undefined;

/**
 * The engine on WebAssembly SIMD, alone or with threads that share the rows and panels of each pass: the same bits for any number of them.
 *
 * @throws BackendUnavailableError where SIMD is missing; RangeError when the memory cannot be had
 */
export function wasmEngine(architecture: MlpArchitecture, maxBatch: number, emaDecay: number, threads: number | 'auto'): MlpEngine {
  const { inputs: n, outputs: m } = architecture;
  const products = countProducts(architecture);
  const { layout, most } = planned(architecture, maxBatch, emaDecay, threads);
  const averages = emaDecay > 0;
  const { net, P, G, M, V, E, visitors, own, ownBytes, panels, places } = layout;
  const machine = createMachine(layout.bytes, most, PROGRAM);
  const kernels = machine.kernels as unknown as Kernels;
  const floats = new Float32Array(machine.memory.buffer);
  const sums = new Float64Array(machine.memory.buffer);
  new Int32Array(machine.memory.buffer).set(layout.table, net / 4);
  const count = places.length;
  let step = 0;
  let averageStep = 0;
  let visitor: Float32Array | undefined;
  let widest = 1;

  const gather = (address: number): Float32Array => Float32Array.from(places, (place) => floats[address / 4 + place]!);
  const scatter = (address: number, values: Float32Array | undefined): void => {
    for (let i = 0; i < count; i++) floats[address / 4 + places[i]!] = values === undefined ? 0 : values[i]!;
  };
  const put = (address: number, values: Float32Array, length: number, from = 0): void =>
    floats.set(values.length === length ? values : values.subarray(from, from + length), address / 4);
  const total = (address: number, length: number): number => {
    let sum = 0;
    for (let i = 0; i < length; i++) sum += sums[address / 8 + i]!;
    return sum;
  };
  const always: ThreadPace = { begin: () => most > 1, end: () => {} };
  const pace = (): ThreadPace => (threads === 'auto' && most > 1 ? threadPace(2 * WORTH, () => performance.now()) : always);
  const [training, evaluation] = [pace(), pace()];
  const run = (pass: Pass, rows: number, blockRows: number, together: boolean, args: readonly number[]): void => {
    const size = together ? blockRows : rows;
    const taken = machine.run(pass, { rows, blocks: Math.ceil(rows / size), blockRows: size, own, ownBytes }, args);
    widest = Math.max(widest, taken);
  };
  const stripsOf = (rows: number): number => STRIP * Math.ceil(rows / STRIP / MOST_BLOCKS);

  /** Leaves the gradient in G and the squares of its panels; returns the loss. */
  const differentiate = (
    inputs: Float32Array,
    targets: Float32Array,
    weights: Float32Array | undefined,
    rows: number,
    together: boolean,
  ): number => {
    put(layout.inputs, inputs, rows * n);
    put(layout.targets, targets, rows * m);
    if (weights === undefined) floats.fill(1, layout.weights / 4, layout.weights / 4 + rows);
    else put(layout.weights, weights, rows);
    run('sweep', rows, stripsOf(rows), together, [net, rows]);
    run('gradients', panels, Math.ceil(panels / MOST_BLOCKS), together, [net, G - P, 4 * Math.ceil(rows / 4)]);
    return total(layout.losses, Math.ceil(rows / STRIP)) / rows;
  };
  const engine: MlpEngine = {
    kind: 'wasm',
    architecture,
    parameterCount: count,
    maxBatch,
    threads: () => widest,
    parameters: () => gather(P),
    setParameters(values) {
      checkLength('parameters', values, count);
      scatter(P, values);
      kernels.transposeAll(net);
    },
    forward(inputs, rows, out, { shared, parameters } = {}) {
      checkForward(architecture, inputs, rows, out, shared);
      if (parameters !== undefined && parameters !== visitor) {
        checkLength('parameters', parameters, count);
        scatter(visitors, parameters);
        visitor = parameters;
      }
      const shift = parameters === undefined ? 0 : visitors - P;
      const sharing = shared?.length ?? 0;
      const width = n - sharing;
      if (shared !== undefined) {
        floats.set(shared, layout.shared / 4);
        kernels.foldShared(net, shift, sharing, layout.shared, layout.folded);
      }
      const results = layout.outputs / 4;
      for (let from = 0; from < rows; from += ROWS) {
        const size = Math.min(ROWS, rows - from);
        put(layout.inputs, inputs, size * width, from * width);
        const together = evaluation.begin(2 * products * size);
        run('evaluate', size, STRIP, together, [net, shift, sharing, shared === undefined ? 0 : layout.folded]);
        evaluation.end();
        out.set(floats.subarray(results, results + size * m), from * m);
      }
    },
    gradient(inputs, targets, weights, rows) {
      checkBatch(architecture, inputs, targets, weights, rows, maxBatch);
      const loss = differentiate(inputs, targets, weights, rows, most > 1);
      return { loss, gradient: gather(G) };
    },
    trainStep(inputs, targets, weights, rows, options) {
      const { alpha1, alpha2, rate, correction, epsilon } = adamFactors(options, step + 1);
      checkBatch(architecture, inputs, targets, weights, rows, maxBatch);
      const together = training.begin(6 * products * rows);
      const loss = differentiate(inputs, targets, weights, rows, together);
      const scale = clipScale(options, total(layout.squares, panels));
      step++;
      if (averages) averageStep++;
      const adam = [scale, alpha1, alpha2, rate, correction, epsilon, averages ? 1 - emaDecay : 0];
      run('update', panels, Math.ceil(panels / UPDATES), together, [net, G - P, M - P, V - P, E - P, ...adam]);
      training.end();
      return loss;
    },
    resetOptimiser() {
      for (const address of averages ? [M, V, E] : [M, V]) scatter(address, undefined);
      step = 0;
      averageStep = 0;
    },
    averaged: () => (averageStep === 0 ? undefined : gather(E).map((x) => x / (1 - integerPower(emaDecay, averageStep)))),
    state: (): MlpState => ({
      parameters: gather(P),
      firstMoment: gather(M),
      secondMoment: gather(V),
      step,
      ...(averages ? { average: gather(E) } : {}),
      averageStep,
    }),
    restore(state) {
      for (const values of [state.parameters, state.firstMoment, state.secondMoment]) checkLength('state', values, count);
      if (state.average !== undefined) checkLength('state', state.average, count);
      scatter(P, state.parameters);
      scatter(M, state.firstMoment);
      scatter(V, state.secondMoment);
      if (averages) scatter(E, state.average);
      kernels.transposeAll(net);
      step = state.step;
      averageStep = averages && state.average !== undefined ? state.averageStep : 0;
    },
    release: () => machine.stop(),
  };
  if (most > 1 && typeof FinalizationRegistry === 'function') {
    forgotten ??= new FinalizationRegistry((left) => left.stop());
    forgotten.register(engine, machine);
  }
  return engine;
}
