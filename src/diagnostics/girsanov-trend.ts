import { chainDrift, chainNodes } from './chain-nodes.ts';
import { difference, driftEnergy } from './drift-energy.ts';
import { type Judged, regressionNoise, type TheoremCheck, theoremCheck } from './theorem-check.ts';

/**
 * D_n = Σ_k γ_k E|f_k^{n+1} − f_k^n|²_{(ggᵀ)⁻¹}/2, the KL between successive iterates of one direction, on paths of the newer one: it falls
 * as the iteration converges. The value is last over first, what regression noise explains left out, of the direction that is worse.
 */
export function girsanovTrend(judged: Judged): TheoremCheck | undefined {
  const trends = [judged.halfSteps, judged.halfSteps - 1].map((last) => changes(judged, last)).filter((trend) => trend.length >= 2);
  if (trends.length === 0) return undefined;
  const floor = regressionNoise(judged);
  const ratio = (trend: readonly number[]): number => Math.max(0, trend.at(-1)! - floor) / Math.max(trend[0]!, floor);
  const worst = trends.reduce((a, b) => (ratio(b) > ratio(a) || Number.isNaN(ratio(b)) ? b : a));
  return theoremCheck({
    name: 'same-direction Girsanov trend',
    value: ratio(worst),
    limit: 0.5,
    knowledge: 'samples',
    meaning: `Iterates of one direction come closer to each other: KL between successive ones ${worst.map((nats) => nats.toPrecision(2)).join(', ')} nats.`,
  });
}

/** D_n of the direction learned in half-step `last`, the earliest first; the pairs that a scheme started from are no iterate. */
function changes({ run, problem, samples, random }: Judged, last: number): number[] {
  const first = run.startingPairs === undefined ? 0 : 1;
  const { reference } = problem;
  const { grid } = run.options;
  const out: number[] = [];
  for (let i = last; i - 2 >= first; i -= 2) {
    const [older, newer] = [run.chain(i - 2), run.chain(i)];
    const nodes = chainNodes(newer, samples, random.split('girsanov').split(i));
    const gap = (k: number, x: Parameters<typeof chainDrift>[2]) => difference(chainDrift(newer, k, x), chainDrift(older, k, x));
    out.unshift(driftEnergy({ grid, reference, direction: newer.direction }, nodes, gap).mean);
  }
  return out;
}
