import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { Coupling } from '../couplings/coupling.ts';
import { DomainError } from '../errors.ts';
import { requireInteger } from '../numerics/vectors.ts';
import type { Chain } from './chain.ts';
import type { DiffusionBridge } from './diffusion-run.ts';
import { couplingIdentity, givenEnds, type MinibatchCoupling, startingPairs } from './end-pairs.ts';
import { endpointMatching } from './endpoint-matching.ts';
import type { LearnedBridge } from './learned-bridge.ts';
import { resolveTraining, type TrainingOptions } from './training-options.ts';
import { type PlannedHalfStep, trainBridge } from './training-run.ts';

/** Options of `sinkhornFlowMatching`. */
export interface FlowMatchingOptions extends TrainingOptions {
  /**
   * The entropic plan of the end points: a `Coupling` of source and target, `sinkhorn(staticProblem(problem))` say, or a function that
   * couples a mini-batch, `(x, y, problem) => sinkhorn(problem)` with `problem` the end-point problem between its points.
   */
  readonly coupling: Coupling | MinibatchCoupling;
  /** Points a side of a mini-batch, where `coupling` is a function. @defaultValue 256 */
  readonly minibatch?: number;
}

const PATH = 'sinkhornFlowMatching';

/**
 * Trains a Schrödinger bridge without any simulation, from an entropic plan of its end points ([SF]²M): pairs of the plan are filled in
 * with reference bridges, and the forward and the backward drift are regressed on them, once each.
 *
 * The plan of the bridge is the one at cost ½|x − y|² and ε = `reference.effectiveEpsilon`; then the regression is that of the bridge
 * itself, score (f + b)/g² and probability flow ½(f − b) included. Plans of mini-batches of m points are biased towards the independent
 * coupling, less as m grows. There are no half-steps to look back on: `halfSteps` is empty, `iterate(0)` is the bridge.
 *
 * @returns the run; `innerSteps` training steps for each direction
 * @throws DomainError without a coupling, and on an unknown or unsuitable option
 * @example
 * ```ts
 * import { bridgeProblem, brownian, driftModels, gaussianMarginal, sinkhorn, sinkhornFlowMatching } from 'viaduct';
 * const problem = bridgeProblem({
 *   source: gaussianMarginal({ mean: [0], covariance: 1 }),
 *   target: gaussianMarginal({ mean: [1], covariance: 1 }),
 *   reference: brownian({ sigma: 1 }),
 * });
 * const bridge = await sinkhornFlowMatching(problem, {
 *   coupling: (x, y, endPoints) => sinkhorn(endPoints, { tolerance: 1e-3 }),
 *   minibatch: 100, drift: driftModels.linear(), innerSteps: 40, cache: 1000, seed: 1,
 * });
 * console.log(bridge.halfSteps.length, Math.abs(bridge.moments().targetMean[0]! - 1) < 0.2); // → 0 true
 * ```
 * @see [tong2024]
 */
export async function sinkhornFlowMatching(problem: BridgeProblem, options: FlowMatchingOptions): Promise<DiffusionBridge> {
  const training = resolveTraining(PATH, problem, options ?? {}, {
    keep: 'endpoints',
    base: 'gaussian bridge of the moments',
    own: ['coupling', 'minibatch'],
  });
  const { grid, draws, keep } = training;
  const coupling = options?.coupling;
  const minibatch = requireInteger(`${PATH}: minibatch`, options?.minibatch ?? 256, 1);
  const ends = givenEnds({ path: PATH, problem, coupling, minibatch });
  if (ends === undefined) {
    throw new DomainError(
      `${PATH}: coupling is ${String(coupling)}; pass (x, y, problem) => sinkhorn(problem) for mini-batches, or a Coupling of source and target`,
    );
  }
  const scheme = endpointMatching({ problem, grid, draws, keep }, ends);
  const plan = (['backward', 'forward'] as const).map((direction): PlannedHalfStep => ({ direction, scheme, from: 'start' }));
  const run = await trainBridge({
    path: PATH,
    problem,
    options: { ...training, iterations: 1, target: 'endpoint' },
    plan,
    own: { coupling: couplingIdentity(PATH, problem, coupling), minibatch },
    startingPairs: startingPairs(coupling),
  });
  return withoutHalfSteps(run);
}

/** The run as one that has no iterates: what was trained first is no earlier answer. */
export function withoutHalfSteps(run: DiffusionBridge): DiffusionBridge {
  const only = <T>(halfStep: number, made: () => T): T => {
    if (halfStep === 0) return made();
    throw new DomainError(`${PATH}.iterate: there are no half-steps; pass 0, or use direction('backward')`);
  };
  const forward = run.chain(run.halfSteps.length);
  const summary = () => ({ ...(run as unknown as { toJSON(): object }).toJSON(), halfSteps: 0 });
  return Object.freeze({
    ...run,
    halfSteps: Object.freeze([]),
    iterate: (halfStep: number): LearnedBridge => only(halfStep, () => run.direction('forward')),
    chain: (halfStep: number): Chain => only(halfStep, () => forward),
    repeat: async (seed: number) => withoutHalfSteps(await run.repeat(seed)),
    toJSON: summary,
    [Symbol.for('nodejs.util.inspect.custom')]: summary,
  });
}
