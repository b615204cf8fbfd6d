import type { TransportEngine } from './transport-engine.ts';
import { ALIGNMENT, fillCosts, fillPoints, padded } from './transport-layout.ts';
import { ascentVectors } from './transport-typescript-ascent.ts';
import { costRows } from './transport-typescript-costs.ts';
import { absorb, fused, largeEntries, multiply, multiplyTranspose } from './transport-typescript-kernel.ts';
import { apply, applyTranspose, logFused, marginals, roundedSums, softMinColumns, softMinRows } from './transport-typescript-plan.ts';
import { axpy, dot, lbfgsDirection } from './transport-typescript-vectors.ts';

/** The engine in plain TypeScript: one thread, f64 arithmetic throughout. `bytes` bounds its arrays as it does elsewhere. */
export function typescriptTransportEngine(bytes: number, asked: number): TransportEngine {
  let taken = 0;
  const take = (size: number): void => {
    const next = taken + Math.ceil(size / ALIGNMENT) * ALIGNMENT;
    if (next > Math.ceil(bytes / ALIGNMENT) * ALIGNMENT) {
      throw new RangeError(`transport engine: ${next} bytes are needed and ${bytes} were asked for; open it with more`);
    }
    taken = next;
  };
  const f64 = (length: number): Float64Array => {
    take(8 * length);
    return new Float64Array(length);
  };
  return {
    kind: 'typescript',
    threads: () => 1,
    threadsReason: asked > 1 ? 'plain TypeScript runs in one thread' : undefined,
    width: padded,
    height: padded,
    f64,
    f32(length) {
      take(4 * length);
      return new Float32Array(length);
    },
    reset() {
      taken = 0;
    },
    storedCosts: (costs, rows, columns) => fillCosts(f64(padded(rows) * padded(columns)), costs, rows, columns),
    pointCosts(x, y, dimension, scale) {
      const [rows, columns] = [padded(x.length / dimension), padded(y.length / dimension)];
      return fillPoints({ x: f64(rows * dimension), y: f64(columns * dimension) }, x, y, dimension, scale);
    },
    storedPointCosts(points) {
      const { rows, columns } = points;
      const width = padded(columns);
      const data = f64(padded(rows) * width);
      const row = costRows(points);
      for (let i = 0; i < padded(rows); i++) data.set(row(i).data, i * width);
      return { kind: 'stored', rows, columns, data };
    },
    absorb,
    fused,
    multiply,
    multiplyTranspose,
    largeEntries,
    logFused,
    softMinRows,
    softMinColumns,
    marginals,
    apply,
    applyTranspose,
    roundedSums,
    dot,
    axpy,
    exp(x, out) {
      for (let k = 0; k < x.length; k++) out[k] = Math.exp(x[k]!);
    },
    log(x, out) {
      for (let k = 0; k < x.length; k++) out[k] = Math.log(x[k]!);
    },
    lbfgsDirection,
    ...ascentVectors,
    release() {
      taken = 0;
    },
  };
}
