import type { Matrix } from 'ml-matrix';
import type { Chain } from '../diffusion/chain.ts';
import { eulerNoise } from '../diffusion/euler-noise.ts';
import { applyAffine } from '../numerics/affine.ts';
import { sampleKernel } from '../numerics/gaussian-draws.ts';
import { weightedMoments } from '../numerics/moments.ts';
import type { Points } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { trace } from '../numerics/spd.ts';
import { dot, multiplyVector } from '../numerics/vectors.ts';
import { chainDrift, chainNodes } from './chain-nodes.ts';
import { type Judged, type TheoremCheck, theoremCheck } from './theorem-check.ts';

/** Directions in which a node is probed, each by a constant, a linear and two sine fields. */
const DIRECTIONS = 6;
/** Standard errors that are taken for chance. */
const CHANCE = 4;

/**
 * f + b = g²∇log p, tested without p: E[(f + b)·φ] + E[g² : ∇φ] = 0 for vector fields φ (Stein's identity), at every interior node of the
 * chain that a half-step learned from. The value is the root mean square over fields, relative to g²/(standard deviation of X)·|φ|, of what
 * exceeds four standard errors, at the worst node.
 */
export function steinResidual(judged: Judged): TheoremCheck | undefined {
  const { halfSteps, run } = judged;
  // Without the reference's paths, the pairs that a scheme started from are no chain.
  const first = run.startingPairs === undefined ? 1 : 2;
  const learned = [halfSteps - 1, halfSteps].filter((i) => i >= first);
  if (learned.length === 0) return undefined;
  const residuals = learned.map((i) => worstNode(judged, i));
  return theoremCheck({
    name: 'Stein residual of f + b = g²∇log p',
    value: Math.max(...residuals),
    limit: 0.1,
    knowledge: 'samples',
    meaning: `The drifts of both directions are time reversals of each other on the paths they were learned from: half-steps ${learned.join(' and ')}, the worst node.`,
  });
}

function worstNode(judged: Judged, halfStep: number): number {
  const random = judged.random.split('stein').split(halfStep);
  const fields = random.split('fields');
  return Math.max(0, ...sumsOfDrifts(judged, halfStep, random).map((node, j) => residualAt(node, fields.split(j))));
}

/** Draws of X at a node, f + b there (in conditional mean given X), and ggᵀ. */
interface SumOfDrifts {
  readonly x: Points;
  readonly sum: Float64Array;
  readonly noise: Matrix;
}

/**
 * f + b at the interior nodes, as each target has it exactly: `mean` and `drift` with both drifts of the SAME transition at its end; `simple`
 * and `moment` with the earlier drift where the transition starts; `endpoint` with both drifts of the same time, between redrawn ends.
 */
function sumsOfDrifts(judged: Judged, halfStep: number, random: RandomSource): SumOfDrifts[] {
  const { run, problem, samples } = judged;
  const { grid, target } = run.options;
  const [before, after] = [run.chain(halfStep - 1), run.chain(halfStep)];
  const forward = before.direction === 'forward';
  const interior = Array.from({ length: grid.steps - 1 }, (_, k) => k + 1);
  if (target === 'endpoint') {
    const nodes = redrawnNodes(judged, halfStep - 1, random);
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
function redrawnNodes({ run, problem, samples }: Judged, halfStep: number, random: RandomSource): Points[] {
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

/** The excess over chance of the fields at one node, root mean square. */
function residualAt({ x, sum, noise }: SumOfDrifts, random: RandomSource): number {
  const { count, dimension: d } = x;
  const { mean, covariance } = weightedMoments(x);
  const spread = Math.sqrt(trace(covariance) / d);
  const scale = trace(noise) / d / spread;
  let squares = 0;
  let fields = 0;
  for (let direction = 0; direction < DIRECTIONS; direction++) {
    const [u, w] = [unitVector(d, random), unitVector(d, random)];
    // Half of the waves run along the field, half across it.
    const wave = (direction % 2 === 0 ? u : w).map((value) => ((0.5 + direction / DIRECTIONS) * value) / spread);
    const phase = 2 * Math.PI * random.uniform();
    const noiseU = multiplyVector(noise, u);
    const [alongU, alongWave] = [dot(noiseU, u) / spread, dot(noiseU, wave)];
    const centred = new Float64Array(d);
    const stats = Array.from({ length: 4 }, () => ({ sum: 0, square: 0, size: 0 }));
    for (let i = 0; i < count; i++) {
      let pushed = 0;
      for (let k = 0; k < d; k++) {
        centred[k] = x.data[i * d + k]! - mean[k]!;
        pushed += sum[i * d + k]! * u[k]!;
      }
      const linear = dot(centred, u) / spread;
      const angle = dot(centred, wave) + phase;
      const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
      tally(stats[0]!, pushed, 1);
      tally(stats[1]!, pushed * linear + alongU, linear);
      tally(stats[2]!, pushed * sine + alongWave * cosine, sine);
      tally(stats[3]!, pushed * cosine - alongWave * sine, cosine);
    }
    for (const { sum: total, square, size } of stats) {
      const average = total / count;
      const error = Math.sqrt(Math.max(0, square / count - average ** 2) / count);
      squares += (Math.max(0, Math.abs(average) - CHANCE * error) / (scale * Math.sqrt(size / count))) ** 2;
      fields++;
    }
  }
  return Math.sqrt(squares / fields);
}

function tally(stats: { sum: number; square: number; size: number }, value: number, field: number): void {
  stats.sum += value;
  stats.square += value * value;
  stats.size += field * field;
}

function unitVector(dimension: number, random: RandomSource): Float64Array {
  const draw = random.fillNormal(new Float64Array(dimension));
  const length = Math.sqrt(dot(draw, draw));
  return draw.map((value) => value / length);
}
