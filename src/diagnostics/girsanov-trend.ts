import type { DiffusionBridge } from '../diffusion/diffusion-run.ts';
import { chainDrift, chainNodes } from './chain-nodes.ts';
import { difference, driftEnergy, transitionStarts } from './drift-energy.ts';
import { type Judged, regressionNoise } from './judged.ts';
import { type Finding, inapplicable, theoremCheck } from './theorem-check.ts';

const NAME = 'same-direction Girsanov trend';

/**
 * D_n = Σ_k γ_k E|f_k^{n+1} − f_k^n|²_{(ggᵀ)⁻¹}/2, the KL between successive iterates of one direction, on paths of the newer one: it falls
 * as the iteration converges. The value is last over first, what regression noise explains left out, of the direction that is worse.
 */
export function girsanovTrend(judged: Judged): Finding[] {
  const { run, bridge } = judged;
  if (run === undefined) return inapplicable([NAME], `needs iterates, and a ${bridge.kind} has none`);
  const last = run.halfSteps.length;
  const trends = [last, last - 1].map((i) => changes(judged, run, i)).filter((trend) => trend.length >= 2);
  if (trends.length === 0) return inapplicable([NAME], 'needs three iterates of one direction, and this run has fewer');
  const floor = regressionNoise(judged);
  const ratio = (trend: readonly number[]): number => Math.max(0, trend.at(-1)! - floor) / Math.max(trend[0]!, floor);
  const worst = trends.reduce((a, b) => (ratio(b) > ratio(a) || Number.isNaN(ratio(b)) ? b : a));
  return [
    theoremCheck({
      name: NAME,
      value: ratio(worst),
      limit: 0.5,
      knowledge: 'samples',
      meaning: `Iterates of one direction come closer to each other: KL between successive ones ${worst.map((nats) => nats.toPrecision(2)).join(', ')} nats.`,
    }),
  ];
}

/** D_n of the direction learned in half-step `last`, the earliest first; the pairs that a scheme started from are no iterate. */
function changes({ problem, samples, random }: Judged, run: DiffusionBridge, last: number): number[] {
  const first = run.startingPairs === undefined ? 0 : 1;
  const { reference } = problem;
  const { grid } = run.options;
  const out: number[] = [];
  for (let i = last; i - 2 >= first; i -= 2) {
    const [older, newer] = [run.chain(i - 2), run.chain(i)];
    const nodes = chainNodes(newer, samples, random.split('girsanov').split(i));
    const stops = transitionStarts(grid, nodes, newer.direction);
    const gap = (k: number) => difference(chainDrift(newer, k, stops[k]!.x), chainDrift(older, k, stops[k]!.x));
    out.unshift(driftEnergy(reference, stops, gap).mean);
  }
  return out;
}
