import { eulerNoise } from '../diffusion/euler-noise.ts';
import { pathsBetween } from '../diffusion/paths-between.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import type { TimeGrid } from '../references/time-grid.ts';
import { chainDrift, chainNodes } from './chain-nodes.ts';
import { difference, driftEnergy, type PathMean, type Stop, transitionStarts } from './drift-energy.ts';
import { type Judged, type NodePaths, orRefusal, type Truth } from './judged.ts';

/** The process from the source as integrals over time see it. */
export interface ForwardProcess {
  readonly grid: TimeGrid;
  readonly stops: readonly Stop[];
  /** The forward drift at every stop. */
  readonly drifts: readonly Points[];
  /** Its energy over the reference, E ∫|f − f_ref|²_{(ggᵀ)⁻¹}/2 dt, in nats. */
  readonly energy: PathMean;
  /** By how much half as many stops change that energy: what is left of the integral's error, at most. 0 for sums over the steps of a chain. */
  readonly quadrature: number;
  /** The stops of other paths on the same grid. */
  stopsOf(nodes: readonly Points[]): Stop[];
}

/** The forward process of what is judged, or why there is none. */
export function forwardProcess(judged: Judged): ForwardProcess | { readonly refusal: string } {
  return judged.run === undefined ? bridgeProcess(judged) : runProcess(judged, judged.run);
}

/** The last forward chain of a run, whose steps are its own. */
function runProcess(judged: Judged, run: NonNullable<Judged['run']>): ForwardProcess | { readonly refusal: string } {
  const last = run.halfSteps.length;
  const chain = [last, last - 1]
    .filter((i) => i >= 0)
    .map((i) => run.chain(i))
    .find(({ direction }) => direction === 'forward');
  // Chain 0 of a scheme with half-steps is the reference: nothing learned.
  if (chain === undefined || (last > 0 && chain === run.chain(0))) {
    return { refusal: 'needs a learned forward drift, and this run has none' };
  }
  const nodes = chainNodes(chain, judged.samples, judged.random.split('energy'));
  const stopsOf = (of: readonly Points[]): Stop[] => transitionStarts(chain.grid, of, 'forward');
  const stops = stopsOf(nodes);
  const drifts = stops.map(({ x }, k) => chainDrift(chain, k, x));
  return { grid: chain.grid, stops, drifts, energy: energyOver(judged, stops, drifts), quadrature: 0, stopsOf };
}

/** Any other bridge on its own paths, by the mid-point rule. */
function bridgeProcess(judged: Judged): ForwardProcess | { readonly refusal: string } {
  const { bridge } = judged;
  const paths = judged.paths();
  const fieldAt = (stops: readonly Stop[]): Points[] => stops.map(({ t, x }) => bridge.drift(t, x));
  const stops = midPoints(paths, 1);
  const coarse = midPoints(paths, 2);
  const fields = orRefusal(() => [fieldAt(stops), fieldAt(coarse)] as const);
  if ('refusal' in fields) return { refusal: `needs a forward drift: ${fields.refusal}` };
  const [drifts, fewer] = fields.value;
  const energy = energyOver(judged, stops, drifts);
  const quadrature = Math.abs(energy.mean - energyOver(judged, coarse, fewer).mean);
  return { grid: paths.grid, stops, drifts, energy, quadrature, stopsOf: (nodes) => midPoints({ ...paths, nodes }, 1) };
}

/** Mid-points of intervals, or of pairs of them; every interval is two steps of the grid. */
function midPoints({ grid, nodes }: NodePaths, together: 1 | 2): Stop[] {
  const stops: Stop[] = [];
  for (let from = 0; from < grid.steps; ) {
    const to = Math.min(grid.steps, from + 2 * together);
    const middle = (from + to) / 2;
    stops.push({ t: grid.times[middle]!, duration: grid.times[to]! - grid.times[from]!, x: nodes[middle]! });
    from = to;
  }
  return stops;
}

/** The energy of drifts at stops over the reference. */
export function energyOver({ problem: { reference } }: Judged, stops: readonly Stop[], drifts: readonly Points[]): PathMean {
  return driftEnergy(reference, stops, (k) => difference(drifts[k]!, reference.drift(stops[k]!.t, stops[k]!.x)));
}

/**
 * Paths of the exact bridge: on the steps of a run by Euler's, so that both have the same discretisation; otherwise its own draws where it
 * has any.
 */
export function exactNodes({ run, problem, samples }: Judged, truth: Truth, grid: TimeGrid, random: RandomSource): readonly Points[] {
  const { simulate, sampleConditional } = truth;
  if (run === undefined && simulate !== undefined) return simulate({ count: samples, grid, random }).points;
  if (run === undefined && sampleConditional !== undefined && problem.reference.kind !== 'simulated') {
    const ends = (count: number, stream: RandomSource) => {
      const x = problem.source.sample(count, stream);
      return { x, y: sampleConditional(x, stream) };
    };
    const never = (x: Points): Points => x;
    return pathsBetween('theoremChecks: truth', problem, { count: samples, grid, random }, { ends, endGiven: never, startGiven: never })
      .points;
  }
  const { dimension, reference, source } = problem;
  const drift = {
    dimension,
    evaluate(k: number, x: Float64Array, out: Float64Array) {
      const at = allocatePoints(x.length / dimension, dimension);
      at.data.set(x);
      out.set(truth.drift(grid.times[k]!, at).data);
    },
    affine: () => undefined,
    bytes: () => new Uint8Array(0),
  };
  const noise = eulerNoise(reference, grid, dimension);
  return chainNodes({ direction: 'forward', grid, drift, noise, start: source }, samples, random);
}
