import type { Points } from '../numerics/points.ts';
import { chainNodes } from './chain-nodes.ts';
import { drawPaths, type Judged } from './judged.ts';
import { type TheoremCheck, theoremCheck } from './theorem-check.ts';

/** Paths looked at, and the size beyond which squares overflow. */
const PATHS = 200;
const RUNAWAY = 1e100;

/** A failed check when paths of the bridge, or of some chain of a run, run away, since nothing else can then be measured; nothing otherwise. */
export function runawayPaths({ run, bridge, random }: Judged): TheoremCheck | undefined {
  const stream = random.split('finite paths');
  if (run === undefined) {
    return stay(drawPaths(bridge, run, PATHS, stream).nodes) ? undefined : runaway('of the bridge');
  }
  for (let i = 0; i <= run.halfSteps.length; i++) {
    if (!stay(chainNodes(run.chain(i), PATHS, stream.split(i)))) return runaway(`of the chain after half-step ${i}`);
  }
  return undefined;
}

function stay(nodes: readonly Points[]): boolean {
  return nodes.every(({ data }) => data.every((value) => Math.abs(value) < RUNAWAY));
}

function runaway(whose: string): TheoremCheck {
  return theoremCheck({
    name: 'paths stay finite',
    value: Number.POSITIVE_INFINITY,
    limit: 0,
    knowledge: 'samples',
    meaning: `Paths ${whose} stay finite; when they do not, nothing else is judged.`,
  });
}
