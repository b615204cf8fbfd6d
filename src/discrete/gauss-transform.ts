import { arrayBytes, type BoxedCoordinates, type Contractions, type GaussEngine, type MatrixFactors } from '../kernels/gauss-engine.ts';
import { type BoxedCloud, boxedCoordinates, coordinatesBytes } from './boxed-cloud.ts';
import { type BoxRange, type Chunk, chunksOf, type LoadedStage, loadStage, type Stage, stageBytes, stagesBetween } from './gauss-stages.ts';

/** Points by places in boxes. */
export type PlacedCloud = Omit<BoxedCloud, 'offsets'>;

/** One cloud as the transform sees it. */
export interface GaussSide {
  /** Its copies; positions are given up once the phases are known. */
  readonly cloud: PlacedCloud;
  /**
   * −(|u|² − 2 u·θ)/ε at each place, u its position in the box and θ the box's tilt, and what is linear in the position: what is left of
   * the kernel varies little over the box.
   */
  readonly phase: Float64Array;
  /** Weights to send, times e^{−phase} and e^{−sent} of the box; 0 where a place only fills up. */
  readonly weights: Float64Array;
  /** Logarithms of the scales of the weights, by box. */
  readonly sent: Float64Array;
  /** Sums received, times e^{−phase} and e^{−received} of the box. */
  readonly values: Float64Array;
  readonly received: Float64Array;
}

interface Loaded extends GaussSide {
  readonly points: BoxedCoordinates;
  /** e^{−phase} at the nodes, by axis. */
  readonly factors: readonly Float64Array[];
  /** The operations that take every box through one axis of its own. */
  readonly own: Contractions;
}

/** What a transform is made of. */
export interface GaussLevel {
  readonly x: BoxedCloud;
  readonly y: BoxedCloud;
  readonly inverse: number;
  /** Chebyshev nodes an axis, even. */
  readonly degree: number;
  /** θ of the boxes, box by box. */
  readonly tilts: { readonly x: Float64Array; readonly y: Float64Array };
  /** Exponents linear in the position, place by place. */
  readonly linear: { readonly x: Float64Array; readonly y: Float64Array };
  /** Boxes of x and y that matter to each other, and the systems of {@link stagesBetween}. */
  readonly pairs: { readonly x: Int32Array; readonly y: Int32Array; readonly systems: Int32Array };
}

/**
 * Sums of Gaussians between two clouds of the plane or of space, S_i = Σ_j w_j exp(−|x_i − y_j|²/ε), in time linear in the points.
 *
 * Points of a box become weights at its q^d Chebyshev nodes, nodes reach nodes axis by axis, and values at nodes become values at points.
 * Each box has a tilt, the place where its mass goes, and only the ratio of the kernel to the Gaussian towards that place is interpolated:
 * the sums are right relative to themselves however small they are. Logarithms of scales are kept by box, so that nothing underflows.
 * `columns` is the transpose of `rows`.
 *
 * @see [greengard1991] [fong2009]
 */
export class GaussTransform {
  private readonly engine: GaussEngine;
  private readonly degree: number;
  private readonly inner: number;
  private readonly xSide: Loaded;
  private readonly ySide: Loaded;
  private readonly chunks: readonly LoadedChunk[];
  /** Moments to weights of the nodes, and values at the nodes to coefficients. */
  private readonly toNodes: Float64Array;
  private readonly toCoefficients: Float64Array;
  private here: Float64Array;
  private there: Float64Array;

  constructor(engine: GaussEngine, level: GaussLevel) {
    const { x, y, inverse, degree: q } = level;
    this.engine = engine;
    this.degree = q;
    this.inner = q ** (x.dimension - 1);
    const chunks = chunksOf(level.pairs, CHUNK).map((chunk) => {
      const [from, to] = [boxRange(y, chunk.y), boxRange(x, chunk.x)];
      const { x: xs, y: ys, systems } = chunk.pairs;
      return {
        ...chunk,
        forward: stagesBetween(from, to, { from: ys, to: xs, systems }),
        backward: stagesBetween(to, from, { from: xs, to: ys, systems }),
      };
    });
    const stages = chunks.flatMap(({ forward, backward }) => [...forward, ...backward]);
    const most = stages.reduce((top, { tensors }) => Math.max(top, tensors), 0);
    const size = q * this.inner;
    engine.reset(bytesOf(level, stages) + 2 * arrayBytes(most * size));
    this.here = engine.f64(most * size);
    this.there = engine.f64(most * size);
    const nodes = chebyshevNodes(q);
    this.toNodes = engine.f64(q * q);
    this.toCoefficients = engine.f64(q * q);
    for (let c = 0; c < q; c++) {
      for (let a = 0; a < q; a++) {
        // Coefficients of the interpolant: (1 or 2)/q Σ_a f(u_a) cos(c (2a + 1)π/2q).
        const entry = ((c === 0 ? 1 : 2) / q) * Math.cos((c * Math.PI * (2 * a + 1)) / (2 * q));
        this.toNodes[c * q + a] = entry;
        this.toCoefficients[a * q + c] = entry;
      }
    }
    this.xSide = loadSide(engine, x, level.tilts.x, level.linear.x, nodes, inverse);
    this.ySide = loadSide(engine, y, level.tilts.y, level.linear.y, nodes, inverse);
    this.chunks = chunks.map(({ forward, backward, ...chunk }) => ({
      x: chunk.x,
      y: chunk.y,
      forward: forward.map((stage, axis) => loadStage(engine, stage, axis, y, x, nodes, inverse)),
      backward: backward.map((stage, axis) => loadStage(engine, stage, axis, x, y, nodes, inverse)),
    }));
  }

  get x(): GaussSide {
    return this.xSide;
  }

