import { expect, it } from 'vitest';
import { costFunction, costMatrix, discreteMarginal, entropicProblem, lp, sinkhorn, squaredEuclidean } from '../../src/index.ts';
import { randomSource } from '../../src/numerics/random.ts';

const random = randomSource(6);
const cloud = (count: number) => {
  const raw = Array.from({ length: count }, (_, i) => (i % 3 === 1 ? 0 : 0.2 + random.uniform()));
  const mass = raw.reduce((sum, w) => sum + w, 0);
  return { points: Array.from({ length: count }, () => [random.normal(), random.normal()]), weights: raw.map((w) => w / mass) };
};
const [left, right] = [cloud(11), cloud(8)];
const [source, target] = [discreteMarginal(left), discreteMarginal(right)];
const skew = (x: ArrayLike<number>, y: ArrayLike<number>): number => Math.abs(x[0]! - y[0]!) + 2 * Math.max(0, x[1]! - y[1]!);

it.each([
  ['squared Euclidean', squaredEuclidean()],
  ['another cost of points', lp(1)],
  ['a function that is not symmetric', costFunction(skew)],
  ['a matrix', costMatrix(left.points.map((x) => right.points.map((y) => skew(x, y))))],
])('points without weight have the potential that the other side gives them: %s', (_, cost) => {
  const epsilon = 0.4;
  const C = cost.between(source.points, target.points);
  for (const marginals of [{}, { source: { kl: 0.7 }, target: { kl: 2 } }] as const) {
    const { f, g } = sinkhorn(entropicProblem({ source, target, cost, epsilon, marginals }), { tolerance: 1e-12 }).potentials;
    const damping = (side?: { readonly kl: number }): number => (side === undefined ? 1 : side.kl / (side.kl + epsilon));
    const [ofF, ofG] = [
      damping('source' in marginals ? marginals.source : undefined),
      damping('target' in marginals ? marginals.target : undefined),
    ];
    left.weights.forEach((__, i) => {
      const sum = right.weights.reduce((s, b, j) => s + b * Math.exp((g[j]! - C[i * 8 + j]!) / epsilon), 0);
      expect(f[i]).toBeCloseTo(-ofF * epsilon * Math.log(sum), 10);
    });
    right.weights.forEach((__, j) => {
      const sum = left.weights.reduce((s, a, i) => s + a * Math.exp((f[i]! - C[i * 8 + j]!) / epsilon), 0);
      expect(g[j]).toBeCloseTo(-ofG * epsilon * Math.log(sum), 10);
    });
  }
});
