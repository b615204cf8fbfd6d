import { bridgePlan } from '../closed-forms/gaussian-plan.ts';
import { ipfRate } from '../closed-forms/ipf-step.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { momentsOf } from '../marginals/marginal-moments.ts';

/** Of 1 − ρ² so much is rounding. */
const ROUNDING = 8 * Number.EPSILON;

/** What ρ of the moment-matched Gaussians predicts about the number of IPF iterations, before any training. */
export function rateWarnings(path: string, { source, target, reference, dimension }: BridgeProblem, iterations: number): string[] {
  // Without a transition density there is no static problem, and no ρ.
  if (reference.kind === 'simulated') return [];
  const { plan } = bridgePlan(momentsOf(source), momentsOf(target), reference.transition(0, reference.horizon, dimension));
  const rate = ipfRate(plan.correlations);
  // ρ² that rounds to 1 leaves nothing of the contraction: no number of iterations is enough then.
  const needed = 1 - rate > ROUNDING ? Math.ceil(Math.log(0.01) / Math.log(rate)) : Number.POSITIVE_INFINITY;
  if (!(needed > iterations)) return [];
  const advice = needed > 300 ? '; enlarge sigma or the horizon, or use bridgeMatching' : '';
  const forecast = Number.isFinite(needed) ? `${needed} iterations` : 'that in double precision no number of iterations leads';
  return [
    `${path}: ${inDigits(rate)} of the moment-matched Gaussians predicts ${forecast} to 1% of the initial error, ${iterations} were asked for${advice}`,
  ];
}

/** ρ² in three digits, or what is missing of 1 where those round to it. */
function inDigits(rate: number): string {
  if (rate < 0.9995) return `ρ² = ${rate.toPrecision(3)}`;
  return 1 - rate > ROUNDING ? `1 − ρ² = ${(1 - rate).toPrecision(2)}` : `1 − ρ² < ${ROUNDING.toPrecision(2)}`;
}
