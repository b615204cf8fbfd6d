import { arrayBytes, type Contractions, type GaussEngine } from '../kernels/gauss-engine.ts';
import type { BoxedCloud } from './boxed-cloud.ts';

/** Which boxes of one cloud matter to which of another: numbers of the boxes, pair by pair. */
export interface BoxPairs {
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** Pairs of different systems are summed up apart. */
  readonly systems: Int32Array;
}

/** Consecutive boxes of both clouds with all pairs between them, numbered from the first of either. */
export interface Chunk {
  readonly x: { readonly first: number; readonly last: number };
  readonly y: { readonly first: number; readonly last: number };
  readonly pairs: { readonly x: Int32Array; readonly y: Int32Array; readonly systems: Int32Array };
}

/** Splits pairs into chunks of whole systems with about `size` pairs: one chunk needs memory at a time. */
export function chunksOf({ x, y, systems }: Chunk['pairs'], size: number): readonly Chunk[] {
  const order = Int32Array.from(systems, (_, p) => p).sort((p, q) => systems[p]! - systems[q]! || p - q);
  const chunks: Chunk[] = [];
  for (let begin = 0; begin < order.length; ) {
    let end = Math.min(order.length, begin + size);
    while (end < order.length && systems[order[end]!] === systems[order[end - 1]!]) end++;
    const members = order.subarray(begin, end);
    const range = (list: Int32Array): { first: number; last: number } => {
      let [first, last] = [Number.POSITIVE_INFINITY, 0];
      for (const p of members) [first, last] = [Math.min(first, list[p]!), Math.max(last, list[p]! + 1)];
      return { first, last };
    };
    const [xs, ys] = [range(x), range(y)];
    const pairs = {
      x: members.map((p) => x[p]! - xs.first),
      y: members.map((p) => y[p]! - ys.first),
      systems: members.map((p) => systems[p]!),
    };
    chunks.push({ x: xs, y: ys, pairs });
    begin = end;
  }
  return chunks;
}

/** Boxes of a cloud, numbered from 0. */
export type BoxRange = Pick<BoxedCloud, 'dimension' | 'boxes' | 'layers' | 'layerCentres' | 'halves'>;

/** One axis of the transform between lattices: tensors that hold the first axes of the one cloud and the rest of the other. */
export interface Stage {
  /** Tensors that come out. */
  readonly tensors: number;
  readonly groups: Int32Array;
  readonly sources: Int32Array;
  /** Numbers of matrices within the axis. */
  readonly matrices: Int32Array;
  /** Layers that each matrix joins, `to` and `from`. */
  readonly layers: { readonly to: Int32Array; readonly from: Int32Array };
}

/**
 * The Gaussian is a product over axes, so the boxes of one cloud reach those of another one axis at a time: after stage k a tensor stands for
 * layers (a_0 … a_k) of the receiving cloud and (b_{k+1} …) of the sending one. A pair of boxes is summed up whole when it is listed; others
 * of the same system may come along where all tensors between them exist.
 */
