import { Matrix } from 'ml-matrix';
import { applyAffine } from '../numerics/affine.ts';
import { crossMoment, weightedMean, weightedMoments } from '../numerics/moments.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import { inverseSquareRoot, pseudoInverseSquareRoot } from '../numerics/spd.ts';
import { innerNodes, type Judged } from './judged.ts';
import { type Finding, inapplicable, theoremCheck } from './theorem-check.ts';

const NAME = 'reciprocity';

/** Standard errors that are taken for chance. */
const CHANCE = 4;

/**
 * Given its ends, the process is the reference bridge: the residual X_t − E_ref[X_t | X_0, X_T], whitened by the reference bridge, has mean
 * 0, covariance I and no correlation with the ends. The value is the largest entry that misses, beyond four standard errors, at a quarter,
 * a half and three quarters of the steps.
 *
 * @see [leonard2014]
 */
export function reciprocity({ problem, samples, paths }: Judged): Finding[] {
  const { reference, dimension } = problem;
  if (reference.kind === 'simulated')
    return inapplicable([NAME], 'needs the law of the reference between two ends, which is not known where it is simulated');
  const { grid, nodes } = paths();
  if (grid.steps < 2) return inapplicable([NAME], 'needs a node between the ends, and one step has none');
  const [start, end] = [nodes[0]!, nodes[grid.steps]!];
  const misses = innerNodes(grid).map((k) => {
    const law = reference.bridge(0, grid.times[k]!, reference.horizon, dimension);
    const fromEnd = applyAffine({ matrix: law.fromEnd, offset: law.offset }, end);
    const fromStart = applyAffine({ matrix: law.fromStart, offset: new Float64Array(dimension) }, start);
    const residual = allocatePoints(samples, dimension);
    for (let i = 0; i < residual.data.length; i++) residual.data[i] = nodes[k]!.data[i]! - fromStart.data[i]! - fromEnd.data[i]!;
    const whitener = inverseSquareRoot(law.covariance, 'reference: bridge');
    return missed(applyAffine({ matrix: whitener, offset: new Float64Array(dimension) }, residual), start, end);
  });
  return [
    theoremCheck({
      name: NAME,
      value: Math.max(...misses),
      limit: 0.1,
      knowledge: 'samples',
      meaning:
        'Between its ends the process is the reference bridge: mean, covariance and independence of the ends of what that does not explain.',
    }),
  ];
}

/** How far draws of N(0, I), independent of both ends, are from that. */
function missed(z: Points, start: Points, end: Points): number {
  const { mean, covariance } = weightedMoments(z);
  const once = CHANCE / Math.sqrt(z.count);
  const excess = (matrix: Matrix, chance: number): number => Math.max(0, ...matrix.to1DArray().map((value) => Math.abs(value) - chance));
  return Math.max(
    excess(Matrix.rowVector(Array.from(mean)), once),
    excess(Matrix.sub(covariance, Matrix.eye(z.dimension)), Math.SQRT2 * once),
    excess(correlation(z, mean, covariance, start), once),
    excess(correlation(z, mean, covariance, end), once),
  );
}

/** Cov(z)^{-1/2} Cov(z, x) Cov(x)^{-1/2}. */
function correlation(z: Points, mean: Float64Array, covariance: Matrix, x: Points): Matrix {
  const centre = weightedMean(x);
  const cross = crossMoment(z, mean, x, centre);
  return pseudoInverseSquareRoot(covariance)
    .mmul(cross)
    .mmul(pseudoInverseSquareRoot(crossMoment(x, centre, x, centre)));
}
