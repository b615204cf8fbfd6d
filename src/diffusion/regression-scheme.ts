import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { endpointMatching } from './endpoint-matching.ts';
import { meanMatching } from './mean-matching.ts';
import { momentMatching } from './moment-matching.ts';
import type { ResolvedOptions } from './options.ts';
import type { RegressionScheme } from './regression-target.ts';

/** The scheme of a run's target. */
export function regressionScheme(problem: BridgeProblem, { grid, draws, keep, target }: ResolvedOptions): RegressionScheme {
  const context = { problem, grid, draws, keep };
  if (target === 'endpoint') return endpointMatching(context);
  return target === 'moment' ? momentMatching(context) : meanMatching(context, target);
}
