import type { DiffusionBridge } from '../diffusion/diffusion-run.ts';
import { weightedMoments } from '../numerics/moments.ts';
import type { RandomSource } from '../numerics/random.ts';
import { trace } from '../numerics/spd.ts';
import { dot, multiplyVector } from '../numerics/vectors.ts';
import { type SumOfDrifts, sumsOfBridge, sumsOfRun } from './drift-sums.ts';
import { type Judged, orRefusal } from './judged.ts';
import { type Finding, inapplicable, theoremCheck } from './theorem-check.ts';

const NAME = 'Stein residual of f + b = g²∇log p';
/** Directions in which a node is probed, each by a constant, a linear and two sine fields. */
const DIRECTIONS = 6;
/** Standard errors that are taken for chance. */
const CHANCE = 4;

/**
 * f + b = g²∇log p, tested without p: E[(f + b)·φ] + E[g² : ∇φ] = 0 for vector fields φ (Stein's identity), at every interior node of the
 * chain that a half-step learned from, or inside the paths of a bridge. The value is the root mean square over fields, relative to
 * g²/(standard deviation of X)·|φ|, of what exceeds four standard errors, at the worst node.
 */
export function steinResidual(judged: Judged): Finding[] {
  const random = judged.random.split('stein');
  return judged.run === undefined ? ofBridge(judged, random) : ofRun(judged, judged.run, random);
}

function ofBridge(judged: Judged, random: RandomSource): Finding[] {
  const sums = orRefusal(() => sumsOfBridge(judged));
  if ('refusal' in sums) return inapplicable([NAME], `needs the drifts of both directions: ${sums.refusal}`);
  return [
    theoremCheck({
      name: NAME,
      value: worst(sums.value, random),
      limit: 0.1,
      knowledge: 'samples',
      meaning: 'The drifts of both directions are time reversals of each other on the paths of the bridge: the worst of three nodes.',
    }),
  ];
}

function ofRun(judged: Judged, run: DiffusionBridge, random: RandomSource): Finding[] {
  const last = run.halfSteps.length;
  // Without the reference's paths, the pairs that a scheme started from are no chain.
  const first = run.startingPairs === undefined ? 1 : 2;
  const learned = [last - 1, last].filter((i) => i >= first);
  if (learned.length === 0) return inapplicable([NAME], 'needs a half-step that learned from the paths of a chain, and this run has none');
  if (learned.some((i) => run.chain(i - 1).logVariance !== undefined)) {
    return inapplicable([NAME], 'needs one covariance for each step, and this run learned them at every point');
  }
  const residuals = learned.map((i) => {
    const stream = random.split(i);
    return worst(sumsOfRun(judged, run, i, stream), stream);
  });
  return [
    theoremCheck({
      name: NAME,
      value: Math.max(...residuals),
      limit: 0.1,
      knowledge: 'samples',
      meaning: `The drifts of both directions are time reversals of each other on the paths they were learned from: half-steps ${learned.join(' and ')}, the worst node.`,
    }),
  ];
}

function worst(sums: readonly SumOfDrifts[], random: RandomSource): number {
  const fields = random.split('fields');
  return Math.max(0, ...sums.map((node, j) => residualAt(node, fields.split(j))));
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
