import { type BridgeProblem, bridgeProblem } from '../../couplings/bridge-problem.ts';
import { gaussianBridge } from '../../gaussian/gaussian-bridge.ts';
import { gaussianIpf } from '../../gaussian/gaussian-ipf.ts';
import { gaussianMarginal } from '../../marginals/gaussian-marginal.ts';
import { weightedMoments } from '../../numerics/moments.ts';
import { randomSource } from '../../numerics/random.ts';
import { plotPaths } from '../../plot/plot-paths.ts';
import { brownian } from '../../references/brownian.ts';
import { timeGrid } from '../../references/time-grid.ts';
import { check } from '../../report/report.ts';
import type { Penguins } from './penguins.ts';
import type { Part } from './static-part.ts';

/** Largest ρ² of the moment-matched problem: half of what is wrong goes with every iteration. */
const RATE = 0.5;

/** The Gaussian problem between the species, over a Brownian motion just wide enough for ρ² ≤ ½. */
export function penguinProblem({ source, target }: Penguins): { readonly problem: BridgeProblem; readonly sigma: number } {
  const [a, b] = [source, target].map((points) => gaussianMarginal(weightedMoments(points)));
  const at = (sigma: number): BridgeProblem => bridgeProblem({ source: a!, target: b!, reference: brownian({ sigma }) });
  let sigma = 0.1;
  while (gaussianIpf(at(sigma)).rate > RATE) sigma = Math.round(20 * sigma + 1) / 20;
  return { problem: at(sigma), sigma };
}

/** (b) The Gaussian bridge of the moment-matched marginals. */
export async function bridgePart(problem: BridgeProblem, sigma: number, seed: number): Promise<Part> {
  const bridge = gaussianBridge(problem);
  const { rate } = gaussianIpf(problem);
  const [start, end] = [bridge.marginalAt(0), bridge.marginalAt(1)];
  const gap = Math.max(
    largestGap(start.mean(), problem.source.mean()),
    largestGap(end.mean(), problem.target.mean()),
    largestGap(start.covariance().to1DArray(), problem.source.covariance().to1DArray()),
    largestGap(end.covariance().to1DArray(), problem.target.covariance().to1DArray()),
  );
  const paths = bridge.simulate({ count: 60, grid: timeGrid.uniform({ steps: 60 }), random: randomSource(seed).split('paths') });
  return {
    checks: [
      check('rate of IPF, ρ²', rate, RATE, `With σ = ${sigma} and T = 1 an iteration removes at least half of the error of the means.`),
      check('Gaussian bridge: distance to its marginals', gap, 1e-10, 'The closed form starts and ends in the prescribed moments.'),
    ],
    figures: [
      {
        title: 'Paths of the Gaussian bridge',
        caption:
          'Sixty exact draws of body mass from Adelie (blue) to Gentoo (orange): straight on average, with the noise of the reference in between.',
        svg: await plotPaths(paths, { coordinate: 3, label: 'body mass (standardised)' }),
      },
    ],
    results: { bridge: { sigma, horizon: 1, rate, canonicalCorrelations: bridge.canonicalCorrelations, pathKl: bridge.pathKl() } },
  };
}

function largestGap(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a, (x, i) => Math.abs(x - b[i]!)).reduce((most, x) => Math.max(most, x), 0);
}
