import { describe, expect, it } from 'vitest';
import { costFunction, squaredEuclidean } from '../../src/costs/index.ts';
import { entropicProblem } from '../../src/couplings/index.ts';
import { type DiscreteCoupling, sinkhorn } from '../../src/discrete/index.ts';
import { type DiscreteMarginal, discreteMarginal } from '../../src/marginals/index.ts';
import { type RandomSource, randomSource } from '../../src/numerics/random.ts';

const SHAPES = ['gaussians', 'clusters', 'ring', 'line', 'high-dimension'] as const;
const KINDS = ['uniform', 'wild', 'duplicates', 'distance', 'zeros', 'outliers', 'ties', 'tiny'] as const;
const EPSILONS = [10, 1, 0.1, 0.01, 0.001, 1e-4] as const;
const TOLERANCE = 1e-6;

interface Case {
  readonly source: DiscreteMarginal;
  readonly target: DiscreteMarginal;
  readonly distance: boolean;
}

function cloud(shape: (typeof SHAPES)[number], count: number, far: boolean, random: RandomSource): number[][] {
  const dimension = shape === 'high-dimension' ? 20 : shape === 'line' ? 1 : 2;
  const centres = Array.from({ length: 5 }, () => Array.from({ length: dimension }, () => 2 * random.normal()));
  return Array.from({ length: count }, () => {
    const noise = Array.from({ length: dimension }, () => random.normal());
    if (shape === 'ring') {
      const angle = 2 * Math.PI * random.uniform();
      const radius = 1 + 0.05 * noise[0]!;
      return [radius * Math.cos(angle) * (far ? 2 : 1), radius * Math.sin(angle)];
    }
    if (shape === 'clusters') return centres[Math.floor(5 * random.uniform())]!.map((c, k) => c + 0.1 * noise[k]!);
    return far ? noise.map((x) => 0.6 * x + 1) : noise;
  });
}

/** Gamma(0.1)-like weights: they spread over twelve decades. */
function wildWeights(count: number, random: RandomSource): number[] {
  return Array.from({ length: count }, () => 10 ** (-12 * random.uniform() ** 2));
}

function problemOf(index: number): Case {
  const random = randomSource(9000 + index);
  const shape = SHAPES[index % SHAPES.length]!;
  const kind = KINDS[Math.floor(index / SHAPES.length) % KINDS.length]!;
  const [n, m] =
    kind === 'tiny' ? [1 + (index % 3), 2 + (index % 5)] : [20 + Math.floor(40 * random.uniform()), 20 + Math.floor(60 * random.uniform())];
  const x = cloud(shape, n, false, random);
  let y = cloud(shape, m, true, random);
  let [a, b] = [Array.from({ length: n }, () => 1), Array.from({ length: m }, () => 1)];
  if (kind === 'wild') [a, b] = [wildWeights(n, random), wildWeights(m, random)];
  if (kind === 'duplicates') y = y.map((point, j) => y[j >> 1] ?? point);
  if (kind === 'zeros') [a, b] = [a.map((w, i) => (i % 3 === 0 ? 0 : w)), b.map((w, j) => (j % 4 === 1 ? 0 : w))];
  if (kind === 'outliers') {
    x[0] = x[0]!.map(() => 1e6);
    y[1] = y[1]!.map((_, k) => (k === 0 ? -1e6 : 0));
  }
  if (kind === 'ties') for (const p of [x, y]) p.forEach((point, i) => (p[i] = point.map((v) => Math.round(2 * v) / 2)));
  const normalised = (w: number[]): number[] => w.map((value) => value / w.reduce((s, v) => s + v, 0));
  return {
    source: discreteMarginal({ points: x, weights: normalised(a) }),
    target: discreteMarginal({ points: y, weights: normalised(b) }),
    distance: kind === 'distance',
  };
}

/** The L1 error of both sides by loops that share nothing with the solver, potentials and costs in, error out. */
function trueError({ potentials, source, target }: DiscreteCoupling, epsilon: number, distance: boolean): number {
  const rows = new Float64Array(source.weights.length);
  const columns = new Float64Array(target.weights.length);
  const d = source.dimension;
  for (let i = 0; i < rows.length; i++) {
    for (let j = 0; j < columns.length; j++) {
      let c = 0;
      for (let k = 0; k < d; k++) c += (source.points.data[i * d + k]! - target.points.data[j * d + k]!) ** 2;
      if (distance) c = Math.sqrt(c);
      const mass = source.weights[i]! * target.weights[j]!;
      const p = mass === 0 ? 0 : mass * Math.exp((potentials.f[i]! + potentials.g[j]! - c) / epsilon);
      rows[i]! += p;
      columns[j]! += p;
    }
  }
  const side = (sums: Float64Array, weights: Float64Array): number => sums.reduce((s, have, i) => s + Math.abs(have - weights[i]!), 0);
  return side(rows, source.weights) + side(columns, target.weights);
}

const euclideanDistance = costFunction((x, y) => Math.sqrt(x.reduce((s, v, k) => s + (v - y[k]!) ** 2, 0)));

describe('robustness: 960 random problems, each solved or honestly not', () => {
  it.each(EPSILONS)('ε = %f of the mean cost', (share) => {
    let solved = 0;
    const failures: string[] = [];
    for (let index = 0; index < 160; index++) {
      const { source, target, distance } = problemOf(index);
      const problem = entropicProblem({
        source,
        target,
        epsilon: { ofMeanCost: share },
        cost: distance ? euclideanDistance : squaredEuclidean(),
      });
      const answer = sinkhorn(problem, { tolerance: TOLERANCE, maxIterations: 20_000 });
      const error = trueError(answer, problem.epsilon, distance);
      const honest = Math.abs(error - answer.error) <= 1e-9 + 1e-6 * error && (answer.status === 'converged') === answer.error <= TOLERANCE;
      if (!honest) failures.push(`${index}: ${answer.status}, error ${answer.error}, true ${error}`);
      if (![...answer.potentials.f, ...answer.potentials.g].every(Number.isFinite)) failures.push(`${index}: potentials are not finite`);
      if (!(answer.value.gap >= -1e-10 * Math.max(1, Math.abs(answer.value.primal)))) failures.push(`${index}: gap ${answer.value.gap}`);
      if (answer.status === 'converged') solved++;
    }
    expect(failures).toEqual([]);
    expect(solved).toBeGreaterThanOrEqual(158);
  });
});
