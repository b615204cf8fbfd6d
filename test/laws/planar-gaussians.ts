import { type BridgeProblem, bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { brownian } from '../../src/references/brownian.ts';
import type { Reference } from '../../src/references/reference.ts';

/**
 * Two correlated Gaussians of the plane whose covariances do not commute, neither of them centred: nothing that confuses the sides, a matrix
 * with its transpose, or a moment with its inverse goes unseen.
 */
export function planarGaussians(reference: Reference = brownian({ sigma: 1 })): BridgeProblem {
  const source = gaussianMarginal({
    mean: [-0.4, 0.2],
    covariance: [
      [1, 0.3],
      [0.3, 0.6],
    ],
  });
  const target = gaussianMarginal({
    mean: [0.5, 0.1],
    covariance: [
      [0.7, -0.2],
      [-0.2, 1.2],
    ],
  });
  return bridgeProblem({ source, target, reference });
}
