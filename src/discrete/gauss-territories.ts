import { type BoxedCloud, boxCentre } from './boxed-cloud.ts';

/** Pairs of boxes that matter and the logarithms of the mass between them. */
export interface HeavyPairs {
  readonly x: Int32Array;
  readonly y: Int32Array;
  readonly logs: Float64Array;
}

/** A cloud's boxes, each with one copy for every territory of the other cloud that it has to do with. */
export interface Copies {
  /** The box of each copy. */
  readonly box: Int32Array;
  /** θ of the copies, copy by copy. */
  readonly tilts: Float64Array;
  /** The copy of each pair. */
  readonly ofPair: Int32Array;
  /** The copy of each box for each of `count` territories of the other cloud, −1 where there is none. */
  readonly table: Int32Array;
  readonly count: number;
  /** The territory of each box of the other cloud. */
  readonly territory: Int32Array;
}

/** Boxes cut into territories so that what a box has to do with one of them can be interpolated with one tilt. */
export interface Territories {
  readonly x: Copies;
  readonly y: Copies;
  /** Number of the pair of territories of each pair of boxes. */
  readonly systems: Int32Array;
}

/** No cloud is cut into more territories. */
const MOST = 256;

/**
 * Cuts the boxes of both clouds until no pair's interpolation error exceeds its budget. Where a box of x sends its mass to two far places,
 * as at the border of two clusters' basins, no single tilt will do; each territory gets a copy of the box with a tilt of its own. Cuts run
 * through valleys of the mass.
 *
 * @param excess log of the error of a pair over its budget as a function of the pair, |z|₁ and |z|₂²
 */
export function territories(
  x: BoxedCloud,
  y: BoxedCloud,
  pairs: HeavyPairs,
  inverse: number,
  excess: (pair: number, sum: number, square: number) => number,
): Territories {
  const [xCentres, yCentres] = [allCentres(x), allCentres(y)];
  const [inX, inY] = [new Int32Array(x.boxes), new Int32Array(y.boxes)];
  const masses = (places: Int32Array, { boxes }: BoxedCloud): Float64Array => {
    const out = new Float64Array(boxes);
    places.forEach((b, p) => {
      out[b]! += Math.exp(pairs.logs[p]!);
    });
    return out;
  };
  const forX = {
    cloud: x,
    own: pairs.x,
    ownCentres: xCentres,
    other: y,
    others: pairs.y,
    centres: yCentres,
    territory: inY,
    masses: masses(pairs.y, y),
  };
  const forY = {
    cloud: y,
    own: pairs.y,
    ownCentres: yCentres,
    other: x,
    others: pairs.x,
    centres: xCentres,
    territory: inX,
    masses: masses(pairs.x, x),
  };
  const copies = [forX, forY].map((side) => {
    let [count, result] = [1, copiesOf(side, pairs.logs, 1)];
    for (let round = 0; round < 12 && count < MOST; round++) {
      const votes = votesAgainst(side, result, inverse, excess, count);
      const cut = votes.flatMap((vote, t) => (vote > 0 ? [t] : []));
      let changed = false;
      for (const t of cut) if (count < MOST && split(side, t, count)) [count, changed] = [count + 1, true];
      if (!changed) break;
      result = copiesOf(side, pairs.logs, count);
    }
    return result;
  });
  const systems = Int32Array.from(pairs.x, (A, p) => inX[A]! * copies[0]!.count + inY[pairs.y[p]!]!);
  return { x: bySystem(copies[0]!, systems, x.dimension), y: bySystem(copies[1]!, systems, x.dimension), systems };
}

/** One cloud's boxes, `own` and `others` of every pair, and the territories of the other cloud. */
interface OneSide {
  readonly cloud: BoxedCloud;
  readonly own: Int32Array;
  readonly ownCentres: Float64Array;
  readonly other: BoxedCloud;
  readonly others: Int32Array;
  readonly centres: Float64Array;
  readonly territory: Int32Array;
  /** Mass of each box of the other cloud. */
  readonly masses: Float64Array;
}

/** Numbers copies so that those of a system stand together; each belongs to one. */
function bySystem({ box, tilts, ofPair, table, ...rest }: Copies, systems: Int32Array, d: number): Copies {
  const system = new Int32Array(box.length);
  ofPair.forEach((copy, p) => {
    system[copy] = systems[p]!;
  });
  const order = Int32Array.from(box, (_, c) => c).sort((a, b) => system[a]! - system[b]! || a - b);
  const place = new Int32Array(box.length);
  order.forEach((copy, c) => {
    place[copy] = c;
  });
  return {
    ...rest,
    box: order.map((copy) => box[copy]!),
    tilts: tilts.map((_, p) => tilts[order[Math.floor(p / d)]! * d + (p % d)]!),
    ofPair: ofPair.map((copy) => place[copy]!),
    table: table.map((copy) => (copy < 0 ? copy : place[copy]!)),
  };
}

