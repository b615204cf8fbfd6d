import { bridgePlan } from '../closed-forms/gaussian-plan.ts';
import { ipfRate } from '../closed-forms/ipf-step.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { momentsOf } from '../marginals/marginal-moments.ts';

/** What ρ of the moment-matched Gaussians predicts about the number of IPF iterations, before any training. */
export function rateWarnings(path: string, { source, target, reference, dimension }: BridgeProblem, iterations: number): string[] {
  // Without a transition density there is no static problem, and no ρ.
  if (reference.kind === 'simulated') return [];
  const { plan } = bridgePlan(momentsOf(source), momentsOf(target), reference.transition(0, reference.horizon, dimension));
  const rate = ipfRate(plan.correlations);
  const needed = Math.ceil(Math.log(0.01) / Math.log(rate));
  if (!(needed > iterations)) return [];
  const advice = needed > 300 ? '; enlarge sigma or the horizon, or use bridgeMatching' : '';
  return [
    `${path}: ρ² = ${rate.toPrecision(3)} of the moment-matched Gaussians predicts ${needed} iterations to 1% of the initial error, ${iterations} were asked for${advice}`,
  ];
}
