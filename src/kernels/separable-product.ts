import { type AxisBlocks, BLOCK, blocksOf, type GridKernels } from './grid-kernels.ts';

/** Costs between the nodes of one axis of the source and of the target, row-major `rows × columns`. */
export interface AxisCosts {
  readonly costs: Float64Array;
  readonly rows: number;
  readonly columns: number;
}

/** Which side the sums run over: `'columns'` are sums for every source node, `'rows'` for every target node. */
export type Over = 'columns' | 'rows';

interface Axis extends AxisCosts {
  /** exp(−inverse·C), and transposed. */
  readonly kernel: Float64Array;
  readonly transposed: Float64Array;
  /** The same in blocks for the log domain, by the side that sums run over. */
  readonly blocks: Readonly<Record<Over, Float64Array>>;
  readonly least: Readonly<Record<Over, Float64Array>>;
}

/**
 * Products with the kernel exp(−inverse·Σ_k C_k) = K₁ ⊗ … ⊗ K_d between two grids, one axis at a time: n Σ_k n_k multiplications instead of
 * n². Tensors are row-major; with `moment` k, the kernel is multiplied by C_k entry by entry.
 */
export class SeparableProduct {
  readonly kernels: GridKernels;
  private readonly axes: readonly Axis[];
  /** Room for C_k∘K_k, its transpose and its blocks in one direction. */
  private readonly weighted: { readonly kernel: Float64Array; readonly transposed: Float64Array; readonly blocks: Float64Array };
  private readonly scratch: readonly [Float64Array, Float64Array];
  private inverse = 1;
  /** True when the blocks belong to another ε. */
  private stale = true;
  /** Sums that had to be taken term by term. */
  redone = 0;

  constructor(kernels: GridKernels, axes: readonly AxisCosts[]) {
    this.kernels = kernels;
    this.axes = axes.map(({ costs, rows, columns }) => {
      const own = kernels.f64(costs.length);
      own.set(costs);
      const pairs = blocksOf(rows) * blocksOf(columns);
      const both = (length: number): Record<Over, Float64Array> => ({ columns: kernels.f64(length), rows: kernels.f64(length) });
      const plain = { kernel: kernels.f64(costs.length), transposed: kernels.f64(costs.length) };
      return { costs: own, rows, columns, ...plain, blocks: both(pairs * BLOCK * BLOCK), least: both(pairs) };
    });
    const { entries, blocks } = widest(axes);
    this.weighted = { kernel: kernels.f64(entries), transposed: kernels.f64(entries), blocks: kernels.f64(blocks) };
    const tensor = largestTensor(axes);
    this.scratch = [kernels.f64(tensor), kernels.f64(tensor)];
  }

  /** Bytes of the arrays above, each with up to 64 of alignment. */
  static bytes(axes: readonly AxisCosts[]): number {
    const sum = (of: (axis: AxisCosts) => number): number => axes.reduce((total, axis) => total + of(axis), 0);
    const { entries, blocks } = widest(axes);
    const numbers =
      sum(({ costs }) => 3 * costs.length) + sum(({ rows, columns }) => 2 * blocksOf(rows) * blocksOf(columns) * (BLOCK * BLOCK + 1));
    return 8 * (numbers + 2 * entries + blocks + 2 * largestTensor(axes)) + 64 * (7 * axes.length + 5);
  }

