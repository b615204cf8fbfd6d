import { Matrix } from 'ml-matrix';
import { matchMoments } from '../numerics/matched-draws.ts';
import { allocatePoints, type Points, wrapPoints } from '../numerics/points.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { eigenSymmetric } from '../numerics/spd.ts';

/** Points z_n and weights w_n of sum one with Σ_n w_n h(z_n) ≈ E h(Z), Z ~ N(0, I). */
export interface NormalNodes {
  readonly points: Points;
  readonly logWeights: Float64Array;
}

/** Draws of a random rule, in pairs ±z. */
const DRAWS = 128;

/** A fixed rule: Gauss–Hermite in up to two dimensions (32, or 12 × 12 nodes), otherwise 128 antithetic draws with covariance I where they suffice. */
export function fixedNodes(dimension: number): NormalNodes {
  if (dimension === 1) return gaussHermite(32);
  if (dimension === 2) return squared(gaussHermite(12));
  const { points, logWeights } = randomNodes(dimension, randomSource(0).split('normal nodes'));
  return { points: matchMoments(points, { mean: new Float64Array(dimension), covariance: Matrix.eye(dimension) }), logWeights };
}

/** 128 antithetic draws. */
export function randomNodes(dimension: number, random: RandomSource): NormalNodes {
  const half = random.fillNormal(new Float64Array((DRAWS / 2) * dimension));
  const data = new Float64Array(2 * half.length);
  data.set(half);
  data.set(
    half.map((z) => -z),
    half.length,
  );
  return { points: wrapPoints(data, dimension), logWeights: new Float64Array(DRAWS).fill(-Math.log(DRAWS)) };
}

/** Eigenvalues of the Jacobi matrix of the Hermite polynomials, weighted with the squared first components of its eigenvectors. */
function gaussHermite(count: number): NormalNodes {
  const jacobi = Matrix.zeros(count, count);
  for (let k = 1; k < count; k++) jacobi.set(k, k - 1, Math.sqrt(k)).set(k - 1, k, Math.sqrt(k));
  const { values, vectors } = eigenSymmetric(jacobi);
  // Outermost weights may be zero by rounding; the smallest double stands for them.
  const logWeights = values.map((_, k) => Math.log(Math.max(vectors.get(0, k) ** 2, Number.MIN_VALUE)));
  return { points: wrapPoints(Float64Array.from(values), 1), logWeights };
}

/** The product of a rule on the line with itself. */
function squared({ points: { data }, logWeights }: NormalNodes): NormalNodes {
  const n = data.length;
  const points = allocatePoints(n * n, 2);
  const logs = new Float64Array(n * n);
  for (let i = 0; i < n * n; i++) {
    const [a, b] = [Math.floor(i / n), i % n];
    points.data.set([data[a]!, data[b]!], 2 * i);
    logs[i] = logWeights[a]! + logWeights[b]!;
  }
  return { points, logWeights: logs };
}
