import { chainNodes } from './chain-nodes.ts';
import { type Judged, type TheoremCheck, theoremCheck } from './theorem-check.ts';

/** Paths looked at, and the size beyond which squares overflow. */
const PATHS = 200;
const RUNAWAY = 1e100;

/** A failed check when the paths of some chain run away, since nothing else can then be measured; nothing otherwise. */
export function runawayPaths({ run, halfSteps, random }: Judged): TheoremCheck | undefined {
  for (let i = 0; i <= halfSteps; i++) {
    const nodes = chainNodes(run.chain(i), PATHS, random.split('finite paths').split(i));
    if (nodes.every(({ data }) => data.every((value) => Math.abs(value) < RUNAWAY))) continue;
    return theoremCheck({
      name: 'paths stay finite',
      value: Number.POSITIVE_INFINITY,
      limit: 0,
      knowledge: 'samples',
      meaning: `Paths of the chain after half-step ${i} stay finite; when they do not, nothing else is judged.`,
    });
  }
  return undefined;
}
