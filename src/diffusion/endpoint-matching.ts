import type { Matrix } from 'ml-matrix';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { RandomSource } from '../numerics/random.ts';
import type { TimeGrid } from '../references/time-grid.ts';
import { chainEnds, type DrawEnds, sourceEnds } from './end-pairs.ts';
import { endpointRegression } from './endpoint-regression.ts';
import { fillRows, normalised, type RegressionScheme, type SchemeContext } from './regression-target.ts';

/**
 * End-point matching (DSBM): draws X_t from the reference bridge between pairs of ends and regresses the drift of that bridge towards its
 * end, see {@link endpointRegression}. The pairs are the ends of simulated paths; those of the first half-step are `given`, by default the
 * source alone, from which the reference goes on without simulation: exact denoising score matching. A cache that keeps the ends draws the
 * interiors again for every pass. Weights are the reciprocal variance of the target's noise.
 *
 * @see [shi2023]
 */
export function endpointMatching({ problem, grid, draws, keep }: SchemeContext, given?: DrawEnds): RegressionScheme {
  const first = given ?? sourceEnds(problem.source, draws);
  const [forward, backward] = (['forward', 'backward'] as const).map((direction) => endpointRegression(problem, grid, direction));
  return {
    noise: (direction) => nodeNoise(problem, grid, direction),
    weights: (direction) => endpointWeights(problem, grid, direction),
    *rows({ chain, paths, random, first: isFirst }, room) {
      const regression = (chain.direction === 'forward' ? backward : forward)!;
      const ends = yield* (isFirst ? first : chainEnds(chain, draws))(paths, random);
      const rows = room.take(grid.steps, paths, problem.dimension);
      function* draw(stream: RandomSource): Generator<void, void, void> {
        const interiors = stream.split('interior');
        for (let k = 0; k < grid.steps; k++) {
          for (const [copy, { x, drift }] of regression.rows(k, ends, interiors.split(k)).entries()) fillRows(rows, k, copy, x, drift);
          yield;
        }
      }
      yield* draw(random);
      return keep === 'endpoints' ? { ...rows, redraw: draw } : rows;
    },
  };
}

/** V_k = γ ggᵀ of the node where the step starts. */
export function nodeNoise({ reference, dimension }: BridgeProblem, grid: TimeGrid, direction: 'forward' | 'backward'): Matrix[] {
  return Array.from(grid.durations, (gamma, k) => {
    const node = direction === 'forward' ? k : k + 1;
    return reference.diffusionCovariance(Math.min(grid.times[node]!, reference.horizon), dimension).mul(gamma);
  });
}

/** Reciprocal variances of the targets, mean 1; where the reference has no noise the target has none, and the largest of the others counts. */
export function endpointWeights(problem: BridgeProblem, grid: TimeGrid, direction: 'forward' | 'backward'): Float64Array {
  const regression = endpointRegression(problem, grid, direction);
  const precisions = Float64Array.from({ length: grid.steps }, (_, k) => regression.precision(k));
  const most = Math.max(...precisions.filter(Number.isFinite));
  return normalised(precisions.map((value) => (Number.isFinite(value) ? value : Number.isFinite(most) ? most : 1)));
}
