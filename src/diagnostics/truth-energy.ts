import type { Chain } from '../diffusion/chain.ts';
import { eulerNoise } from '../diffusion/euler-noise.ts';
import { gaussianBridge } from '../gaussian/gaussian-bridge.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import { chainDrift, chainNodes } from './chain-nodes.ts';
import { difference, driftEnergy, type PathMean } from './drift-energy.ts';
import { hasGaussianBridge } from './gaussian-theorems.ts';
import { type Judged, regressionNoise, type TheoremCheck, theoremCheck } from './theorem-check.ts';

/** Standard errors that are taken for chance. */
const CHANCE = 4;

/**
 * E ∫|f* − f_ref|²/(2g²) dt = KL(π* | reference): the energy of the run's forward drift against the KL of the bridge, in closed form between
 * Gaussians and along paths of the exact drift where that is given; and how far the drift is from the exact one, in the same units.
 */
export function energyChecks(judged: Judged): TheoremCheck[] {
  const forward = forwardPaths(judged);
  if (forward === undefined) return [];
  const { truth, problem } = judged;
  return [
    ...(hasGaussianBridge(problem) ? [energyIdentity(judged, forward)] : []),
    ...(truth === undefined ? [] : againstTruth(judged, forward, truth)),
  ];
}

/** The last forward chain, its paths, and its energy over the reference. */
interface ForwardPaths {
  readonly chain: Chain;
  readonly nodes: readonly Points[];
  readonly energy: PathMean;
}

function forwardPaths({ run, problem, halfSteps, samples, random }: Judged): ForwardPaths | undefined {
  const chain = [halfSteps, halfSteps - 1]
    .filter((i) => i >= 0)
    .map((i) => run.chain(i))
    .find(({ direction }) => direction === 'forward');
  // Chain 0 of a scheme with half-steps is the reference: nothing learned.
  if (chain === undefined || (halfSteps > 0 && chain === run.chain(0))) return undefined;
  const nodes = chainNodes(chain, samples, random.split('energy'));
  const { reference } = problem;
  const energy = driftEnergy({ grid: chain.grid, reference, direction: 'forward' }, nodes, (k, x) =>
    difference(chainDrift(chain, k, x), reference.drift(chain.grid.times[k]!, x)),
  );
  return { chain, nodes, energy };
}

function energyIdentity(judged: Judged, { energy }: ForwardPaths): TheoremCheck {
  const expected = gaussianBridge(judged.problem).pathKl();
  return theoremCheck({
    name: 'energy identity',
    value: relativeGap(judged, energy, { mean: expected, standardError: 0 }),
    limit: 0.1,
    knowledge: 'closed form',
    meaning: `The energy of the learned drift over the reference, ${energy.mean.toPrecision(3)} nats, is the KL of the bridge from the reference, ${expected.toPrecision(3)}.`,
  });
}

/** |a − b| beyond chance and what regression adds, over b. */
function relativeGap(judged: Judged, a: PathMean, b: PathMean): number {
  const noise = regressionNoise(judged);
  const chance = CHANCE * Math.hypot(a.standardError, b.standardError) + noise;
  return Math.max(0, Math.abs(a.mean - b.mean) - chance) / Math.max(b.mean, noise);
}

function againstTruth(judged: Judged, { chain, nodes, energy }: ForwardPaths, truth: NonNullable<Judged['truth']>): TheoremCheck[] {
  const { problem, samples, random } = judged;
  const { grid } = chain;
  const space = { grid, reference: problem.reference, direction: 'forward' as const };
  const own = (k: number, x: Points) => problem.reference.drift(grid.times[k]!, x);
  const exact = (k: number, x: Points) => truth.drift(grid.times[k]!, x);
  const error = driftEnergy(space, nodes, (k, x) => difference(chainDrift(chain, k, x), exact(k, x)));
  const size = driftEnergy(space, nodes, (k, x) => difference(exact(k, x), own(k, x)));
  const noise = regressionNoise(judged);
  const exactPaths = chainNodes(exactChain(judged, chain, exact), samples, random.split('exact paths'));
  const expected = driftEnergy(space, exactPaths, (k, x) => difference(exact(k, x), own(k, x)));
  return [
    theoremCheck({
      name: 'drift against the exact one',
      value: Math.max(0, error.mean - CHANCE * error.standardError - noise) / Math.max(size.mean, noise),
      limit: 0.1,
      knowledge: 'densities',
      meaning: `KL of the learned process from the exact bridge, ${error.mean.toPrecision(2)} nats, is small beside the energy of the exact drift, ${size.mean.toPrecision(3)}.`,
    }),
    theoremCheck({
      name: 'energy against the exact one',
      value: relativeGap(judged, energy, expected),
      limit: 0.1,
      knowledge: 'densities',
      meaning: `The learned process spends ${energy.mean.toPrecision(3)} nats over the reference, paths of the exact drift ${expected.mean.toPrecision(3)}.`,
    }),
  ];
}

/** The chain of the exact drift on the run's grid, so that both have the same discretisation. */
function exactChain({ problem }: Judged, chain: Chain, exact: (k: number, x: Points) => Points): Chain {
  const { dimension } = problem;
  return {
    ...chain,
    noise: eulerNoise(problem.reference, chain.grid, dimension),
    drift: {
      dimension,
      evaluate(k, x, out) {
        const at = allocatePoints(x.length / dimension, dimension);
        at.data.set(x);
        out.set(exact(k, at).data);
      },
      affine: () => undefined,
      bytes: () => new Uint8Array(0),
    },
  };
}
