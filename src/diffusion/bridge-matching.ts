import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { Coupling } from '../couplings/coupling.ts';
import { DomainError } from '../errors.ts';
import { requireInteger } from '../numerics/vectors.ts';
import { bothDirectionsMatching } from './both-directions.ts';
import type { DiffusionBridge } from './diffusion-run.ts';
import { couplingIdentity, givenEnds, independentEnds, type MinibatchCoupling, startingPairs } from './end-pairs.ts';
import { endpointMatching } from './endpoint-matching.ts';
import { oneNetwork } from './one-network.ts';
import { resolveTraining, type TrainingOptions } from './training-options.ts';
import { alternating, trainBridge } from './training-run.ts';

/** Options of `bridgeMatching`. */
export interface BridgeMatchingOptions extends TrainingOptions {
  /** Outer iterations, two half-steps each. @defaultValue 5 */
  readonly iterations?: number;
  /**
   * The pairs of ends that half-step 1 learns from: `'independent'` draws of source and target, a `Coupling` of them, or a function that
   * couples a mini-batch, `(x, y, problem) => sinkhorn(problem)` with `problem` the end-point problem between its points.
   *
   * @defaultValue `'independent'`
   */
  readonly coupling?: 'independent' | Coupling | MinibatchCoupling;
  /** Points a side of a mini-batch, where `coupling` is a function. @defaultValue 256 */
  readonly minibatch?: number;
  /**
   * `'two'`: one network for each direction; `'one'`: one for both, which sees the direction as ±1 and is trained on both in every
   * half-step. @defaultValue `'two'`
   */
  readonly networks?: 'one' | 'two';
}

const PATH = 'bridgeMatching';

/**
 * Trains a Schrödinger bridge by iterative Markovian fitting (bridge matching, DSBM): every half-step fills pairs of end points in with
 * reference bridges and regresses a drift on them, and its paths give the pairs of the next.
 *
 * Half-step 1 learns the backward drift from the coupling, half-step 2 the forward drift from the end points of backward paths, and so on.
 * It is `diffusionBridge` with target `endpoint` but for where it starts: both marginals are right from the first pairs on, up to the
 * discretisation. Where ε is small it needs fewer iterations than IPF, where ε is large more. `iterate(0)` is the discretised reference; the
 * coupling itself is no chain.
 *
 * @throws DomainError on an unknown or unsuitable option
 * @example
 * ```ts
 * import { bridgeMatching, bridgeProblem, brownian, driftModels, gaussianMarginal, timeGrid } from 'viaduct';
 * const problem = bridgeProblem({
 *   source: gaussianMarginal({ mean: [0], covariance: 1 }),
 *   target: gaussianMarginal({ mean: [1], covariance: 1 }),
 *   reference: brownian({ sigma: 1 }),
 * });
 * const run = await bridgeMatching(problem, {
 *   iterations: 2, grid: timeGrid.uniform({ steps: 10 }), drift: driftModels.linear(), innerSteps: 100, cache: 4000, seed: 1,
 * });
 * console.log(Math.abs(run.moments().targetMean[0]! - 1) < 0.1); // → true
 * ```
 * @see [shi2023] [peluchetti2023]
 */
export async function bridgeMatching(problem: BridgeProblem, options: BridgeMatchingOptions = {}): Promise<DiffusionBridge> {
  const training = resolveTraining(PATH, problem, options, {
    keep: 'endpoints',
    // A base has a drift for each direction, one network both.
    base: options.networks === 'one' ? undefined : 'gaussian bridge of the moments',
    own: ['iterations', 'coupling', 'minibatch', 'networks'],
  });
  const iterations = requireInteger(`${PATH}: iterations`, options.iterations ?? 5, 1);
  const { networks = 'two', coupling = 'independent' } = options;
  if (networks !== 'one' && networks !== 'two') {
    throw new DomainError(`${PATH}: networks is '${String(networks)}'; use 'one' or 'two'`);
  }
  if (networks === 'one' && training.drift.kind === 'sum') {
    throw new DomainError(`${PATH}: driftModels.sum has a base for each direction, one network has both; use networks: 'two'`);
  }
  const minibatch = requireInteger(`${PATH}: minibatch`, options.minibatch ?? 256, 1);
  const { grid, draws, keep } = training;
  const ends = coupling === 'independent' ? independentEnds(problem, draws) : givenEnds({ path: PATH, problem, coupling, minibatch });
  if (ends === undefined) {
    throw new DomainError(
      `${PATH}: coupling is ${String(coupling)}; use 'independent', a Coupling, or (x, y, problem) => sinkhorn(problem)`,
    );
  }
  const context = { problem, grid, draws, keep };
  const scheme = networks === 'one' ? bothDirectionsMatching(context, ends) : endpointMatching(context, ends);
  const drift = networks === 'one' ? oneNetwork(training.drift) : training.drift;
  return trainBridge({
    path: PATH,
    problem,
    options: { ...training, drift, iterations, target: 'endpoint' },
    plan: alternating(2 * iterations, () => scheme),
    own: { coupling: couplingIdentity(PATH, problem, coupling), minibatch, networks },
    startingPairs: startingPairs(coupling),
    oneNetwork: networks === 'one',
  });
}
