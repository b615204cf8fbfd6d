import {
  type AxisBlocks,
  BLOCK,
  blocksOf,
  type GridKernels,
  type Lines,
  NEGLIGIBLE,
  type ProductShape,
  RELIABLE_LINE,
} from './grid-kernels.ts';

/** {@link GridKernels} in plain TypeScript. */
export function typescriptGridKernels(): GridKernels {
  return { kind: 'typescript', threads: () => 1, f64: (length) => new Float64Array(length), multiply, logLines, release() {} };
}

function multiply(A: Float64Array, B: Float64Array, out: Float64Array, shape: ProductShape): void {
  const { products, rows, depth, columns } = shape;
  for (let p = 0; p < products; p++) product(A, B, out, shape, { B: p * depth * columns, out: p * rows * columns });
}

/** Two rows by two columns at a time; the columns of B are gathered first, so that the inner loop reads memory in order. */
function product(
  A: Float64Array,
  B: Float64Array,
  out: Float64Array,
  { rows, depth, columns }: ProductShape,
  offsets: { readonly B: number; readonly out: number },
): void {
  const panel = new Float64Array(2 * depth);
  for (let c = 0; c < columns; c += 2) {
    // The last panel of an odd number of columns takes the one before again.
    const left = columns > 1 ? Math.min(c, columns - 2) : 0;
    const right = columns > 1 ? left + 1 : left;
    for (let k = 0, at = offsets.B; k < depth; k++, at += columns) {
      panel[2 * k] = B[at + left]!;
      panel[2 * k + 1] = B[at + right]!;
    }
    for (let r = 0; r < rows; r += 2) {
      const [upper, lower] = [r * depth, Math.min(r + 1, rows - 1) * depth];
      let s = 0;
      let t = 0;
      let p = 0;
      let q = 0;
      for (let k = 0; k < depth; k++) {
        const x = A[upper + k]!;
        const y = A[lower + k]!;
        const v = panel[2 * k]!;
        const w = panel[2 * k + 1]!;
        s += x * v;
        t += x * w;
        p += y * v;
        q += y * w;
      }
      const [first, second] = [offsets.out + r * columns, offsets.out + Math.min(r + 1, rows - 1) * columns];
      out[first + left] = s;
      out[first + right] = t;
      out[second + left] = p;
      out[second + right] = q;
    }
  }
}

function logLines(T: Float64Array, out: Float64Array, { outer, along, inner }: Lines, axis: AxisBlocks): number {
  const { count } = axis;
  const [across, down] = [blocksOf(along), blocksOf(count)];
  const line = new Float64Array(along);
  const terms = new Float64Array(across * BLOCK);
  const tops = new Float64Array(across);
  const sums = new Float64Array(BLOCK);
  let redone = 0;
  for (let o = 0; o < outer; o++) {
    for (let r = 0; r < inner; r++) {
      for (let j = 0, at = o * along * inner + r; j < along; j++, at += inner) line[j] = T[at]!;
      for (let J = 0; J < across; J++) {
        const end = Math.min(along, (J + 1) * BLOCK);
        let top = Number.NEGATIVE_INFINITY;
        for (let j = J * BLOCK; j < end; j++) if (line[j]! > top) top = line[j]!;
        tops[J] = top;
        for (let j = J * BLOCK; j < end; j++) terms[j] = top === Number.NEGATIVE_INFINITY ? 0 : Math.exp(line[j]! - top);
      }
      for (let I = 0; I < down; I++) {
        const bound = blockSums(axis, I, across, tops, terms, sums);
        const size = Math.min(BLOCK, count - I * BLOCK);
        for (let i = 0; i < size; i++) {
          let value = bound;
          if (sums[i]! >= RELIABLE_LINE) value += Math.log(sums[i]!);
          else if (bound > Number.NEGATIVE_INFINITY) {
            value = termByTerm(line, axis, (I * BLOCK + i) * axis.stride);
            redone++;
          }
          out[(o * count + I * BLOCK + i) * inner + r] = value;
        }
      }
    }
  }
  return redone;
}

/** Sums for the nodes of block I relative to e^bound, and that bound. */
function blockSums(
  { kernel, least, inverse }: AxisBlocks,
  I: number,
  across: number,
  tops: Float64Array,
  terms: Float64Array,
  sums: Float64Array,
): number {
  let bound = Number.NEGATIVE_INFINITY;
  for (let J = 0; J < across; J++) bound = Math.max(bound, tops[J]! - inverse * least[I * across + J]!);
  sums.fill(0);
  for (let J = 0; J < across; J++) {
    const exponent = tops[J]! - inverse * least[I * across + J]! - bound;
    if (!(exponent > -NEGLIGIBLE)) continue;
    const factor = Math.exp(exponent);
    const block = (I * across + J) * BLOCK * BLOCK;
    for (let i = 0; i < BLOCK; i++) {
      let sum = 0;
      for (let j = 0; j < BLOCK; j++) sum += kernel[block + i * BLOCK + j]! * terms[J * BLOCK + j]!;
      sums[i]! += factor * sum;
    }
  }
  return bound;
}

/** log Σ_j m(C_ij) exp(T_j − inverse·C_ij) of one line, shifted by its largest exponent. */
function termByTerm(line: Float64Array, { costs, step, inverse, moment }: AxisBlocks, from: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < line.length; j++) {
    const t = line[j]! - inverse * costs[from + j * step]! + (moment ? Math.log(costs[from + j * step]!) : 0);
    if (t > most) most = t;
  }
  if (most === Number.NEGATIVE_INFINITY) return most;
  let sum = 0;
  for (let j = 0; j < line.length; j++) {
    const c = costs[from + j * step]!;
    const w = Math.exp(line[j]! - inverse * c - most);
    sum += moment ? c * w : w;
  }
  return most + Math.log(sum);
}
