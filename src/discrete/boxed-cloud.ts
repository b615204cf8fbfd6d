import { arrayBytes, type BoxedCoordinates, type GaussEngine } from '../kernels/gauss-engine.ts';

/** A cloud sorted into the nonempty boxes of a lattice: the points of a box stand together, in groups of 8 filled up with nothing. */
export interface BoxedCloud {
  readonly dimension: 2 | 3;
  readonly count: number;
  readonly boxes: number;
  /** Where the boxes begin and, last, end. */
  readonly starts: Int32Array;
  /** The point at each place, −1 at places that only fill up. */
  readonly order: Int32Array;
  /** Number of the layer of each box, box by box, one entry an axis; only layers with boxes are counted. */
  readonly layers: Int32Array;
  /** Centres of the layers of each axis. */
  readonly layerCentres: readonly Float64Array[];
  /** Half the side of a box, by axis. */
  readonly halves: readonly number[];
  /** Position from the centre of the box, one axis after the other. */
  readonly offsets: Float64Array;
}

/** Sorts points (row-major, `dimension` numbers each) into boxes of the given sides, centred at multiples of them. */
export function boxedCloud(points: Float64Array, dimension: 2 | 3, sides: readonly number[]): BoxedCloud {
  const count = points.length / dimension;
  const layerCentres: Float64Array[] = [];
  const layerOf = Array.from({ length: dimension }, (_, k) => {
    const raw = Float64Array.from({ length: count }, (_, i) => Math.round(points[i * dimension + k]! / sides[k]!));
    const present = Float64Array.from(new Set(raw)).sort();
    const number = new Map(Array.from(present, (cell, place) => [cell, place]));
    layerCentres.push(present.map((cell) => cell * sides[k]!));
    return Int32Array.from(raw, (cell) => number.get(cell)!);
  });
  const key = (i: number): number => layerOf.reduce((sum, layer, k) => sum * layerCentres[k]!.length + layer[i]!, 0);
  const keys = Float64Array.from({ length: count }, (_, i) => key(i));
  const present = Float64Array.from(new Set(keys)).sort();
  const boxOf = new Map(Array.from(present, (cell, place) => [cell, place]));
  const boxes = present.length;
  const sizes = new Int32Array(boxes);
  for (const cell of keys) sizes[boxOf.get(cell)!]!++;
  const starts = new Int32Array(boxes + 1);
  for (let b = 0; b < boxes; b++) starts[b + 1] = starts[b]! + 8 * Math.ceil(sizes[b]! / 8);
  const stride = starts[boxes]!;
  const order = new Int32Array(stride).fill(-1);
  const offsets = new Float64Array(dimension * stride);
  const layers = new Int32Array(boxes * dimension);
  const next = starts.slice();
  for (let i = 0; i < count; i++) {
    const b = boxOf.get(keys[i]!)!;
    const place = next[b]!++;
    order[place] = i;
    for (let k = 0; k < dimension; k++) {
      layers[b * dimension + k] = layerOf[k]![i]!;
      offsets[k * stride + place] = points[i * dimension + k]! - layerCentres[k]![layerOf[k]![i]!]!;
    }
  }
  return { dimension, count, boxes, starts, order, layers, layerCentres, halves: sides.map((side) => side / 2), offsets };
}

/** The centre of a box along an axis. */
export function boxCentre({ layers, layerCentres, dimension }: BoxedCloud, box: number, axis: number): number {
  return layerCentres[axis]![layers[box * dimension + axis]!]!;
}

/** Copies a cloud into an engine, in units of half boxes. */
export function boxedCoordinates(engine: GaussEngine, cloud: BoxedCloud): BoxedCoordinates {
  const { dimension, boxes, starts, offsets, halves } = cloud;
  const t = engine.f64(offsets.length);
  const stride = offsets.length / dimension;
  for (let p = 0; p < t.length; p++) t[p] = Math.min(1, Math.max(-1, offsets[p]! / halves[Math.floor(p / stride)]!));
  const copy = engine.i32(starts.length);
  copy.set(starts);
  return { dimension, boxes, starts: copy, t };
}

/** Bytes of that copy. */
export function coordinatesBytes({ offsets, starts }: BoxedCloud): number {
  return arrayBytes(offsets.length) + arrayBytes(starts.length);
}

/** The same cloud with some boxes several times: the points of a copy stand at places of their own. */
export function copiedBoxes(cloud: BoxedCloud, box: Int32Array): BoxedCloud {
  const { dimension: d, starts, order, layers, offsets } = cloud;
  const boxes = box.length;
  const stride = starts[cloud.boxes]!;
  const begins = new Int32Array(boxes + 1);
  box.forEach((b, c) => {
    begins[c + 1] = begins[c]! + starts[b + 1]! - starts[b]!;
  });
  const length = begins[boxes]!;
  const out = { order: new Int32Array(length), layers: new Int32Array(boxes * d), offsets: new Float64Array(d * length) };
  box.forEach((b, c) => {
    out.order.set(order.subarray(starts[b]!, starts[b + 1]!), begins[c]!);
    for (let k = 0; k < d; k++) {
      out.layers[c * d + k] = layers[b * d + k]!;
      out.offsets.set(offsets.subarray(k * stride + starts[b]!, k * stride + starts[b + 1]!), k * length + begins[c]!);
    }
  });
  return { ...cloud, boxes, starts: begins, ...out };
}
