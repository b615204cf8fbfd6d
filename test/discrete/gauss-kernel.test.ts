import { describe, expect, it } from 'vitest';
import { GaussKernel, type PointCosts } from '../../src/discrete/gauss-kernel.ts';
import { centredClouds } from '../../src/discrete/gauss-level.ts';
import { gaussPasses } from '../../src/discrete/gauss-passes.ts';
import { LogKernel } from '../../src/discrete/log-kernel.ts';
import { enginePasses } from '../../src/discrete/plan-passes.ts';
import { makeSide } from '../../src/discrete/side.ts';
import { discreteMarginal, entropicProblem, sinkhorn } from '../../src/index.ts';
import { openGaussEngine } from '../../src/kernels/open-gauss-engine.ts';
import { openTransportEngine } from '../../src/kernels/open-transport-engine.ts';
import { randomSource } from '../../src/numerics/random.ts';

/** A cloud against three clusters, so that boxes at the borders of their basins send mass to two or three places. */
function problem(dimension: number, n: number, m: number, epsilon: number, accuracy: number, kind: 'wasm' | 'typescript' = 'wasm') {
  const random = randomSource(3).split(`${dimension}`);
  const x = Float64Array.from({ length: n * dimension }, () => random.normal());
  const y = Float64Array.from({ length: m * dimension }, (_, p) => {
    const cluster = Math.floor(p / dimension) % 3;
    return 7 + [-2, 0.5, 3][(cluster + (p % dimension)) % 3]! + 0.3 * random.normal();
  });
  const weights = (count: number): Float64Array => {
    const raw = Float64Array.from({ length: count }, () => 0.05 - Math.log(1 - random.uniform()));
    const sum = raw.reduce((s, w) => s + w, 0);
    return raw.map((w) => w / sum);
  };
  const engine = openTransportEngine({ bytes: 8 * 80 * (n + m + 64), kind });
  const costs = engine.pointCosts(x, y, dimension, 0.5) as PointCosts;
  const source = makeSide(engine, weights(n), engine.height(n), Number.POSITIVE_INFINITY);
  const target = makeSide(engine, weights(m), engine.width(m), Number.POSITIVE_INFINITY);
  const gauss = new GaussKernel(engine, costs, source, target, accuracy, () => openGaussEngine(kind, 1));
  const direct = new LogKernel(engine, costs, source);
  gauss.setLevel(epsilon, true);
  direct.setLevel(epsilon, true);
  const vectors = () => ({ rows: engine.f64(source.weights.length), columns: engine.f64(target.weights.length) });
  // Some Sinkhorn steps from nothing.
  const { rows: F, columns: G } = vectors();
  const { columns: c } = vectors();
  G.set(target.logs);
  for (let k = 0; k < 30; k++) {
    direct.fit(G, F, c);
    for (let j = 0; j < m; j++) G[j]! += target.logs[j]! - (c[j]! > 1e-200 ? Math.log(c[j]!) : direct.logColumnSum(j, F, G));
  }
  direct.fit(G, F, c);
  return { engine, costs, source, target, gauss, direct, vectors, F, G };
}

const distance = (x: Float64Array, y: Float64Array): number => x.reduce((sum, value, i) => sum + Math.abs(value - y[i]!), 0);