  setLevel(inverse: number): void {
    this.inverse = inverse;
    this.stale = true;
    for (const { costs, rows, columns, kernel, transposed } of this.axes) {
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          const k = Math.exp(-inverse * costs[i * columns + j]!);
          kernel[i * columns + j] = k;
          transposed[j * rows + i] = k;
        }
      }
    }
  }

  /** out = K x over columns, Kᵀx over rows. */
  multiply(over: Over, x: Float64Array, out: Float64Array, moment?: number): void {
    this.alongAxes(over, x, out, (axis, from, to, outer, inner, k) => {
      const { kernel, transposed } = k === moment ? this.withMoment(axis) : axis;
      const [factor, turned] = over === 'columns' ? [kernel, transposed] : [transposed, kernel];
      const [depth, count] = over === 'columns' ? [axis.columns, axis.rows] : [axis.rows, axis.columns];
      if (inner === 1) this.kernels.multiply(from, turned, to, { products: 1, rows: outer, depth, columns: count });
      else this.kernels.multiply(factor, from, to, { products: outer, rows: count, depth, columns: inner });
    });
  }

  /** out = log(K exp(T)), or with the transpose over rows, exact however far T ranges. */
  logSum(over: Over, T: Float64Array, out: Float64Array, moment?: number): void {
    if (this.stale)
      for (const axis of this.axes) for (const side of ['columns', 'rows'] as const) fillBlocks(axis, this.direction(axis, side));
    this.stale = false;
    this.alongAxes(over, T, out, (axis, from, to, outer, inner, k) => {
      const lines = { outer, along: over === 'columns' ? axis.columns : axis.rows, inner };
      let direction = this.direction(axis, over);
      if (k === moment) {
        direction = { ...direction, kernel: this.weighted.blocks, moment: true };
        fillBlocks(axis, direction);
      }
      this.redone += this.kernels.logLines(from, to, lines, direction);
    });
  }

  private direction({ costs, rows, columns, blocks, least }: Axis, over: Over): AxisBlocks {
    const common = { kernel: blocks[over], least: least[over], costs, inverse: this.inverse, moment: false };
    return over === 'columns'
      ? { ...common, count: rows, stride: columns, step: 1 }
      : { ...common, count: columns, stride: 1, step: columns };
  }

  /** Takes a tensor through all axes, the first one first; the last step writes to `out`. */
  private alongAxes(
    over: Over,
    x: Float64Array,
    out: Float64Array,
    step: (axis: Axis, from: Float64Array, to: Float64Array, outer: number, inner: number, k: number) => void,
  ): void {
    const { axes, scratch } = this;
    let outer = 1;
    let inner = axes.reduce((product, axis) => product * axis[over], 1);
    let from = x;
    axes.forEach((axis, k) => {
      inner /= axis[over];
      const to = k === axes.length - 1 ? out : scratch[k % 2]!;
      step(axis, from, to, outer, inner, k);
      outer *= over === 'columns' ? axis.rows : axis.columns;
      from = to;
    });
  }

  private withMoment({ costs, kernel: plain, rows, columns }: Axis): { readonly kernel: Float64Array; readonly transposed: Float64Array } {
    const { kernel, transposed } = this.weighted;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const k = costs[i * columns + j]! * plain[i * columns + j]!;
        kernel[i * columns + j] = k;
        transposed[j * rows + i] = k;
      }
    }
    return { kernel, transposed };
  }
}

/** Writes exp(−inverse·(C − least)) in blocks, with the least cost of each; multiplied by C for a moment. */
function fillBlocks(axis: AxisCosts, { kernel, least, costs, count, stride, step, inverse, moment }: AxisBlocks): void {
  const along = axis.costs.length / count;
  const across = blocksOf(along);
  for (let I = 0; I < blocksOf(count); I++) {
    for (let J = 0; J < across; J++) {
      const [rows, columns] = [Math.min(BLOCK, count - I * BLOCK), Math.min(BLOCK, along - J * BLOCK)];
      const cost = (i: number, j: number): number => costs[(I * BLOCK + i) * stride + (J * BLOCK + j) * step]!;
      let smallest = Number.POSITIVE_INFINITY;
      for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) smallest = Math.min(smallest, cost(i, j));
      least[I * across + J] = smallest;
      const block = (I * across + J) * BLOCK * BLOCK;
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          const w = Math.exp(-inverse * (cost(i, j) - smallest));
          kernel[block + i * BLOCK + j] = moment ? w * cost(i, j) : w;
        }
        kernel.fill(0, block + i * BLOCK + columns, block + (i + 1) * BLOCK);
      }
      kernel.fill(0, block + rows * BLOCK, block + BLOCK * BLOCK);
    }
  }
}

/** The most entries of an axis, plain and in blocks. */
function widest(axes: readonly AxisCosts[]): { entries: number; blocks: number } {
  return {
    entries: Math.max(...axes.map(({ costs }) => costs.length)),
    blocks: Math.max(...axes.map(({ rows, columns }) => blocksOf(rows) * blocksOf(columns) * BLOCK * BLOCK)),
  };
}

/** Entries of the largest tensor on the way between the grids in either direction. */
function largestTensor(axes: readonly AxisCosts[]): number {
  const along = (from: Over, to: Over): number => {
    let tensor = axes.reduce((product, axis) => product * axis[from], 1);
    let most = tensor;
    for (const axis of axes) {
      tensor = (tensor / axis[from]) * axis[to];
      most = Math.max(most, tensor);
    }
    return most;
  };
  return Math.max(along('columns', 'rows'), along('rows', 'columns'));
}