  get y(): GaussSide {
    return this.ySide;
  }

  /** Sends the weights of y to x. */
  rows(): void {
    for (const { x, y, forward } of this.chunks) this.send(this.ySide, y, this.xSide, x, forward);
  }

  /** Sends the weights of x to y. */
  columns(): void {
    for (const { x, y, backward } of this.chunks) this.send(this.xSide, x, this.ySide, y, backward);
  }

  private send(from: Loaded, sending: Range, to: Loaded, receiving: Range, stages: readonly LoadedStage[]): void {
    const { engine, degree: q } = this;
    const pass = (operations: Contractions, matrices: Float64Array, factors?: MatrixFactors): void => {
      engine.contract(operations, q, this.inner, this.here, matrices, this.there, factors);
      [this.here, this.there] = [this.there, this.here];
    };
    const own = ({ own: { groups, ...rest } }: Loaded, { first, last }: Range): Contractions => ({
      groups: groups.subarray(0, last - first + 1),
      ...rest,
    });
    engine.moments(coordinatesOf(from.points, sending), from.weights, q, this.here);
    for (const values of from.factors) {
      pass(own(from, sending), this.toNodes, { values: values.subarray(sending.first * q), along: 'columns' });
    }
    let logs = from.sent.subarray(sending.first, sending.last);
    stages.forEach((stage, k) => {
      const out = k === stages.length - 1 ? to.received.subarray(receiving.first, receiving.last) : new Float64Array(stage.tensors);
      scaleOperations(stage, logs, out);
      pass(stage.operations, stage.matrices);
      logs = out;
    });
    for (const values of to.factors) {
      pass(own(to, receiving), this.toCoefficients, { values: values.subarray(receiving.first * q), along: 'rows' });
    }
    engine.evaluate(coordinatesOf(to.points, receiving), this.here, q, to.values);
  }
}

/** Consecutive boxes. */
type Range = Chunk['x'];

interface LoadedChunk extends Pick<Chunk, 'x' | 'y'> {
  readonly forward: readonly LoadedStage[];
  readonly backward: readonly LoadedStage[];
}

/** Pairs of boxes in a chunk. */
const CHUNK = 20_000;

function boxRange({ dimension, layers, layerCentres, halves }: BoxedCloud, { first, last }: Range): BoxRange {
  return { dimension, boxes: last - first, layers: layers.subarray(first * dimension, last * dimension), layerCentres, halves };
}

function coordinatesOf({ starts, ...rest }: BoxedCoordinates, { first, last }: Range): BoxedCoordinates {
  return { ...rest, boxes: last - first, starts: starts.subarray(first, last + 1) };
}

/** Gives every tensor the largest scale that comes in, and every operation its scale relative to that. */
function scaleOperations({ operations, logs: own }: LoadedStage, logs: Float64Array, out: Float64Array): void {
  const { groups, sources, matrices, scales } = operations;
  for (let g = 0; g < out.length; g++) {
    let top = Number.NEGATIVE_INFINITY;
    for (let o = groups[g]!; o < groups[g + 1]!; o++) {
      scales[o] = logs[sources[o]!]! + own[matrices[o]!]!;
      top = Math.max(top, scales[o]!);
    }
    out[g] = top;
    for (let o = groups[g]!; o < groups[g + 1]!; o++) scales[o] = top === Number.NEGATIVE_INFINITY ? 0 : Math.exp(scales[o]! - top);
  }
}

/** cos((2a + 1)π/2q). */
function chebyshevNodes(q: number): Float64Array {
  return Float64Array.from({ length: q }, (_, a) => Math.cos((Math.PI * (2 * a + 1)) / (2 * q)));
}

function loadSide(
  engine: GaussEngine,
  cloud: BoxedCloud,
  tilts: Float64Array,
  linear: Float64Array,
  nodes: Float64Array,
  inverse: number,
): Loaded {
  const { offsets, ...placed } = cloud;
  const { dimension, boxes, starts, halves } = placed;
  const stride = starts[boxes]!;
  const q = nodes.length;
  const phase = Float64Array.from(linear);
  const factors = Array.from({ length: dimension }, (_, k) => {
    const values = engine.f64(boxes * q);
    for (let b = 0; b < boxes; b++) {
      const theta = tilts[b * dimension + k]!;
      for (let p = starts[b]!; p < starts[b + 1]!; p++) {
        const u = offsets[k * stride + p]!;
        phase[p]! -= inverse * u * (u - 2 * theta);
      }
      for (let a = 0; a < q; a++) {
        const u = halves[k]! * nodes[a]!;
        values[b * q + a] = Math.exp(inverse * u * (u - 2 * theta));
      }
    }
    return values;
  });
  const numbers = engine.i32(boxes + 1);
  for (let b = 0; b <= boxes; b++) numbers[b] = b;
  return {
    cloud: placed,
    phase,
    weights: engine.f64(stride),
    sent: new Float64Array(boxes),
    values: engine.f64(stride),
    received: new Float64Array(boxes),
    points: boxedCoordinates(engine, cloud),
    factors,
    own: { groups: numbers, sources: numbers, matrices: numbers, scales: engine.f64(boxes).fill(1) },
  };
}

function bytesOf({ x, y, degree: q }: GaussLevel, stages: readonly Stage[]): number {
  const side = (cloud: BoxedCloud): number =>
    coordinatesBytes(cloud) +
    2 * arrayBytes(cloud.starts[cloud.boxes]!) +
    2 * arrayBytes(cloud.boxes + 1) +
    cloud.dimension * arrayBytes(cloud.boxes * q);
  return side(x) + side(y) + 2 * arrayBytes(q * q) + stages.reduce((sum, stage) => sum + stageBytes(stage, q), 0);
}
