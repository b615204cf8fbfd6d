import type { TransportEngine } from '../kernels/transport-engine.ts';

/** One side of a problem in the engine's memory: positive weights, how the plan is tied to them, padding of weight 0. */
export interface Side {
  readonly count: number;
  /** Padded with 0. */
  readonly weights: Float64Array;
  /** log of the weights, −∞ in the padding. */
  readonly logs: Float64Array;
  /** Σ weights. */
  readonly mass: number;
  /** ρ of the KL penalty, +∞ when exact. */
  readonly rho: number;
  readonly exact: boolean;
}

/** Copies weights into an engine; `length` is that of the padded vectors. */
export function makeSide(engine: TransportEngine, weights: Float64Array, length: number, rho: number): Side {
  const padded = engine.f64(length);
  padded.set(weights);
  const logs = engine.f64(length);
  engine.log(padded, logs);
  let mass = 0;
  for (const w of weights) mass += w;
  return { count: weights.length, weights: padded, logs, mass, rho, exact: rho === Number.POSITIVE_INFINITY };
}