/** One copy of every box and territory that share a pair, its tilt the mean of the mass. */
function copiesOf({ cloud, own, ownCentres, others, centres, territory }: OneSide, logs: Float64Array, count: number): Copies {
  const d = cloud.dimension;
  const table = new Int32Array(cloud.boxes * count).fill(-1);
  const box: number[] = [];
  const tops: number[] = [];
  const ofPair = Int32Array.from(own, (A, p) => {
    const key = A * count + territory[others[p]!]!;
    const known = table[key]!;
    const copy = known < 0 ? box.length : known;
    if (known < 0) {
      table[key] = copy;
      box.push(A);
      tops.push(logs[p]!);
    } else tops[copy] = Math.max(tops[copy]!, logs[p]!);
    return copy;
  });
  const tilts = new Float64Array(box.length * d);
  const mass = new Float64Array(box.length);
  for (let p = 0; p < own.length; p++) {
    const copy = ofPair[p]!;
    const w = Math.exp(logs[p]! - tops[copy]!);
    mass[copy]! += w;
    for (let k = 0; k < d; k++) tilts[copy * d + k]! += w * centres[others[p]! * d + k]!;
  }
  for (let c = 0; c < box.length; c++) {
    for (let k = 0; k < d; k++) tilts[c * d + k] = tilts[c * d + k]! / mass[c]! - ownCentres[box[c]! * d + k]!;
  }
  return { box: Int32Array.from(box), tilts, ofPair, table, count, territory: territory.slice() };
}

/** Pairs over their budget, by territory. */
function votesAgainst(
  { cloud, own, ownCentres, other, others, centres, territory }: OneSide,
  { tilts, ofPair }: Copies,
  inverse: number,
  excess: (pair: number, sum: number, square: number) => number,
  count: number,
): number[] {
  const d = cloud.dimension;
  const votes = new Array<number>(count).fill(0);
  for (let p = 0; p < own.length; p++) {
    let [sum, square] = [0, 0];
    for (let k = 0; k < d; k++) {
      const apart = Math.abs(centres[others[p]! * d + k]! - ownCentres[own[p]! * d + k]! - tilts[ofPair[p]! * d + k]!);
      const z = 2 * inverse * cloud.halves[k]! * (apart + other.halves[k]!);
      sum += z;
      square += z * z;
    }
    if (excess(p, sum, square) > 0) votes[territory[others[p]!]!]!++;
  }
  return votes;
}

/** Cuts a territory in two across its longest axis, where least mass stands; false when it is one layer thick. */
function split({ other, territory, masses }: OneSide, t: number, fresh: number): boolean {
  const d = other.dimension;
  const members: number[] = [];
  for (let b = 0; b < other.boxes; b++) if (territory[b] === t) members.push(b);
  let [axis, longest] = [0, 0];
  for (let k = 0; k < d; k++) {
    const layers = members.map((b) => other.layers[b * d + k]!);
    const extent =
      (layers.reduce((m, v) => Math.max(m, v), 0) - layers.reduce((m, v) => Math.min(m, v), Number.POSITIVE_INFINITY)) * other.halves[k]!;
    if (extent > longest) [axis, longest] = [k, extent];
  }
  if (longest === 0) return false;
  const places = [...new Set(members.map((b) => other.layers[b * d + axis]!))].sort((a, b) => a - b);
  const mass = new Map(places.map((place) => [place, 0]));
  for (const b of members) {
    const place = other.layers[b * d + axis]!;
    mass.set(place, mass.get(place)! + masses[b]!);
  }
  // Between places k − 1 and k: the lighter of the two, in the middle part, and gaps count as empty.
  let [best, least] = [-1, Number.POSITIVE_INFINITY];
  const centreOf = other.layerCentres[axis]!;
  const [low, high] = [centreOf[places[0]!]!, centreOf[places.at(-1)!]!];
  for (let k = 1; k < places.length; k++) {
    const [before, after] = [centreOf[places[k - 1]!]!, centreOf[places[k]!]!];
    const relative = ((before + after) / 2 - low) / (high - low);
    const central = 1 + 8 * (relative - 0.5) ** 2;
    const gap = (after - before) / (2 * other.halves[axis]!);
    const weight = (central * (mass.get(places[k - 1]!)! + mass.get(places[k]!)!)) / gap ** 4;
    if (weight < least && (relative > 0.15 || k === places.length - 1) && (relative < 0.85 || best < 0))
      [best, least] = [places[k]!, weight];
  }
  if (best < 0) return false;
  for (const b of members) if (other.layers[b * d + axis]! >= best) territory[b] = fresh;
  return true;
}

/** Centres of all boxes, box by box. */
export function allCentres(cloud: BoxedCloud): Float64Array {
  const { dimension: d, boxes } = cloud;
  return Float64Array.from({ length: boxes * d }, (_, p) => boxCentre(cloud, Math.floor(p / d), p % d));
}
