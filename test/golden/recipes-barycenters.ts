import { type BarycenterProblem, barycenter } from '../../src/discrete/index.ts';
import { type DiscreteMarginal, discreteMarginal } from '../../src/marginals/discrete-marginal.ts';
import { gridMarginal } from '../../src/marginals/grid-marginal.ts';
import { piece, rows, vector } from './fixtures.ts';

/** The histograms of the fixtures as measures on their points. */
export function histogramMeasures(): DiscreteMarginal[] {
  const places = rows('histograms', 'x');
  return rows('histograms', 'measures').map((weights) => discreteMarginal({ points: places, weights }));
}

/** Images of 8 × 8 pixels on the unit square. */
export function imageMeasures(): DiscreteMarginal[] {
  return (piece('images', 'measures') as number[][][]).map((image) =>
    gridMarginal({ shape: [8, 8], weights: image.flat(), spacing: 1 / 7 }),
  );
}

export const shares = (problem: string): number[] => vector(problem, 'shares');

/** Weights of a barycenter on fixed points. */
export function fixedWeights(problem: BarycenterProblem, tolerance = 1e-12): Float64Array {
  return barycenter(problem, { tolerance, maxIterations: 20_000 }).marginal.weights;
}

/** Places of a barycenter of points that move from the start of the fixtures; `own` are their weights. */
export function freePoints(epsilon?: number, own?: number[]): Float64Array {
  const weights = piece('clouds', 'weights') as number[][];
  const measures = (piece('clouds', 'points') as number[][][]).map((points, k) => discreteMarginal({ points, weights: weights[k]! }));
  const regularised = epsilon === undefined ? {} : { epsilon };
  const support = { free: rows('clouds', 'start'), ...(own === undefined ? {} : { weights: own }) };
  return barycenter({ measures, weights: shares('clouds'), support, ...regularised }, { tolerance: 1e-12 }).marginal.points.data;
}