describe('GaussKernel', () => {
  for (const [dimension, epsilon] of [
    [1, 0.05],
    [2, 0.3],
    [2, 0.05],
    [3, 0.4],
  ] as const) {
    for (const accuracy of [1e-5, 1e-9]) {
      it(`keeps its bound: dimension ${dimension}, ε = ${epsilon}, wanted ${accuracy}`, () => {
        const { gauss, direct, vectors, F, G } = problem(dimension, 700, 900, epsilon, accuracy);
        const [mine, exact] = [vectors(), vectors()];
        const bound = gauss.bound(F, G);
        gauss.marginals(F, G, mine.rows, mine.columns);
        direct.marginals(F, G, exact.rows, exact.columns);
        expect(bound).toBeLessThanOrEqual(accuracy);
        expect(distance(mine.rows, exact.rows)).toBeLessThanOrEqual(bound + 1e-12);
        expect(distance(mine.columns, exact.columns)).toBeLessThanOrEqual(bound + 1e-12);
        gauss.release();
      });
    }
  }

  it('fits rows and sums columns as the direct kernel does, roughly and finely', () => {
    const { gauss, direct, vectors, G } = problem(3, 600, 500, 0.4, 1e-8);
    const exact = vectors();
    direct.fit(G, exact.rows, exact.columns);
    for (const [precise, error] of [
      [false, 1e-3],
      [true, 1e-6],
    ] as const) {
      const mine = vectors();
      gauss.setLevel(0.4, precise);
      gauss.fit(G, mine.rows, mine.columns);
      expect(distance(mine.columns, exact.columns)).toBeLessThan(error);
      for (let i = 0; i < 600; i++) expect(Math.abs(mine.rows[i]! - exact.rows[i]!)).toBeLessThan(100 * error);
    }
    gauss.release();
  });

  it('has a transpose, in WebAssembly and in TypeScript alike', () => {
    const results = (['wasm', 'typescript'] as const).map((kind) => {
      const { gauss, vectors, source, target, F, G } = problem(2, 150, 130, 0.3, 1e-8, kind);
      const [v, out] = [vectors(), vectors()];
      for (let i = 0; i < source.count; i++) v.rows[i] = Math.sin(i);
      for (let j = 0; j < target.count; j++) v.columns[j] = Math.cos(3 * j);
      gauss.apply(F, G, v.columns, 1, out.rows);
      gauss.applyTranspose(F, G, v.rows, 1, out.columns);
      const [forward, back] = [
        v.rows.reduce((s, t, i) => s + t * out.rows[i]!, 0),
        v.columns.reduce((s, t, j) => s + t * out.columns[j]!, 0),
      ];
      expect(Math.abs(forward - back)).toBeLessThan(1e-9);
      gauss.release();
      return out.rows.slice();
    });
    expect(distance(results[0]!, results[1]!)).toBeLessThan(1e-11);
  });

  it('sums up costs and entropy of a rounded plan; the entropy from above and close', () => {
    const { engine, costs, source, target, gauss, vectors, F, G } = problem(2, 400, 300, 0.3, 1e-10);
    const rounding = { x: vectors().rows, y: vectors().columns, ea: vectors().rows, eb: vectors().columns };
    for (let i = 0; i < 400; i++) [rounding.x[i], rounding.ea[i]] = [0.99 + 1e-5 * i, 1e-6 * i];
    for (let j = 0; j < 300; j++) [rounding.y[j], rounding.eb[j]] = [1 - 1e-5 * j, 1e-5 * j];
    const logs = { a: source.logs, b: target.logs };
    const mine = gaussPasses(gauss, centredClouds(costs), 0.3, () => {}).roundedSums(F, G, rounding, logs);
    const exact = enginePasses(engine, costs, 0.3).roundedSums(F, G, rounding, logs);
    expect(mine.linear).toBeCloseTo(exact.linear, 8);
    expect(mine.mass).toBeCloseTo(exact.mass, 9);
    expect(mine.cross).toBeCloseTo(exact.cross, 8);
    expect(mine.logs).toBeGreaterThan(exact.logs - 1e-8);
    expect(mine.logs).toBeLessThan(exact.logs + 0.3);
    gauss.release();
  });
});

it('sinkhorn solves twenty thousand points from points alone, the error checked on single rows and columns', () => {
  const n = 20_000;
  const random = randomSource(8);
  const cloud = (shift: number) => Array.from({ length: n }, () => [random.normal() + shift, 0.5 * random.normal()]);
  const [x, y] = [cloud(0), cloud(2)];
  const epsilon = 0.1;
  const plan = sinkhorn(entropicProblem({ source: discreteMarginal({ points: x }), target: discreteMarginal({ points: y }), epsilon }), {
    tolerance: 1e-6,
  });
  expect(plan.status).toBe('converged');
  const { f, g } = plan.potentials;
  let worst = 0;
  for (let i = 0; i < n; i += 997) {
    let row = 0;
    for (let j = 0; j < n; j++)
      row += Math.exp((f[i]! + g[j]! - (x[i]![0]! - y[j]![0]!) ** 2 - (x[i]![1]! - y[j]![1]!) ** 2) / epsilon) / n;
    worst = Math.max(worst, Math.abs(row - 1));
  }
  // A single row may be worse than the mean of all.
  expect(worst).toBeLessThan(1e-4);
  expect(plan.value.gap).toBeGreaterThan(-1e-7);
  expect(plan.value.gap).toBeLessThan(1e-3);
});
