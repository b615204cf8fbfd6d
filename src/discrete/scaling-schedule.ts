import type { CostSummary } from '../costs/cost.ts';

/** One ε of a solve. */
export interface Level {
  readonly epsilon: number;
  /** Double precision throughout. */
  readonly precise: boolean;
  /** The error at which the next level starts. */
  readonly tolerance: number;
  readonly maxSteps: number;
}

/** ε-scaling starts at this share of the spread of the costs, and each level divides by the factor. */
const FIRST = 0.3;
const FACTOR = 6;
const COARSE = 5e-2;
const COARSE_STEPS = 300;
/** Above this share of the spread one level is enough. */
const LARGE = 0.1;
/** What single precision can be trusted with. */
export const SINGLE_FLOOR = 9e-7;

/**
 * The levels of a solve: decreasing ε from a share of the spread of the costs, each to a coarse error, then the wanted ε, in single precision
 * as far as that goes and in double to the end.
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
  const precise = !options.single;
  if (options.scaling && epsilon < LARGE * spread) {
    for (let level = FIRST * spread; level > 1.0001 * epsilon; level /= FACTOR) {
      levels.push({ epsilon: level, precise, tolerance: COARSE, maxSteps: COARSE_STEPS });
    }
  }
  if (options.single)
    levels.push({ epsilon, precise: false, tolerance: Math.max(0.9 * tolerance, SINGLE_FLOOR), maxSteps: Number.POSITIVE_INFINITY });
  levels.push({ epsilon, precise: true, tolerance, maxSteps: Number.POSITIVE_INFINITY });
  return levels;
}
