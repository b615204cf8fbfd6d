import { allocatePoints, type Points, wrapPoints } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { chainEnds, type DrawEnds } from './end-pairs.ts';
import { endpointWeights, nodeNoise } from './endpoint-matching.ts';
import { endpointRegression } from './endpoint-regression.ts';
import { withFlag } from './one-network.ts';
import { fillRows, type RegressionScheme, type SchemeContext } from './regression-target.ts';

/**
 * End-point matching of both directions at once, for one network: every pair of ends gives rows of the forward drift at transitions
 * 0 … N − 1 and of the backward one at N … 2N − 1. A half-step still belongs to the direction whose chain gives the next pairs.
 *
 * @see [shi2023]
 */
export function bothDirectionsMatching({ problem, grid, draws, keep }: SchemeContext, given: DrawEnds): RegressionScheme {
  const { steps } = grid;
  const d = problem.dimension;
  const sides = (['forward', 'backward'] as const).map((direction) => ({
    direction,
    regression: endpointRegression(problem, grid, direction),
    weights: endpointWeights(problem, grid, direction),
  }));
  return {
    noise: (direction) => nodeNoise(problem, grid, direction),
    weights: () => Float64Array.of(...sides.flatMap(({ weights }) => Array.from(weights))),
    *rows({ chain, paths, random, first }, room) {
      const ends = yield* (first ? given : chainEnds(chain, draws))(paths, random);
      const rows = room.take(2 * steps, paths, d + 1);
      function* draw(stream: RandomSource): Generator<void, void, void> {
        for (const [s, { direction, regression }] of sides.entries()) {
          const interiors = stream.split(`interior ${direction}`);
          for (let k = 0; k < steps; k++) {
            for (const [copy, { x, drift }] of regression.rows(k, ends, interiors.split(k)).entries()) {
              const seen = wrapPoints(withFlag(x.data, d, direction), d + 1);
              fillRows(rows, s * steps + k, copy, seen, widened(drift));
            }
            yield;
          }
        }
      }
      yield* draw(random);
      return keep === 'endpoints' ? { ...rows, redraw: draw } : rows;
    },
  };
}

/** The drift with a zero as last coordinate: the flag does not move. */
function widened(x: Points): Points {
  const out = allocatePoints(x.count, x.dimension + 1);
  for (let i = 0; i < x.count; i++) out.data.set(x.data.subarray(i * x.dimension, (i + 1) * x.dimension), i * out.dimension);
  return out;
}
