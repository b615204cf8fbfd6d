import { type Chain, startChain, stepChain, transitionOrder } from '../diffusion/chain.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';

/** `count` paths of a chain: row i of entry k is the position of path i at node k, in forward order whatever the direction. */
export function chainNodes(chain: Chain, count: number, random: RandomSource): Points[] {
  const forward = chain.direction === 'forward';
  const nodes: Points[] = new Array(chain.grid.steps + 1);
  const noise = random.split('noise');
  let x = startChain(chain, count, random.split('start'));
  nodes[forward ? 0 : chain.grid.steps] = x;
  for (const k of transitionOrder(chain.grid.steps, chain.direction)) {
    x = stepChain(chain, k, x, noise);
    nodes[forward ? k + 1 : k] = x;
  }
  return nodes;
}

/** The drift of transition k at every row. */
export function chainDrift({ drift }: Chain, k: number, x: Points): Points {
  const out = allocatePoints(x.count, x.dimension);
  drift.evaluate(k, x.data, out.data);
  return out;
}
