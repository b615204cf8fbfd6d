import type { Paths, SimulateOptions } from '../couplings/bridge.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { checkSimulation } from '../couplings/simulation.ts';
import { DomainError } from '../errors.ts';
import { applyAffine, flatten } from '../numerics/affine.ts';
import { addGaussian } from '../numerics/gaussian-draws.ts';
import type { Points } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { squareRoot } from '../numerics/spd.ts';
import type { ReferenceBridge } from '../references/reference.ts';

/** How the ends of a path are drawn. */
export interface EndDraws {
  readonly ends: (count: number, random: RandomSource) => { readonly x: Points; readonly y: Points };
  readonly endGiven: (x: Points, random: RandomSource) => Points;
  readonly startGiven: (y: Points, random: RandomSource) => Points;
}

/** Paths that are exact in law on any grid: both ends first, then the reference bridge node by node. */
export function pathsBetween(path: string, { reference, dimension }: BridgeProblem, options: SimulateOptions, draws: EndDraws): Paths {
  const { grid, random, direction, from, count } = checkSimulation(path, options, dimension);
  if (Math.abs(grid.horizon - reference.horizon) > 1e-9 * reference.horizon) {
    throw new DomainError(`${path}: the grid ends at ${grid.horizon}, the reference at ${reference.horizon}; make them equal`);
  }
  const { x, y } = endsOf(draws, direction, from, count, random);
  const nodes: Points[] = [x];
  for (let k = 0; k + 1 < grid.steps; k++) {
    const bridge = reference.bridge(grid.times[k]!, grid.times[k + 1]!, reference.horizon, dimension);
    nodes.push(pointsBetween(bridge, nodes[k]!, y, random));
  }
  nodes.push(y);
  return Object.freeze({ times: Float64Array.from(grid.times), points: Object.freeze(nodes) });
}

/** One draw of the reference bridge between each pair of rows. */
export function pointsBetween(bridge: ReferenceBridge, x: Points, y: Points, random: RandomSource): Points {
  const out = applyAffine({ matrix: bridge.fromStart, offset: bridge.offset }, x);
  const late = applyAffine({ matrix: bridge.fromEnd, offset: new Float64Array(y.dimension) }, y);
  for (let i = 0; i < out.data.length; i++) out.data[i]! += late.data[i]!;
  addGaussian(out, flatten(squareRoot(bridge.covariance)), random);
  return out;
}

function endsOf(
  { ends, endGiven, startGiven }: EndDraws,
  direction: 'forward' | 'backward',
  from: Points | undefined,
  count: number,
  random: RandomSource,
): { readonly x: Points; readonly y: Points } {
  if (from === undefined) return ends(count, random);
  return direction === 'forward' ? { x: from, y: endGiven(from, random) } : { x: startGiven(from, random), y: from };
}
