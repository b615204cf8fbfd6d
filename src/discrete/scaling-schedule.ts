import type { CostSummary } from '../costs/cost.ts';

/** Precision of the passes of a level. */
export type Precision = 'f32' | 'mixed' | 'f64';

/** One ε of a solve. */
export interface Level {
  readonly epsilon: number;
  /** f32: kernel and products in single precision; mixed: kernel in single, arithmetic in double; f64: double precision throughout. */
  readonly precision: Precision;
  /** The error at which the next level starts. */
  readonly tolerance: number;
  readonly maxSteps: number;
}

/** ε-scaling starts at this share of the spread of the costs, and each level divides by the factor. */
const FIRST = 0.3;
const FACTOR = 8;
/** A level nearer to the last one than this factor is skipped. */
const NEAREST = 2;
const COARSE = 5e-2;
const COARSE_STEPS = 300;
/** Above this share of the spread one level is enough. */
const LARGE = 0.1;
/** What products in single precision can be trusted with, and a kernel in single precision with products in double. */
const SINGLE_FLOOR = 9e-7;
const MIXED_FLOOR = 2e-7;

/**
 * The levels of a solve: decreasing ε from a share of the spread of the costs, each to a coarse error, then the wanted ε, in single precision
 * as far as that goes, mixed where it ends early, and in double to the end.
 *
 * @see [schmitzer2019]
 */
export function scalingSchedule(
  summary: CostSummary,
  epsilon: number,
  tolerance: number,
  options: { readonly scaling: boolean; readonly single: boolean },
): readonly Level[] {
  const spread = summary.mean - summary.least;
  const levels: Level[] = [];
  const precision = options.single ? 'f32' : 'f64';
  if (options.scaling && epsilon < LARGE * spread) {
    for (let level = FIRST * spread; level > NEAREST * epsilon; level /= FACTOR) {
      levels.push({ epsilon: level, precision, tolerance: COARSE, maxSteps: COARSE_STEPS });
    }
  }
  const maxSteps = Number.POSITIVE_INFINITY;
  if (options.single) {
    levels.push({ epsilon, precision: 'f32', tolerance: Math.max(0.9 * tolerance, SINGLE_FLOOR), maxSteps });
    levels.push({ epsilon, precision: 'mixed', tolerance: Math.max(0.9 * tolerance, MIXED_FLOOR), maxSteps });
  }
  levels.push({ epsilon, precision: 'f64', tolerance, maxSteps });
  return levels;
}
