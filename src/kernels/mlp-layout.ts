import { countParameters, isResidual, layerSizes, type MlpArchitecture } from './mlp-architecture.ts';

/** Rows that go through the whole net together: STRIP of assembly/mlp.ts. */
export const STRIP = 32;
/** Nothing is at 0, whose zeros serve as bias where there is none; the threads' control block lies below this address. */
const FRONT = 4096;
/** Numbers in the head of the table and in the record of a layer. */
const HEAD = 16;
const RECORD = 16;

/** Byte addresses of what an engine keeps, one memory an engine; assembly/mlp.ts says how panels lie. */
export interface MlpLayout {
  readonly bytes: number;
  /** The table of assembly/mlp.ts, to be written at `net`. */
  readonly table: Int32Array;
  readonly net: number;
  /** Rows of one evaluation. */
  readonly rows: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly targets: number;
  readonly weights: number;
  /** Σ over each strip and each panel, f64. */
  readonly losses: number;
  readonly squares: number;
  readonly panels: number;
  /** Inputs that all rows share, and the first bias with them. */
  readonly shared: number;
  readonly folded: number;
  /** Room of the first thread; the others' follow. */
  readonly own: number;
  readonly ownBytes: number;
  /** Parameters, gradient, moments, running average and visiting parameters, each of `block` bytes. */
  readonly block: number;
  readonly P: number;
  readonly G: number;
  readonly M: number;
  readonly V: number;
  readonly E: number;
  readonly visitors: number;
  /** Where each parameter of the unpadded list lies in a block, in floats. */
  readonly places: Int32Array;
}

const pad = (n: number, to: number): number => Math.ceil(n / to) * to;

/** Lays out an engine for training batches of `maxBatch` rows and evaluations of `rows`. */
export function mlpLayout(
  architecture: MlpArchitecture,
  { maxBatch, rows, threads, averages }: { maxBatch: number; rows: number; threads: number; averages: boolean },
): MlpLayout {
  const sizes = layerSizes(architecture);
  const [width, outputs, depth] = [sizes[0]!, sizes.at(-1)!, sizes.length - 1];
  // Panels of long batches start 1 KiB apart modulo 4 KiB, so that a strip of all panels does not crowd into a few cache sets.
  const rowBytes = 32 * pad(maxBatch, STRIP);
  const stride = rowBytes < 4096 ? rowBytes : pad(rowBytes, 4096) + 1024;
  let bytes = FRONT;
  const take = (size: number): number => {
    const at = bytes;
    bytes += pad(size, 64);
    return at;
  };
  const takeValues = (columns: number): number => take(Math.ceil(columns / 8) * stride);
  const net = take(4 * (HEAD + RECORD * depth));
  const most = Math.max(rows, maxBatch);
  const [rawInputs, rawOutputs] = [take(4 * most * width), take(4 * rows * outputs)];
  const [targets, weights, losses] = [take(4 * maxBatch * outputs), take(4 * maxBatch), take(8 * Math.ceil(maxBatch / STRIP))];
  const panels = sizes.slice(1).reduce((sum, m) => sum + Math.ceil(m / 8), 0);
  const squares = take(8 * panels);
  const [shared, folded] = [take(4 * width), take(32 * Math.ceil(sizes[1]! / 8))];
  const half = 32 * STRIP * Math.ceil(Math.max(...sizes) / 8);
  const own = take(2 * half * threads);
  const inputPanels = takeValues(width);
  const panelBytes = (l: number): number => 32 * (pad(sizes[l]!, 4) + 1);
  const block = sizes.slice(1).reduce((sum, m, l) => sum + Math.ceil(m / 8) * panelBytes(l), 0);
  const [P, G, M, V] = [take(block), take(block), take(block), take(block)] as const;
  const [E, visitors] = [take(averages ? block : 0), take(block)];
  const head = [depth, KINDS[architecture.activation], stride, inputPanels, rawInputs, rawOutputs, targets, weights, losses, squares, half];
  const table = new Int32Array(HEAD + RECORD * depth);
  table.set(head);
  let [at, panel] = [0, 0];
  for (let l = 0; l < depth; l++) {
    const [n, m, last] = [sizes[l]!, sizes[l + 1]!, l + 1 === depth];
    const [values, slopes, delta] = [takeValues(m), last ? 0 : takeValues(m), takeValues(m)];
    const transposed = l === 0 ? 0 : take(Math.ceil(n / 8) * 32 * pad(m, 4));
    const residual = isResidual(architecture, l) ? 1 : 0;
    const record = [n, m, P + at, panelBytes(l), values, slopes, delta, transposed, 32 * pad(m, 4), residual, panel];
    table.set(record, HEAD + RECORD * l);
    at += Math.ceil(m / 8) * panelBytes(l);
    panel += Math.ceil(m / 8);
  }
  const arrays = { inputs: rawInputs, outputs: rawOutputs, targets, weights, losses, squares, shared, folded, own, ownBytes: 2 * half };
  return { bytes, table, net, rows, ...arrays, panels, block, P, G, M, V, E, visitors, places: unpaddedPlaces(architecture) };
}

const KINDS = { silu: 1, 'leaky-relu': 2, tanh: 3 } as const satisfies Record<MlpArchitecture['activation'], number>;

function unpaddedPlaces(architecture: MlpArchitecture): Int32Array {
  const sizes = layerSizes(architecture);
  const places = new Int32Array(countParameters(architecture));
  let [at, first] = [0, 0];
  for (let l = 0; l + 1 < sizes.length; l++) {
    const [n, m] = [sizes[l]!, sizes[l + 1]!];
    const panel = 8 * (pad(n, 4) + 1);
    const place = (k: number, j: number): number => first + (j >> 3) * panel + 8 * k + (j & 7);
    for (let k = 0; k < n; k++) for (let j = 0; j < m; j++) places[at++] = place(k, j);
    for (let j = 0; j < m; j++) places[at++] = place(pad(n, 4), j);
    first += Math.ceil(m / 8) * panel;
  }
  return places;
}
