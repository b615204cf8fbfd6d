import type { GridKernels, LineCosts } from './grid-kernels.ts';

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
}

/**
 * Products with the kernel exp(−inverse·Σ_k C_k) = K₁ ⊗ … ⊗ K_d between two grids, one axis at a time: n Σ_k n_k multiplications instead of
 * n². Tensors are row-major; with `moment` k, the kernel is multiplied by C_k entry by entry.
 */
export class SeparableProduct {
  readonly kernels: GridKernels;
  private readonly axes: readonly Axis[];
  /** Room for C_k∘K_k and its transpose. */
  private readonly weighted: Axis;
  private readonly scratch: readonly [Float64Array, Float64Array];
  private readonly shifted: Float64Array;
  private readonly top: Float64Array;
  private inverse = 1;
  /** Sums that had to be recomputed one by one. */
  redone = 0;

  constructor(kernels: GridKernels, axes: readonly AxisCosts[]) {
    this.kernels = kernels;
    this.axes = axes.map(({ costs, rows, columns }) => {
      const own = kernels.f64(costs.length);
      own.set(costs);
      return { costs: own, rows, columns, kernel: kernels.f64(costs.length), transposed: kernels.f64(costs.length) };
    });
    const widest = Math.max(...axes.map(({ costs }) => costs.length));
    const empty = new Float64Array(0);
    this.weighted = { costs: empty, rows: 0, columns: 0, kernel: kernels.f64(widest), transposed: kernels.f64(widest) };
    const { tensor, lines } = sizes(axes);
    this.scratch = [kernels.f64(tensor), kernels.f64(tensor)];
    this.shifted = kernels.f64(tensor);
    this.top = kernels.f64(lines);
  }

  /** Bytes of the arrays above, each with up to 64 of alignment. */
  static bytes(axes: readonly AxisCosts[]): number {
    const entries = axes.reduce((sum, { costs }) => sum + costs.length, 0);
    const widest = Math.max(...axes.map(({ costs }) => costs.length));
    const { tensor, lines } = sizes(axes);
    return 8 * (3 * entries + 2 * widest + 3 * tensor + lines) + 64 * (3 * axes.length + 6);
  }

  setLevel(inverse: number): void {
    this.inverse = inverse;
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
    this.alongAxes(over, x, out, moment, (axis, from, to, outer, inner) => this.contract(over, axis, from, to, outer, inner));
  }

  /** out = log(K exp(T)), or with the transpose over rows, exact however far T ranges: every line is shifted by its own maximum. */
  logSum(over: Over, T: Float64Array, out: Float64Array, moment?: number): void {
    this.alongAxes(over, T, out, moment, (axis, from, to, outer, inner, weighted) => {
      const { kernels, shifted, top, inverse } = this;
      const along = over === 'columns' ? axis.columns : axis.rows;
      const lines = { outer, along, inner };
      kernels.shiftLines(from, top, shifted, lines);
      this.contract(over, axis, shifted, to, outer, inner);
      const costs = axis.costs;
      const line: LineCosts =
        over === 'columns'
          ? { costs, count: axis.rows, stride: axis.columns, step: 1, inverse, moment: weighted }
          : { costs, count: axis.columns, stride: 1, step: axis.columns, inverse, moment: weighted };
      this.redone += kernels.restoreLines(to, top, from, lines, line);
    });
  }

  /** Takes a tensor through all axes, the first one first; the last step writes to `out`. */
  private alongAxes(
    over: Over,
    x: Float64Array,
    out: Float64Array,
    moment: number | undefined,
    step: (axis: Axis, from: Float64Array, to: Float64Array, outer: number, inner: number, weighted: boolean) => void,
  ): void {
    const { axes, scratch } = this;
    const last = axes.length - 1;
    let outer = 1;
    let inner = axes.reduce((product, axis) => product * (over === 'columns' ? axis.columns : axis.rows), 1);
    let from = x;
    axes.forEach((axis, k) => {
      inner /= over === 'columns' ? axis.columns : axis.rows;
      const to = k === last ? out : scratch[k % 2]!;
      step(k === moment ? this.withMoment(axis) : axis, from, to, outer, inner, k === moment);
      outer *= over === 'columns' ? axis.rows : axis.columns;
      from = to;
    });
  }

  /** One axis: out[o, i, r] = Σ_j K_ij x[o, j, r]. */
  private contract(over: Over, axis: Axis, from: Float64Array, to: Float64Array, outer: number, inner: number): void {
    const [kernel, transposed] = over === 'columns' ? [axis.kernel, axis.transposed] : [axis.transposed, axis.kernel];
    const [depth, count] = over === 'columns' ? [axis.columns, axis.rows] : [axis.rows, axis.columns];
    if (inner === 1) {
      this.kernels.multiply(from, transposed, to, { rows: outer, depth, columns: count }, { B: 0, out: 0 });
      return;
    }
    for (let o = 0; o < outer; o++) {
      const offsets = { B: o * depth * inner, out: o * count * inner };
      this.kernels.multiply(kernel, from, to, { rows: count, depth, columns: inner }, offsets);
    }
  }

  private withMoment(axis: Axis): Axis {
    const { kernel, transposed } = this.weighted;
    for (let i = 0; i < axis.rows; i++) {
      for (let j = 0; j < axis.columns; j++) {
        const k = axis.costs[i * axis.columns + j]! * axis.kernel[i * axis.columns + j]!;
        kernel[i * axis.columns + j] = k;
        transposed[j * axis.rows + i] = k;
      }
    }
    return { ...axis, kernel, transposed };
  }
}

/** The largest tensor on the way between the grids in either direction, and the most lines of one. */
function sizes(axes: readonly AxisCosts[]): { tensor: number; lines: number } {
  const along = (from: 'rows' | 'columns', to: 'rows' | 'columns'): { tensor: number; lines: number } => {
    let tensor = axes.reduce((product, axis) => product * axis[from], 1);
    let lines = 0;
    let most = tensor;
    for (const axis of axes) {
      lines = Math.max(lines, tensor / axis[from]);
      tensor = (tensor / axis[from]) * axis[to];
      most = Math.max(most, tensor);
    }
    return { tensor: most, lines };
  };
  const [there, back] = [along('columns', 'rows'), along('rows', 'columns')];
  return { tensor: Math.max(there.tensor, back.tensor), lines: Math.max(there.lines, back.lines) };
}
