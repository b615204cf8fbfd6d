import { type BridgeProblem, bridgeProblem } from '../../couplings/bridge-problem.ts';
import { independentCoupling } from '../../couplings/independent-coupling.ts';
import { compareBridges } from '../../diagnostics/compare-bridges.ts';
import { conditionalBwUvp } from '../../diagnostics/conditional-bw-uvp.ts';
import { bridgeMatching } from '../../diffusion/bridge-matching.ts';
import { defaultDrift } from '../../diffusion/default-drift.ts';
import { sinkhornBridge } from '../../discrete/sinkhorn-bridge.ts';
import { dataMarginal } from '../../marginals/discrete-marginal.ts';
import { randomSource } from '../../numerics/random.ts';
import { plotPaths } from '../../plot/plot-paths.ts';
import type { Reference } from '../../references/reference.ts';
import { timeGrid } from '../../references/time-grid.ts';
import { check } from '../../report/report.ts';
import type { ProgressLine } from '../progress-line.ts';
import { type Effort, endpointNetwork, networkTraining } from './gaussian-part.ts';
import type { Penguins } from './penguins.ts';
import type { Part } from './static-part.ts';

/** (d) Bridge matching between the two samples, the best of the schemes here, on top of the Gaussian bridge of their moments, judged against their exact bridge. */
export async function samplePart(
  penguins: Penguins,
  reference: Reference,
  effort: Effort,
  seed: number,
  progress: ProgressLine,
): Promise<Part> {
  const problem: BridgeProblem = bridgeProblem({ source: dataMarginal(penguins.source), target: dataMarginal(penguins.target), reference });
  const exact = sinkhornBridge(problem);
  const drift = defaultDrift(problem, 'gaussian bridge of the moments', endpointNetwork(effort));
  const run = await bridgeMatching(problem, networkTraining('(d) bridge matching between the samples', effort, seed + 1, progress, drift));
  progress.step('(d) comparing with the Sinkhorn bridge');
  const options = { inputs: 100, samples: 200 };
  const learned = conditionalBwUvp(run, exact, options);
  const independent = conditionalBwUvp(independentCoupling(problem.source, problem.target), exact, options);
  const floor = conditionalBwUvp({ ...exact, kind: 'drawn' }, exact, options);
  const comparison = compareBridges(run, exact, { samples: 300, times: [0.1, 0.3, 0.5, 0.7, 0.9] });
  const paths = run.simulate({ count: 60, grid: timeGrid.uniform({ steps: 60 }), random: randomSource(seed).split('learned paths') });
  return {
    checks: [
      check('Sinkhorn bridge: marginal error', exact.coupling.error, 1e-9, 'The exact bridge of the samples is exact.'),
      check(
        'learned bridge: conditional BW²-UVP, share of independent',
        learned / independent,
        0.05,
        'Where a penguin goes is known far better than by chance.',
      ),
      check(
        'learned bridge: BW²-UVP of the target in %',
        run.marginalError().target,
        effort.arrivalLimit,
        'The learned bridge arrives at the Gentoo distribution.',
      ),
    ],
    figures: [
      {
        title: 'Paths of the learned bridge between the samples',
        caption:
          'Sixty paths of body mass simulated with the learned drift, from Adelie penguins (blue) to what the network made of Gentoo (orange).',
        svg: await plotPaths(paths, { coordinate: 3, label: 'body mass (standardised)' }),
      },
    ],
    results: { samples: { digest: run.digest, warnings: run.warnings, conditionalBwUvp: { learned, independent, floor }, comparison } },
  };
}
