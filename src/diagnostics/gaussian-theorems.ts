import { gaussianKl } from '../closed-forms/gaussian-kl.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { CouplingMoments } from '../couplings/coupling.ts';
import { MOMENT_PATHS } from '../diffusion/chain-moments.ts';
import type { DiffusionBridge } from '../diffusion/diffusion-run.ts';
import { gaussianBridge } from '../gaussian/gaussian-bridge.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { momentsOf } from '../marginals/marginal-moments.ts';
import type { Moments } from '../numerics/moments.ts';
import { blockJoint, eigenSymmetric } from '../numerics/spd.ts';
import type { Judged } from './judged.ts';
import { type Finding, inapplicable, type TheoremCheck, theoremCheck } from './theorem-check.ts';

const PROPOSITION = 'Proposition 4: successive iterates approach';
const JEFFREYS = 'Jeffreys divergence falls';
const PYTHAGORAS = 'Pythagoras: KL(π*|πⁿ) = KL(π*|πⁿ⁺¹) + KL(πⁿ⁺¹|πⁿ)';
const NAMES = [PROPOSITION, JEFFREYS, PYTHAGORAS];

/** KL both ways between the prescribed marginal and the free one of iterate n: KL(π^{n+1} | π^n) and KL(π^n | π^{n+1}). */
interface StepKl {
  readonly next: number;
  readonly back: number;
}

/**
 * What theory says of the iterates between Gaussians, by the first two moments of the learned laws. A half-step changes one marginal and no
 * conditional, so that the KL between successive iterates is that of this marginal.
 *
 * @see [debortoli2021] Proposition 4
 */
export function gaussianTheorems(judged: Judged): Finding[] {
  const { problem, run, bridge } = judged;
  if (run === undefined) return inapplicable(NAMES, `needs iterates, and a ${bridge.kind} has none`);
  if (run.startingPairs !== undefined)
    return inapplicable(NAMES, `needs iterates that start at the reference, and ${run.scheme} starts from pairs`);
  if (run.halfSteps.length < 2) return inapplicable(NAMES, 'needs one whole iteration, and this run has less');
  if (!hasGaussianBridge(problem))
    return inapplicable(NAMES, 'needs Gaussian marginals with densities, and a reference whose law is known');
  const steps = Array.from({ length: run.halfSteps.length + 1 }, (_, n) => stepKl(judged, n));
  return [propositionFour(run, steps), jeffreys(run, steps), pythagoras(judged, run)];
}

/** Whether the bridge is known in closed form, and both marginals have densities to take KL of. */
export function hasGaussianBridge({ source, target, reference }: BridgeProblem): boolean {
  const dense = (marginal: Marginal): boolean => {
    if (marginal.kind !== 'gaussian') return false;
    const { values } = eigenSymmetric(marginal.covariance());
    return Math.min(...values) > 1e-12 * Math.max(...values);
  };
  return reference.kind !== 'simulated' && dense(source) && dense(target);
}

function stepKl(judged: Judged, n: number): StepKl {
  const { problem } = judged;
  const m = judged.moments(n);
  // Even iterates run forward: their target is free.
  const free =
    n % 2 === 0 ? { mean: m.targetMean, covariance: m.targetCovariance } : { mean: m.sourceMean, covariance: m.sourceCovariance };
  const prescribed = momentsOf(n % 2 === 0 ? problem.target : problem.source);
  return { next: gaussianKl(prescribed, free), back: gaussianKl(free, prescribed) };
}

/** The KL of a Gaussian from one fitted to a sample, twice over: paths of training, paths of judgement. */
function samplingNoise(run: DiffusionBridge): number {
  const d = run.problem.dimension;
  return ((d * (d + 3)) / 4) * (1 / run.options.paths + 1 / MOMENT_PATHS);
}

/** The largest rise beyond four times the noise, relative to the first step. */
function relativeRise(run: DiffusionBridge, rises: readonly number[], first: number): number {
  const chance = 4 * samplingNoise(run);
  return Math.max(0, Math.max(...rises) - chance) / Math.max(first, chance);
}

/** KL(π^{n+1}|π^n) ≤ KL(π^{n−1}|π^n) and KL(π^n|π^{n+1}) ≤ KL(π^n|π^{n−1}). */
function propositionFour(run: DiffusionBridge, steps: readonly StepKl[]): TheoremCheck {
  const rises = steps.slice(1).flatMap(({ next, back }, i) => [next - steps[i]!.back, back - steps[i]!.next]);
  return theoremCheck({
    name: PROPOSITION,
    value: relativeRise(run, rises, Math.min(steps[0]!.next, steps[0]!.back)),
    limit: 0.1,
    knowledge: 'closed form',
    meaning:
      'No iterate is farther from the next than from the one before, in KL either way: the largest rise, relative to the first step.',
  });
}

/** Jeffreys(π^{n+1}, π^n) does not increase. */
function jeffreys(run: DiffusionBridge, steps: readonly StepKl[]): TheoremCheck {
  const sums = steps.map(({ next, back }) => next + back);
  return theoremCheck({
    name: JEFFREYS,
    value: relativeRise(
      run,
      sums.slice(1).map((sum, i) => sum - sums[i]!),
      sums[0]!,
    ),
    limit: 0.1,
    knowledge: 'closed form',
    meaning: `The symmetric KL between successive iterates never rises: ${sums.map((sum) => sum.toPrecision(2)).join(', ')} nats.`,
  });
}

/** KL(π*|π^n) = KL(π*|π^{n+1}) + KL(π^{n+1}|π^n), on the joint laws of the ends. */
function pythagoras(judged: Judged, run: DiffusionBridge): TheoremCheck {
  const bridge = jointMoments(gaussianBridge(judged.problem).moments());
  const joints = Array.from({ length: run.halfSteps.length + 1 }, (_, n) => jointMoments(judged.moments(n)));
  const toBridge = joints.map((joint) => gaussianKl(bridge, joint));
  const gaps = joints.slice(1).map((next, n) => Math.abs(toBridge[n]! - toBridge[n + 1]! - gaussianKl(next, joints[n]!)));
  return theoremCheck({
    name: PYTHAGORAS,
    value: relativeRise(run, gaps, toBridge[0]!),
    limit: 0.1,
    knowledge: 'closed form',
    meaning: `Every half-step removes from the distance to the bridge what it moves: distances ${toBridge.map((nats) => nats.toPrecision(2)).join(', ')} nats.`,
  });
}

/** Both ends as one Gaussian vector. */
function jointMoments(m: CouplingMoments): Moments {
  return {
    mean: Float64Array.of(...m.sourceMean, ...m.targetMean),
    covariance: blockJoint(m.sourceCovariance, m.crossCovariance, m.targetCovariance),
  };
}
