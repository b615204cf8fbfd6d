import { allocatePoints, type Points } from '../numerics/points.ts';
import { startChain, stepChain, transitionOrder } from './chain.ts';
import { eulerNoise } from './euler-noise.ts';
import { fillRows, normalised, type RegressionScheme, type SchemeContext } from './regression-target.ts';

/**
 * Targets made from full paths of the discretised chain. A chain step leads from X to X' with drift h of its transition and duration γ;
 * the other direction is learned at X', as a drift:
 *
 * - `mean`: (X − X')/γ + h(X) − h(X'), both evaluations with the SAME transition, loss in units of the mean (weight γ²)
 * - `drift`: the same regression, loss in units of the drift's variance 2/γ (weight γ)
 * - `simple`: (X − X')/γ, which regresses X itself (weight γ²)
 *
 * Every step enters with its mirror image X'' = 2(X + γh(X)) − X', which is as likely.
 *
 * @see [debortoli2021] Proposition 3
 */
export function meanMatching({ problem, grid, draws }: SchemeContext, target: 'mean' | 'drift' | 'simple'): RegressionScheme {
  const { dimension, reference } = problem;
  const noise = eulerNoise(reference, grid, dimension);
  return {
    noise: () => noise,
    weights: () => normalised(grid.durations.map((gamma) => (target === 'drift' ? gamma : gamma * gamma))),
    *rows({ chain, paths, random }, room) {
      const { direction, drift } = chain;
      const rows = room.take(grid.steps, paths, dimension);
      const stream = random.split('noise');
      const here = allocatePoints(paths, dimension);
      const there = allocatePoints(paths, dimension);
      let from = startChain(chain, paths, random.split('start'), draws);
      for (const k of transitionOrder(grid.steps, direction)) {
        const gamma = grid.durations[k]!;
        const next = stepChain(chain, k, from, stream, { drift: here.data, draws });
        for (const [copy, to] of [next, mirrored(from, here, gamma, next)].entries()) {
          const increment = allocatePoints(paths, dimension);
          if (target !== 'simple') drift.evaluate(k, to.data, there.data);
          for (let i = 0; i < increment.data.length; i++) {
            const matched = target === 'simple' ? 0 : here.data[i]! - there.data[i]!;
            increment.data[i] = (from.data[i]! - to.data[i]!) / gamma + matched;
          }
          fillRows(rows, k, copy, to, increment);
        }
        from = next;
        yield;
      }
      return rows;
    },
  };
}

/** The step with the opposite noise: 2(X + γh(X)) − X'. */
function mirrored(from: Points, drift: Points, gamma: number, to: Points): Points {
  const out = allocatePoints(to.count, to.dimension);
  for (let i = 0; i < out.data.length; i++) out.data[i] = 2 * (from.data[i]! + gamma * drift.data[i]!) - to.data[i]!;
  return out;
}
