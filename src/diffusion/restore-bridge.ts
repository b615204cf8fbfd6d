import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { Coupling } from '../couplings/coupling.ts';
import { requireProblem } from '../couplings/require-problem.ts';
import type { DriftModelSpec } from '../drifts/drift-model.ts';
import { linear } from '../drifts/linear.ts';
import { type MlpOptions, mlp } from '../drifts/mlp.ts';
import { sum } from '../drifts/sum.ts';
import { DomainError, FormatError } from '../errors.ts';
import type { Status } from '../numerics/iterate.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';
import { type TimeGrid, timeGrid } from '../references/time-grid.ts';
import { GAUSSIAN_BASES, type GaussianBase, gaussianField } from './default-drift.ts';
import { completeRun, type DiffusionBridge } from './diffusion-run.ts';
import { restoredPairs } from './end-pairs.ts';
import { oneNetwork } from './one-network.ts';
import type { ResolvedOptions } from './options.ts';
import { regressionScheme } from './regression-scheme.ts';
import { PROBLEM_FIELDS, problemIdentity, type RunIdentity, requireSameRun } from './run-identity.ts';
import { completeScoreModel } from './score-model.ts';
import { withoutHalfSteps } from './sinkhorn-flow-matching.ts';
import { restoredChains } from './training-chains.ts';
import { readState } from './training-state.ts';

const PATH = 'restoreBridge';

/**
 * Makes a trained run again from the bytes of its `toBytes()`, or of a checkpoint: the same digest, and the same draws from the same stream.
 *
 * @param problem the problem that the run was trained for
 * @param options `drift`: the model, where bytes cannot describe it: `driftModels.sum(base, …)` and models of a user's own
 * (`coupling`: the `Coupling` that `bridgeMatching` or `sinkhornFlowMatching` began from, of which bytes hold only draws; without it the
 * diagnostics take its pairs for unknown, as those of mini-batches)
 * @returns the run; one of `scoreModel` is a `ScoreModel` again, with its methods of sampling and its likelihood
 * @throws FormatError when the bytes are damaged, of another version, another problem or another model, naming the difference
 * @example
 * ```ts
 * import { bridgeProblem, brownian, diffusionBridge, driftModels, gaussianMarginal, restoreBridge } from 'viaduct';
 * const problem = bridgeProblem({
 *   source: gaussianMarginal({ mean: [0], covariance: 1 }),
 *   target: gaussianMarginal({ mean: [1], covariance: 1 }),
 *   reference: brownian({ sigma: 1 }),
 * });
 * const run = await diffusionBridge(problem, { iterations: 1, drift: driftModels.linear(), innerSteps: 20, cache: 500 });
 * console.log(restoreBridge(problem, run.toBytes()).digest === run.digest); // → true
 * ```
 */
export function restoreBridge(
  problem: BridgeProblem,
  bytes: Uint8Array,
  options: { readonly drift?: DriftModelSpec; readonly coupling?: Coupling } = {},
): DiffusionBridge {
  requireProblem(PATH, problem, 'bridge');
  requireKnownOptions(PATH, options, ['drift', 'coupling']);
  const { identity, iterations, state } = readState(PATH, bytes);
  requireSameRun(PATH, problemIdentity(problem), identity, PROBLEM_FIELDS);
  const resolved = { ...optionsOf(problem, identity, options.drift), iterations };
  const { warnings, done, status } = state;
  const scheme = regressionScheme(problem, resolved);
  const chains = restoredChains(problem, resolved, done, (_, direction) => scheme.noise(direction));
  const startingPairs = restoredPairs(PATH, problem, identity['coupling'], options.coupling);
  const run = completeRun({
    path: identity.scheme as string,
    problem,
    options: resolved,
    chains,
    records: done.map(({ record }) => record),
    // A checkpoint of a run that is not finished holds what a run that was stopped there would.
    status: status === 'running' ? ('aborted' satisfies Status) : status,
    warnings,
    toBytes: () => bytes.slice(),
    ...(startingPairs === undefined ? {} : { startingPairs }),
  });
  if (run.scheme === 'scoreModel') return completeScoreModel(run);
  return run.scheme === 'sinkhornFlowMatching' && run.halfSteps.length > 1 ? withoutHalfSteps(run) : run;
}

/** The options that an identity holds. */
function optionsOf(problem: BridgeProblem, identity: RunIdentity, drift: DriftModelSpec | undefined): Omit<ResolvedOptions, 'iterations'> {
  const stored = identity as unknown as Omit<ResolvedOptions, 'grid' | 'target' | 'drift' | 'refreshEvery' | 'keep'> & {
    times: number[];
    durations: number[];
    regressed: ResolvedOptions['target'];
    drift: DriftModelSpec['description'];
    refreshEvery: number | null;
    keep?: 'paths';
  };
  const { batchSize, innerSteps, learningRate, initial, paths, keep, draws, seed, covariance } = stored;
  return {
    grid: gridOf(stored.times, stored.durations),
    target: stored.regressed,
    ...(covariance === undefined ? {} : { covariance }),
    drift: modelOf(problem, stored.drift, drift),
    batchSize,
    innerSteps,
    learningRate,
    initial,
    paths,
    refreshEvery: stored.refreshEvery ?? undefined,
    keep: keep ?? (stored.regressed === 'endpoint' ? 'endpoints' : 'paths'),
    draws,
    seed,
    checkpoint: undefined,
    signal: undefined,
    onProgress: undefined,
  };
}

/** The grid with these very nodes: equal steps round differently from summed ones. */
function gridOf(times: readonly number[], durations: readonly number[]): TimeGrid {
  const uniform = timeGrid.uniform({ steps: durations.length, horizon: times.at(-1)! });
  const same = uniform.times.every((t, k) => t === times[k]) && uniform.durations.every((gamma, k) => gamma === durations[k]);
  return same ? uniform : timeGrid.fromSteps(durations);
}

/** The model that a description names, or the one given, which has to fit it. */
function modelOf(problem: BridgeProblem, description: DriftModelSpec['description'], given: DriftModelSpec | undefined): DriftModelSpec {
  const { kind, networks, ...options } = description;
  const plain = given ?? described(problem, description, options);
  const made = plain !== undefined && networks === 'one' ? oneNetwork(plain) : plain;
  if (made === undefined) {
    throw new DomainError(`${PATH}: a model of kind '${String(kind)}' cannot be made from bytes; pass { drift } with the model of the run`);
  }
  const [stored, own] = [JSON.stringify(description), JSON.stringify(made.description)];
  if (stored !== own) throw new FormatError(`${PATH}: the run was trained with drift ${stored}, not ${own}; pass that model as { drift }`);
  return made;
}

/** The model that a description says enough of, the default one included. */
function described(
  problem: BridgeProblem,
  { kind, base, residual }: DriftModelSpec['description'],
  options: object,
): DriftModelSpec | undefined {
  if (kind === 'linear') return linear();
  if (kind === 'mlp') return mlp(options as MlpOptions);
  if (kind !== 'sum' || !GAUSSIAN_BASES.includes(base as GaussianBase)) return undefined;
  const field = gaussianField(problem, base as GaussianBase);
  return field === undefined ? undefined : sum(field, modelOf(problem, residual as DriftModelSpec['description'], undefined));
}
