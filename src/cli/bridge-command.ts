import { join } from 'node:path';
import { bridgeProblem } from '../couplings/bridge-problem.ts';
import type { DiffusionBridge } from '../diffusion/diffusion-run.ts';
import type { MixtureBridge } from '../diffusion/mixture-bridge.ts';
import { writePoints } from '../io/files.ts';
import type { Points } from '../numerics/points.ts';
import { randomSource } from '../numerics/random.ts';
import { brownian } from '../references/brownian.ts';
import { bridgeReport } from '../report/bridge-report.ts';
import { reportJson, writeReport } from '../report/report.ts';
import { makeBridge, type SchemeOptions } from './bridge-schemes.ts';
import { checkCount, checkLines } from './check-lines.ts';
import { type CommonOptions, makeConsole, type Streams, UsageError } from './console.ts';
import { parseMarginal } from './marginal-spec.ts';
import { progressLine } from './progress-line.ts';
import { parseReference } from './reference-spec.ts';
import { versions } from './versions.ts';

/** Options of `bridge`. */
export interface BridgeOptions extends CommonOptions, SchemeOptions {
  readonly source: string;
  readonly target: string;
  readonly sigma?: number;
  readonly reference?: string;
  readonly samples?: string;
  readonly count: number;
  readonly out?: string;
}

/** `viaduct bridge`: makes a Schrödinger bridge between two marginals and judges it. */
export async function bridgeCommand(options: BridgeOptions, streams: Streams): Promise<number> {
  if (options.resume && options.checkpoint === undefined) {
    throw new UsageError('--resume needs --checkpoint; name the folder of the run to go on with');
  }
  if (options.sigma !== undefined && options.reference !== undefined) {
    throw new UsageError('--sigma and --reference exclude each other; write --reference brownian:sigma=1 or leave it out');
  }
  const console = makeConsole(streams, options);
  const line = progressLine(console);
  const problem = bridgeProblem({
    source: parseMarginal('--source', options.source),
    target: parseMarginal('--target', options.target),
    reference: options.reference === undefined ? brownian({ sigma: options.sigma ?? 1 }) : parseReference(options.reference),
  });
  const bridge = await makeBridge(problem, options, line);
  line.step('bridge: report');
  const report = await bridgeReport(bridge, {
    title: `Schrödinger bridge: ${options.source} to ${options.target}`,
    seed: options.seed,
    versions: versions(),
  });
  console.done();
  if (options.samples !== undefined) {
    writePoints(options.samples, generated(bridge, options));
    console.result(`samples: ${options.samples}, ${options.count} points`);
  }
  if (options.out !== undefined) {
    writeReport(options.out, report);
    console.result(`report: ${join(options.out, 'report.html')}`);
  }
  console.json(reportJson(report));
  console.result(summary(bridge));
  for (const line of checkLines(report.checks)) console.result(line);
  console.result(checkCount(report.checks));
  for (const warning of bridge.warnings) console.result(`warning: ${warning}`);
  // A warning does not fail. A training runs for the number of steps that was asked for, a fit until it has converged.
  const finished = bridge.status === (bridge.kind === 'mixture-bridge' ? 'converged' : 'max-iterations');
  return finished && report.checks.every(({ ok }) => ok) ? 0 : 1;
}

/** Points at the end that the scheme generates: the target, or with a score model the source. */
function generated(bridge: DiffusionBridge | MixtureBridge, { scheme, count, seed }: BridgeOptions): Points {
  const { x, y } = bridge.sample(count, randomSource(seed).split('samples'));
  return scheme === 'score' ? x : y;
}

function summary(bridge: DiffusionBridge | MixtureBridge): string {
  if (bridge.kind === 'diffusion-bridge') {
    const { status, halfSteps, digest } = bridge;
    return `${status}${halfSteps.length > 0 ? ` after ${halfSteps.length} half-steps` : ''}, digest ${digest}`;
  }
  const { status, iterations, loss, error, seconds, digest } = bridge as MixtureBridge;
  return `${status} after ${iterations} steps, loss ${loss.toPrecision(6)}, ${error.toExponential(1)} nats to gain, ${seconds.toFixed(1)} s, digest ${digest}`;
}
