import { Matrix } from 'ml-matrix';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { ChainDrift, DriftModel, RegressionBatch } from '../drifts/drift-model.ts';
import { mlp, mlpBytes } from '../drifts/mlp.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import { randomSource } from '../numerics/random.ts';
import { eigenSymmetric } from '../numerics/spd.ts';
import { modelContext } from './model-context.ts';
import { COPIES, type RegressionRows } from './regression-target.ts';
import type { ResolvedTraining } from './training-options.ts';

/** Log-ratios to the constant estimate stay within e^±8: beyond that a variance is not told from zero in single precision. */
const LARGEST_LOG_RATIO = 8;

/** Units of the hidden layers. */
const HIDDEN = [32, 32];

/**
 * The network s of V_k(x) = U_k diag(λ_k·exp s_k(x)) U_kᵀ, with U_k diag(λ_k) U_kᵀ the constant estimate. Its last layer starts at zero:
 * untrained, V_k(x) is the constant estimate.
 */
export function logVarianceModel(
  problem: BridgeProblem,
  options: Pick<ResolvedTraining, 'grid' | 'batchSize' | 'seed'>,
  direction: 'forward' | 'backward',
  halfStep: number,
): DriftModel {
  const random = randomSource(options.seed).split('log-variance').split(halfStep);
  return mlp({ hidden: HIDDEN }).make({ ...modelContext(problem, options, direction, random), driftScale: 1 });
}

/** Bytes of one such network. */
export function logVarianceBytes(
  { dimension }: Pick<BridgeProblem, 'dimension'>,
  { batchSize }: Pick<ResolvedTraining, 'batchSize'>,
): number {
  return mlpBytes({ hidden: HIDDEN }, { dimension, batchSize });
}

/** Replaces the targets of rows, in place, by squared residuals of the mean along U_k in units of λ_k: ((U_kᵀ(X − X' − γf(X')))_c)²/λ_c. */
export function squareResiduals(rows: RegressionRows, drift: ChainDrift, noise: readonly Matrix[], durations: Float64Array): void {
  const { inputs, targets, paths, dimension: d } = rows;
  const size = COPIES * paths * d;
  const [late, mean] = [new Float64Array(size), new Float64Array(size)];
  noise.forEach((covariance, k) => {
    const from = k * size;
    late.set(inputs.subarray(from, from + size));
    drift.evaluate(k, late, mean);
    const { values, vectors } = eigenSymmetric(covariance);
    const along = new Float64Array(d);
    for (let i = 0; i < size; i += d) {
      along.fill(0);
      for (let a = 0; a < d; a++) {
        const residual = durations[k]! * (targets[from + i + a]! - mean[i + a]!);
        for (let c = 0; c < d; c++) along[c]! += vectors.get(a, c) * residual;
      }
      // Along a direction without variance nothing is to be learned.
      for (let c = 0; c < d; c++) targets[from + i + c] = values[c]! > 0 ? along[c]! ** 2 / values[c]! : 1;
    }
  });
}

/**
 * Turns q, the squared residuals of a batch, into working responses s + q·e^(−s) − 1, in place. At the network's own value s, the gradient
 * of the squared error to them is four times that of the Gaussian negative log-likelihood ½(s + q·e^(−s)): a model trained by least squares
 * descends that likelihood. Its Fisher information is ½ whatever s is, so rows weigh the same.
 *
 * @returns the mean of that likelihood over rows and coordinates: ½ in the mean where s is 0
 */
export function workingResponses(model: ChainDrift, { count, transitions, inputs, targets }: RegressionBatch): number {
  const d = model.dimension;
  let likelihood = 0;
  const groups = new Map<number, number[]>();
  for (let i = 0; i < count; i++) {
    const k = transitions[i]!;
    const group = groups.get(k);
    if (group === undefined) groups.set(k, [i]);
    else group.push(i);
  }
  for (const [k, members] of groups) {
    const x = new Float64Array(members.length * d);
    members.forEach((i, at) => {
      for (let c = 0; c < d; c++) x[at * d + c] = inputs[i * d + c]!;
    });
    const s = new Float64Array(x.length);
    model.evaluate(k, x, s);
    members.forEach((i, at) => {
      for (let c = 0; c < d; c++) {
        const value = bounded(s[at * d + c]!);
        const response = value + targets[i * d + c]! * Math.exp(-value);
        likelihood += response / 2;
        targets[i * d + c] = response - 1;
      }
    });
  }
  return likelihood / (count * d);
}

/** V_k(x)^½ z for every row: U diag(√(λ·exp s(x))) Uᵀ z. */
export function scaleByLogVariance(field: ChainDrift, k: number, covariance: Matrix, x: Points, z: Points): Points {
  const d = x.dimension;
  const { values, vectors } = eigenSymmetric(covariance);
  const s = new Float64Array(x.data.length);
  field.evaluate(k, x.data, s);
  const out = allocatePoints(x.count, d);
  for (let i = 0; i < s.length; i += d) {
    for (let c = 0; c < d; c++) {
      let along = 0;
      for (let a = 0; a < d; a++) along += vectors.get(a, c) * z.data[i + a]!;
      along *= Math.sqrt(Math.max(0, values[c]!) * Math.exp(bounded(s[i + c]!)));
      for (let a = 0; a < d; a++) out.data[i + a]! += vectors.get(a, c) * along;
    }
  }
  return out;
}

/** V_k(x) at every row. */
export function conditionalCovariances(field: ChainDrift, k: number, covariance: Matrix, x: Points): Matrix[] {
  const d = x.dimension;
  const { values, vectors } = eigenSymmetric(covariance);
  const s = new Float64Array(x.data.length);
  field.evaluate(k, x.data, s);
  return Array.from({ length: x.count }, (_, i) => {
    const scaled = Array.from(values, (v, c) => Math.max(0, v) * Math.exp(bounded(s[i * d + c]!)));
    // Untrained it is the estimate itself, to the last bit.
    if (s.subarray(i * d, (i + 1) * d).every((value) => value === 0)) return covariance.clone();
    return vectors.mmul(Matrix.diag(scaled)).mmul(vectors.transpose());
  });
}

function bounded(s: number): number {
  return Math.min(Math.max(s, -LARGEST_LOG_RATIO), LARGEST_LOG_RATIO);
}
