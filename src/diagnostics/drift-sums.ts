import type { Matrix } from 'ml-matrix';
import type { Chain } from '../diffusion/chain.ts';
import type { DiffusionBridge } from '../diffusion/diffusion-run.ts';
import { eulerNoise } from '../diffusion/euler-noise.ts';
import { applyAffine } from '../numerics/affine.ts';
import { sampleKernel } from '../numerics/gaussian-draws.ts';
import { type Points, takeRows } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { chainDrift, chainNodes } from './chain-nodes.ts';
import { innerNodes, type Judged } from './judged.ts';

/** Draws of X at a node, f + b there (in conditional mean given X), and ggᵀ. */
export interface SumOfDrifts {
  readonly x: Points;
  readonly sum: Float64Array;
  readonly noise: Matrix;
}

/** Coordinates at which a backward drift is asked for, and paths at least: that of a mixture is an integral at each. */
const COORDINATES = 16_000;
const FEWEST = 500;

/** f + b of a bridge at three interior nodes of its own paths. */
export function sumsOfBridge({ bridge, problem, samples, paths }: Judged): SumOfDrifts[] {
  const { grid, nodes } = paths();
  const rows = Math.min(samples, Math.max(FEWEST, Math.ceil(COORDINATES / problem.dimension)));
  return innerNodes(grid).map((k) => {
    const [t, x] = [
      grid.times[k]!,
      takeRows(
        nodes[k]!,
        Int32Array.from({ length: rows }, (_, i) => i),
      ),
    ];
    return {
      x,
      sum: added(bridge.drift(t, x), bridge.backwardDrift(t, x)),
      noise: problem.reference.diffusionCovariance(t, problem.dimension),
    };
  });
}

/**
 * f + b at the interior nodes that a half-step of a run learned from, as each target has it exactly: `mean` and `drift` with both drifts of
 * the SAME transition at its end; `simple` and `moment` with the earlier drift where the transition starts; `endpoint` with both drifts of the
 * same time, between redrawn ends.
 */
export function sumsOfRun(judged: Judged, run: DiffusionBridge, halfStep: number, random: RandomSource): SumOfDrifts[] {
  const { problem, samples } = judged;
  const { grid, target } = run.options;
  const [before, after] = [run.chain(halfStep - 1), run.chain(halfStep)];
  const forward = before.direction === 'forward';
  const interior = Array.from({ length: grid.steps - 1 }, (_, k) => k + 1);
  if (target === 'endpoint') {
    const nodes = redrawnNodes(judged, run, halfStep - 1, random);
    return interior.map((node) => {
      // F_k carries t_k, B_{k+1} carries t_{k+1}.
      const [early, late] = [
        chainDrift(before, forward ? node : node - 1, nodes[node]!),
        chainDrift(after, forward ? node - 1 : node, nodes[node]!),
      ];
      return {
        x: nodes[node]!,
        sum: added(early, late),
        noise: problem.reference.diffusionCovariance(grid.times[node]!, problem.dimension),
      };
    });
  }
  const nodes = chainNodes(before, samples, random.split('paths'));
  const noise = target === 'moment' ? before.noise : eulerNoise(problem.reference, grid, problem.dimension);
  return interior.map((node) => {
    const k = forward ? node - 1 : node;
    const start = nodes[forward ? node - 1 : node + 1]!;
    const x = nodes[node]!;
    const earlier = chainDrift(before, k, target === 'mean' || target === 'drift' ? x : start);
    return { x, sum: added(earlier, chainDrift(after, k, x)), noise: noise[k]!.clone().mul(1 / grid.durations[k]!) };
  });
}

/** Ends of the chain, or of the reference itself for the first half-step, with interiors from the reference. */
function redrawnNodes({ problem, samples }: Judged, run: DiffusionBridge, halfStep: number, random: RandomSource): Points[] {
  const { grid } = run.options;
  const { reference, dimension, source } = problem;
  if (halfStep === 0) {
    const x = source.sample(samples, random.split('start'));
    return Array.from(grid.times, (t, k) =>
      sampleKernel(reference.transition(0, Math.min(t, reference.horizon), dimension), x, random.split(k)),
    );
  }
  const chain: Chain = run.chain(halfStep);
  const nodes = chainNodes(chain, samples, random.split('paths'));
  const [start, end] = [nodes[0]!, nodes[grid.steps]!];
  return nodes.map((node, k) => {
    if (k === 0 || k === grid.steps) return node;
    const { fromStart, fromEnd, offset, covariance } = reference.bridge(0, grid.times[k]!, reference.horizon, dimension);
    const pull = applyAffine({ matrix: fromEnd, offset }, end);
    const drawn = sampleKernel({ matrix: fromStart, offset: new Float64Array(dimension), covariance }, start, random.split(k));
    return { ...drawn, data: added(drawn, pull) };
  });
}

function added(a: Points, b: Points): Float64Array {
  return a.data.map((value, i) => value + b.data[i]!);
}
