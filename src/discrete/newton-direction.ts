import { inner, largest, sumOf } from './padded-vectors.ts';
import type { SemiDual, SemiDualPoint } from './semi-dual.ts';
import type { Preconditioner } from './truncated-hessian.ts';

/** Longest step of a component, in units of ε. */
const LONGEST = 12;
/** Curvature below this share of Σ c d² is rounding. */
const FLATNESS = 1e-15;
/** Steps of conjugate gradients at the most. */
const MOST_STEPS = 60;

/** A direction for g/ε, what it took, and the slope of the dual along it. */
export interface NewtonDirection {
  readonly x: Float64Array;
  readonly steps: number;
  readonly slope: number;
}

/** Newton's direction on the semi-dual, with vectors of its own in the engine's memory. */
export class NewtonSystem {
  private readonly dual: SemiDual;
  private readonly inverseA: Float64Array;
  private readonly vectors: readonly Float64Array[];

  constructor(dual: SemiDual) {
    const { engine } = dual.kernel;
    const { weights, count } = dual.source;
    this.dual = dual;
    this.inverseA = engine.f64(weights.length);
    for (let i = 0; i < count; i++) this.inverseA[i] = 1 / weights[i]!;
    this.vectors = Array.from({ length: 5 }, () => engine.f64(dual.target.weights.length));
  }

  /** Bytes of the arrays above. */
  static bytes(height: number, width: number): number {
    return 8 * (height + 5 * width) + 6 * 64;
  }

  /**
   * x ≈ H⁻¹(b − c) by preconditioned conjugate gradients on the exact Hessian H = diag(c) − Pᵀ diag(1/a) P, one pass a step. Constants,
   * which move nothing, are taken out.
   */
  solve(point: SemiDualPoint, precondition: Preconditioner): NewtonDirection {
    const { kernel, target } = this.dual;
    const { c, F, G } = point;
    const [x, r, z, d, Hd] = this.vectors as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
    const count = target.count;
    const mass = sumOf(c, count);
    const centre = (v: Float64Array): void => {
      let mean = 0;
      for (let j = 0; j < count; j++) mean += v[j]! * c[j]!;
      mean /= mass;
      for (let j = 0; j < count; j++) v[j]! -= mean;
    };
    const balance = (v: Float64Array): void => {
      const excess = sumOf(v, count) / mass;
      for (let j = 0; j < count; j++) v[j]! -= excess * c[j]!;
    };
    const size = (): number => {
      let sum = 0;
      for (let j = 0; j < count; j++) sum += (r[j]! * r[j]!) / c[j]!;
      return Math.sqrt(sum);
    };
    x.fill(0);
    for (let j = 0; j < count; j++) r[j] = point.wanted[j]! - c[j]!;
    balance(r);
    precondition.apply(r, z);
    centre(z);
    d.set(z);
    let rz = inner(r, z, count);
    const goal = Math.min(0.1, Math.max(Math.sqrt(point.error), 1e-5)) * size();
    let steps = 0;
    while (steps < MOST_STEPS) {
      steps++;
      kernel.gram(F, G, this.inverseA, d, Hd);
      for (let j = 0; j < count; j++) Hd[j] = c[j]! * d[j]! - Hd[j]!;
      const curvature = inner(d, Hd, count);
      // Clusters without any flow between them: along their shift the dual is a straight line, to rounding.
      if (!(curvature > FLATNESS * weightedSquares(c, d, count))) {
        if (steps === 1) {
          const scale = LONGEST / largest(d, count);
          for (let j = 0; j < count; j++) x[j] = scale * d[j]!;
          return { x, steps, slope: slopeAlong(point, x, count) };
        }
        break;
      }
      const alpha = rz / curvature;
      for (let j = 0; j < count; j++) {
        x[j]! += alpha * d[j]!;
        r[j]! -= alpha * Hd[j]!;
      }
      if (size() <= goal) break;
      balance(r);
      precondition.apply(r, z);
      centre(z);
      const before = rz;
      rz = inner(r, z, count);
      for (let j = 0; j < count; j++) d[j] = z[j]! + (rz / before) * d[j]!;
    }
    // A cluster tied to the rest by too little mass asks for an enormous shift: the exponential makes much less of it enough.
    // (φ eˢ = b is solved by s = log(1 + x), x = b/φ − 1 Newton's step.)
    for (let j = 0; j < count; j++) {
      const move = Math.abs(x[j]!);
      if (move > 1) x[j] = Math.sign(x[j]!) * Math.min(LONGEST, 1 + Math.log(move));
    }
    return { x, steps, slope: slopeAlong(point, x, count) };
  }
}

/** Σ c d². */
function weightedSquares(c: Float64Array, d: Float64Array, count: number): number {
  let sum = 0;
  for (let j = 0; j < count; j++) sum += c[j]! * d[j]! * d[j]!;
  return sum;
}

/** Derivative of the dual, in units of ε, along x. */
function slopeAlong({ wanted, c }: SemiDualPoint, x: Float64Array, count: number): number {
  let slope = 0;
  for (let j = 0; j < count; j++) slope += (wanted[j]! - c[j]!) * x[j]!;
  return slope;
}
