import type { CostBlock, TransportEngine } from '../kernels/transport-engine.ts';

/** A plan moved onto its marginals: Q_ij = x_i P_ij y_j + ea_i eb_j. */
export interface Rounding {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly ea: Float64Array;
  readonly eb: Float64Array;
}

/** Sums over a rounded plan. */
export interface RoundedSums {
  /** Σ Q C. */
  readonly linear: number;
  /** Σ Q log Q, or an upper bound where the sum over pairs does not separate. */
  readonly logs: number;
  /** Σ Q. */
  readonly mass: number;
  /** Σ Q (log a_i + log b_j). */
  readonly cross: number;
  /** True when mass would have to go onto a forbidden pair, which is left out. */
  readonly forbidden: boolean;
}

/**
 * What is asked of a plan P_ij = exp(F_i + G_j − C_ij/ε) once the potentials are known, all in double precision and without forming it.
 */
export interface PlanPasses {
  /** Row and column sums. */
  marginals(F: Float64Array, G: Float64Array, rows: Float64Array, columns: Float64Array): void;
  /** out_r = P V_r for `count` vectors, one after the other, padded like F and G. */
  apply(F: Float64Array, G: Float64Array, V: Float64Array, count: number, out: Float64Array): void;
  /** out_r = Pᵀ U_r. */
  applyTranspose(F: Float64Array, G: Float64Array, U: Float64Array, count: number, out: Float64Array): void;
  /** H_j = −log Σ_i exp(F_i − C_ij/ε). */
  softColumns(F: Float64Array, H: Float64Array): void;
  /** A proven bound of Σ|P − P̃|/Σa where an approximation P̃ of P is summed up. Absent where sums are exact to rounding. */
  leftOut?(F: Float64Array, G: Float64Array): number;
  roundedSums(
    F: Float64Array,
    G: Float64Array,
    rounding: Rounding,
    logs: { readonly a: Float64Array; readonly b: Float64Array },
  ): RoundedSums;
}

/** The passes of an engine over all pairs. */
export function enginePasses(engine: TransportEngine, costs: CostBlock, epsilon: number): PlanPasses {
  const inverse = 1 / epsilon;
  return {
    marginals: (F, G, rows, columns) => {
      engine.marginals(costs, F, G, inverse, rows, columns);
    },
    apply: (F, G, V, count, out) => engine.apply(costs, F, G, inverse, V, count, out),
    applyTranspose: (F, G, U, count, out) => engine.applyTranspose(costs, F, G, inverse, U, count, out),
    softColumns: (F, H) => engine.softMinColumns(costs, F, inverse, H),
    roundedSums: (F, G, rounding, logs) => engine.roundedSums(costs, F, G, inverse, rounding, logs),
  };
}