export function stagesBetween(from: BoxRange, to: BoxRange, pairs: BoxPairs): readonly Stage[] {
  const { dimension } = from;
  let ids = Int32Array.from(pairs.from);
  return Array.from({ length: dimension }, (_, axis) => {
    const last = axis === dimension - 1;
    const layersFrom = from.layerCentres[axis]!.length;
    const tensorOf = new Map<number, number>();
    const operations = new Set<number>();
    const matrixOf = new Map<number, number>();
    const [group, source, matrix, matrixTo, matrixFrom]: [number[], number[], number[], number[], number[]] = [[], [], [], [], []];
    const next = new Int32Array(ids.length);
    for (let p = 0; p < ids.length; p++) {
      const [A, B] = [pairs.to[p]!, pairs.from[p]!];
      const b = from.layers[B * dimension + axis]!;
      const a = to.layers[A * dimension + axis]!;
      let tensor = A;
      if (!last) {
        let key = pairs.systems[p]!;
        for (let k = 0; k < dimension; k++) {
          const cloud = k <= axis ? to : from;
          key = key * cloud.layerCentres[k]!.length + cloud.layers[(k <= axis ? A : B) * dimension + k]!;
        }
        const known = tensorOf.get(key);
        tensor = known ?? tensorOf.size;
        if (known === undefined) tensorOf.set(key, tensor);
      }
      next[p] = tensor;
      // The source is settled by the tensor and the layer of the sending cloud.
      const operation = tensor * layersFrom + b;
      if (operations.has(operation)) continue;
      operations.add(operation);
      const joined = a * layersFrom + b;
      let m = matrixOf.get(joined);
      if (m === undefined) {
        m = matrixTo.length;
        matrixOf.set(joined, m);
        matrixTo.push(a);
        matrixFrom.push(b);
      }
      group.push(tensor);
      source.push(ids[p]!);
      matrix.push(m);
    }
    ids = next;
    const tensors = last ? to.boxes : tensorOf.size;
    return {
      tensors,
      ...grouped(tensors, group, source, matrix),
      layers: { to: Int32Array.from(matrixTo), from: Int32Array.from(matrixFrom) },
    };
  });
}

/** Sorts operations by their result, in the order in which they were found. */
function grouped(
  tensors: number,
  group: readonly number[],
  source: readonly number[],
  matrix: readonly number[],
): { groups: Int32Array; sources: Int32Array; matrices: Int32Array } {
  const groups = new Int32Array(tensors + 1);
  for (const g of group) groups[g + 1]!++;
  for (let g = 0; g < tensors; g++) groups[g + 1]! += groups[g]!;
  const next = groups.slice();
  const sources = new Int32Array(group.length);
  const matrices = new Int32Array(group.length);
  group.forEach((g, o) => {
    const place = next[g]!++;
    sources[place] = source[o]!;
    matrices[place] = matrix[o]!;
  });
  return { groups, sources, matrices };
}

/** A stage in an engine's memory: its matrices, each with the maximum 1, and the logarithms of what they were divided by. */
export interface LoadedStage {
  readonly tensors: number;
  readonly operations: Contractions;
  readonly matrices: Float64Array;
  readonly logs: Float64Array;
}

/** Fills in the matrices exp(−(x_a − y_b)²/ε) between the Chebyshev nodes of layers. */
export function loadStage(
  engine: GaussEngine,
  stage: Stage,
  axis: number,
  from: BoxRange,
  to: BoxRange,
  nodes: Float64Array,
  inverse: number,
): LoadedStage {
  const q = nodes.length;
  const count = stage.layers.to.length;
  const matrices = engine.f64(count * q * q);
  const logs = new Float64Array(count);
  const exponents = new Float64Array(q * q);
  for (let m = 0; m < count; m++) {
    const x = to.layerCentres[axis]![stage.layers.to[m]!]!;
    const y = from.layerCentres[axis]![stage.layers.from[m]!]!;
    let top = Number.NEGATIVE_INFINITY;
    for (let b = 0, p = 0; b < q; b++) {
      for (let a = 0; a < q; a++, p++) {
        const difference = x + to.halves[axis]! * nodes[a]! - y - from.halves[axis]! * nodes[b]!;
        exponents[p] = -inverse * difference * difference;
        top = Math.max(top, exponents[p]!);
      }
    }
    for (let p = 0; p < q * q; p++) matrices[m * q * q + p] = Math.exp(exponents[p]! - top);
    logs[m] = top;
  }
  const copy = (list: Int32Array): Int32Array => {
    const out = engine.i32(list.length);
    out.set(list);
    return out;
  };
  const operations = {
    groups: copy(stage.groups),
    sources: copy(stage.sources),
    matrices: copy(stage.matrices),
    scales: engine.f64(stage.sources.length),
  };
  return { tensors: stage.tensors, operations, matrices, logs };
}

/** Bytes of a loaded stage. */
export function stageBytes({ groups, sources, layers }: Stage, q: number): number {
  return arrayBytes(groups.length) + 3 * arrayBytes(sources.length) + arrayBytes(layers.to.length * q * q);
}
