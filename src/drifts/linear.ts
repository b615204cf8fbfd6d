import { Matrix } from 'ml-matrix';
import { FormatError } from '../errors.ts';
import { type Affine, affineInto, flatten } from '../numerics/affine.ts';
import { eigenSymmetric, fromEigen } from '../numerics/spd.ts';
import type { ChainDrift, DriftModel, DriftModelContext, DriftModelSpec, RegressionBatch } from './drift-model.ts';

/**
 * Describes a drift that is affine in x, with its own coefficients for every transition, solved by least squares: the exact model between
 * Gaussians, and the test of every scheme. It has no options; the learning rate has no meaning for it.
 *
 * @example
 * ```ts
 * import { driftModels } from 'viaduct';
 * console.log(driftModels.linear().kind); // → linear
 * ```
 */
export function linear(): DriftModelSpec {
  return Object.freeze({ kind: 'linear', description: Object.freeze({ kind: 'linear' }), make: makeLinear });
}

/** Sums over the rows of one transition, centred at the context's centre so that nothing large cancels. */
interface Sums {
  count: number;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly xx: Float64Array;
  readonly yx: Float64Array;
}

function makeLinear({ dimension: d, labels, center }: DriftModelContext): DriftModel {
  const steps = labels.length;
  const empty = (): Sums[] =>
    Array.from({ length: steps }, () => ({
      count: 0,
      x: new Float64Array(d),
      y: new Float64Array(d),
      xx: new Float64Array(d * d),
      yx: new Float64Array(d * d),
    }));
  let sums = empty();
  // Row-major matrix, then offset, for each transition.
  const coefficients = new Float64Array(steps * (d * d + d));
  const fixed = frozen(d, coefficients);
  return {
    ...fixed,
    begin() {
      sums = empty();
    },
    step(batch) {
      const loss = batchLoss(fixed, batch);
      accumulate(sums, batch, center);
      return loss;
    },
    finish() {
      sums.forEach((sum, k) => {
        if (sum.count > 0) coefficients.set(solve(sum, center), k * (d * d + d));
      });
    },
    freeze: () => frozen(d, Float64Array.from(coefficients)),
    save() {
      const parts = [coefficients, ...sums.flatMap(({ count, x, y, xx, yx }) => [Float64Array.of(count), x, y, xx, yx])];
      return bytesOf(Float64Array.from(parts.flatMap((part) => [...part])));
    },
    load(bytes) {
      const perSum = 1 + 2 * d + 2 * d * d;
      if (bytes.length !== 8 * (coefficients.length + steps * perSum)) {
        throw new FormatError(
          `driftModels.linear: ${bytes.length} bytes are not the state of this model; load what save() of the same problem gave`,
        );
      }
      const values = new Float64Array(Uint8Array.from(bytes).buffer);
      coefficients.set(values.subarray(0, coefficients.length));
      sums = Array.from({ length: steps }, (_, k) => {
        let at = coefficients.length + k * perSum;
        const take = (length: number): Float64Array => values.slice(at, (at += length));
        return { count: take(1)[0]!, x: take(d), y: take(d), xx: take(d * d), yx: take(d * d) };
      });
    },
  };
}

function frozen(d: number, coefficients: Float64Array): ChainDrift {
  const size = d * d + d;
  const part = (k: number): { matrix: Float64Array; offset: Float64Array } => ({
    matrix: coefficients.subarray(k * size, k * size + d * d),
    offset: coefficients.subarray(k * size + d * d, (k + 1) * size),
  });
  return {
    dimension: d,
    evaluate(k, x, out) {
      const { matrix, offset } = part(k);
      affineInto(matrix, offset, x, out);
    },
    affine(k): Affine {
      const { matrix, offset } = part(k);
      return { matrix: Matrix.from1DArray(d, d, Array.from(matrix)), offset: Float64Array.from(offset) };
    },
    bytes: () => bytesOf(coefficients),
  };
}

function accumulate(sums: Sums[], { count, transitions, inputs, targets }: RegressionBatch, center: Float64Array): void {
  const d = center.length;
  for (let i = 0; i < count; i++) {
    const sum = sums[transitions[i]!]!;
    sum.count++;
    for (let r = 0; r < d; r++) {
      const x = inputs[i * d + r]! - center[r]!;
      const y = targets[i * d + r]!;
      sum.x[r]! += x;
      sum.y[r]! += y;
      for (let c = 0; c < d; c++) {
        const other = inputs[i * d + c]! - center[c]!;
        sum.xx[r * d + c]! += x * other;
        sum.yx[r * d + c]! += y * other;
      }
    }
  }
}

/** Least squares with intercept; directions in which the inputs do not vary get slope 0. Returns matrix and offset. */
function solve(sum: Sums, center: Float64Array): Float64Array {
  const d = center.length;
  const meanX = sum.x.map((s) => s / sum.count);
  const meanY = sum.y.map((s) => s / sum.count);
  const centred = (raw: Float64Array, rows: Float64Array): Matrix =>
    Matrix.from1DArray(
      d,
      d,
      Array.from(raw, (s, i) => s / sum.count - rows[Math.floor(i / d)]! * meanX[i % d]!),
    );
  const eigen = eigenSymmetric(centred(sum.xx, meanX));
  const floor = 1e-10 * Math.max(...eigen.values, 0);
  const slope = flatten(centred(sum.yx, meanY).mmul(fromEigen(eigen, (v) => (v > floor ? 1 / v : 0))));
  const out = new Float64Array(d * d + d);
  out.set(slope);
  for (let r = 0; r < d; r++) {
    let offset = meanY[r]!;
    for (let c = 0; c < d; c++) offset -= slope[r * d + c]! * (meanX[c]! + center[c]!);
    out[d * d + r] = offset;
  }
  return out;
}

/** Mean of w·|model − target|² over a batch whose rows belong to any transitions. */
function batchLoss(drift: ChainDrift, { count, transitions, inputs, targets, weights }: RegressionBatch): number {
  const d = drift.dimension;
  const x = new Float64Array(d);
  const y = new Float64Array(d);
  let loss = 0;
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < d; c++) x[c] = inputs[i * d + c]!;
    drift.evaluate(transitions[i]!, x, y);
    for (let c = 0; c < d; c++) loss += weights[i]! * (y[c]! - targets[i * d + c]!) ** 2;
  }
  return loss / count;
}

function bytesOf(values: Float64Array): Uint8Array {
  return new Uint8Array(Float64Array.from(values).buffer);
}
