import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { requireProblem } from '../couplings/require-problem.ts';
import { completeMixture, type MixtureBridge } from './mixture-bridge.ts';
import { readMixture } from './mixture-state.ts';
import { PROBLEM_FIELDS, problemIdentity, requireSameRun } from './run-identity.ts';

const PATH = 'restoreMixtureBridge';

/**
 * Makes a fitted mixture bridge again from the bytes of its `toBytes()`: the same digest, the same drift to the last bit, and the same draws
 * from the same stream.
 *
 * @param problem the problem that it was fitted to
 * @throws FormatError when the bytes are damaged, of another version or of another problem, naming the difference
 * @example
 * ```ts
 * import { bridgeProblem, brownian, gaussianMarginal, mixtureBridge, restoreMixtureBridge } from 'viaduct';
 * const problem = bridgeProblem({
 *   source: gaussianMarginal({ mean: [0], covariance: 1 }),
 *   target: gaussianMarginal({ mean: [1], covariance: 1 }),
 *   reference: brownian({ sigma: 1 }),
 * });
 * const bridge = await mixtureBridge(problem, { components: 2, samples: 500 });
 * console.log(restoreMixtureBridge(problem, bridge.toBytes()).digest === bridge.digest); // → true
 * ```
 */
export function restoreMixtureBridge(problem: BridgeProblem, bytes: Uint8Array): MixtureBridge {
  requireProblem(PATH, problem, 'bridge');
  const { problem: stored, state } = readMixture(PATH, bytes);
  requireSameRun(PATH, problemIdentity(problem), stored, PROBLEM_FIELDS);
  return completeMixture(problem, state);
}
