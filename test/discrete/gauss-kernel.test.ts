import { describe, expect, it, vi } from 'vitest';
import { GaussKernel } from '../../src/discrete/gauss-kernel.ts';
import { centredClouds } from '../../src/discrete/gauss-level.ts';
import { gaussPasses } from '../../src/discrete/gauss-passes.ts';
import { LogKernel } from '../../src/discrete/log-kernel.ts';
import { enginePasses } from '../../src/discrete/plan-passes.ts';
import { SemiDual } from '../../src/discrete/semi-dual.ts';
import { makeSide } from '../../src/discrete/side.ts';
import { discreteMarginal, entropicProblem, sinkhorn } from '../../src/index.ts';
import { openGaussEngine } from '../../src/kernels/open-gauss-engine.ts';
import { openTransportEngine } from '../../src/kernels/open-transport-engine.ts';
import { randomSource } from '../../src/numerics/random.ts';

/** A cloud against three clusters, so that boxes at the borders of their basins send mass to two or three places. */
function problem(
  dimension: number,
  n: number,
  m: number,
  epsilon: number,
  accuracy: number,
  kind: 'wasm' | 'typescript' = 'wasm',
  [rho, tau]: readonly [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
) {
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
  const costs = engine.pointCosts(x, y, dimension, 0.5);
  const source = makeSide(engine, weights(n), engine.height(n), rho);
  const target = makeSide(engine, weights(m), engine.width(m), tau);
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
    const mine = gaussPasses(gauss, centredClouds(costs), 0.3).roundedSums(F, G, rounding, logs);
    const exact = enginePasses(engine, costs, 0.3).roundedSums(F, G, rounding, logs);
    expect(mine.linear).toBeCloseTo(exact.linear, 8);
    expect(mine.mass).toBeCloseTo(exact.mass, 9);
    expect(mine.cross).toBeCloseTo(exact.cross, 8);
    expect(mine.logs).toBeGreaterThan(exact.logs - 1e-8);
    expect(mine.logs).toBeLessThan(exact.logs + 0.3);
    // Between penalised sides nothing moves, and nothing is lost.
    for (const spread of [rounding.ea, rounding.eb]) spread.fill(0);
    const still = gaussPasses(gauss, centredClouds(costs), 0.3).roundedSums(F, G, rounding, logs);
    expect(still.logs).toBeCloseTo(enginePasses(engine, costs, 0.3).roundedSums(F, G, rounding, logs).logs, 8);
    gauss.release();
  });

  it.each([
    [1, 300, 400, 0.2],
    [2, 300, 400, 0.3],
    [3, 350, 200, 0.5],
  ])('sums columns for any F, of a plan or not: dimension %i', (dimension, n, m, epsilon) => {
    const { engine, costs, source, gauss, vectors, F } = problem(dimension, n, m, epsilon, 1e-9);
    const passes = { mine: gaussPasses(gauss, centredClouds(costs), epsilon), exact: enginePasses(engine, costs, epsilon) };
    for (const shape of [() => 0, Math.sin, (i: number) => 4 * Math.cos(5 * i)]) {
      const { rows: P, columns: mine } = vectors();
      const { columns: exact } = vectors();
      P.fill(Number.NEGATIVE_INFINITY);
      for (let i = 0; i < n; i++) P[i] = shape === Math.sin ? F[i]! : source.logs[i]! + shape(i);
      passes.mine.softColumns(P, mine);
      passes.exact.softColumns(P, exact);
      for (let j = 0; j < m; j++) expect(Math.abs(mine[j]! - exact[j]!)).toBeLessThan(1e-8);
    }
    gauss.release();
  });

  it('goes over all pairs where no degree keeps a bound, and says that nothing is left out', () => {
    const { gauss, direct, vectors, F, G } = problem(2, 200, 150, 0.1, 1e-17);
    const [mine, exact] = [vectors(), vectors()];
    expect(gauss.bound(F, G)).toBe(0);
    const { exponential } = gauss.passes;
    gauss.marginals(F, G, mine.rows, mine.columns);
    direct.marginals(F, G, exact.rows, exact.columns);
    expect(mine).toEqual(exact);
    expect(gauss.passes.exponential).toBe(exponential + 1);
    // At another ε it tries again.
    gauss.setLevel(0.2, true);
    gauss.marginals(F, G, mine.rows, mine.columns);
    direct.setLevel(0.2, true);
    direct.marginals(F, G, exact.rows, exact.columns);
    expect(mine).not.toEqual(exact);
    expect(distance(mine.rows, exact.rows)).toBeLessThan(1e-10 * exact.rows.reduce((sum, r) => sum + r, 0));
    gauss.release();
  });

  it.each([
    ['both sides', 0.7, 1.5],
    ['the source', 0.7, Number.POSITIVE_INFINITY],
    ['the target', Number.POSITIVE_INFINITY, 1.5],
  ])('serves the semi-dual with penalties on %s as the direct kernel does', (_, rho, tau) => {
    const { gauss, direct, source, target, G } = problem(2, 400, 300, 0.3, 1e-10, 'wasm', [rho, tau]);
    const [mine, exact] = [gauss, direct].map((kernel) => {
      const dual = new SemiDual(kernel, source, target);
      dual.setLevel(0.3, true);
      const point = dual.allocate();
      point.G.set(G);
      // Some steps of Sinkhorn, each from what it found itself.
      for (let k = 0; k < 20; k++) {
        dual.evaluate(point);
        for (let j = 0; j < target.count; j++) point.G[j]! += dual.tau * point.logRatio[j]!;
      }
      dual.evaluate(point);
      return point;
    });
    expect(Math.abs(mine!.value - exact!.value)).toBeLessThan(1e-8 * Math.abs(exact!.value));
    expect(exact!.error).toBeLessThan(0.5);
    for (const name of ['F', 'G', 'wanted', 'logRatio'] as const) {
      for (let p = 0; p < (name === 'F' ? source : target).count; p++)
        expect(Math.abs(mine![name][p]! - exact![name][p]!)).toBeLessThan(1e-6);
    }
    gauss.release();
  });
});

describe('sinkhorn between twenty thousand points', () => {
  const n = 20_000;
  const random = randomSource(8);
  const cloud = (shift: number) => Array.from({ length: n }, () => [random.normal() + shift, 0.5 * random.normal()]);
  const [x, y] = [cloud(0), cloud(2)];
  const epsilon = 0.1;
  const [source, target] = [discreteMarginal({ points: x }), discreteMarginal({ points: y })];

  /** The largest relative error of some rows, or columns, against what they should sum to at their potential. */
  function worstRow(
    [own, other]: readonly (readonly number[][])[],
    [p, q]: readonly Float64Array[],
    wanted: (potential: number) => number,
  ): number {
    let worst = 0;
    for (let i = 0; i < n; i += 997) {
      let sum = 0;
      for (let j = 0; j < n; j++) {
        const square = (own![i]![0]! - other![j]![0]!) ** 2 + (own![i]![1]! - other![j]![1]!) ** 2;
        sum += Math.exp((p![i]! + q![j]! - square) / epsilon) / n;
      }
      worst = Math.max(worst, Math.abs(sum / wanted(p![i]!) - 1));
    }
    return worst;
  }

  it('is right on single rows and columns, from points alone', () => {
    const plan = sinkhorn(entropicProblem({ source, target, epsilon }), { tolerance: 1e-6 });
    expect(plan.status).toBe('converged');
    const { f, g } = plan.potentials;
    // A single row may be worse than the mean of all.
    expect(worstRow([x, y], [f, g], () => 1)).toBeLessThan(1e-4);
    expect(worstRow([y, x], [g, f], () => 1)).toBeLessThan(1e-4);
    expect(plan.value.gap).toBeGreaterThan(-1e-7);
    expect(plan.value.gap).toBeLessThan(1e-3);
    // What the transform may leave out widens the interval of the values, on either side, by as much as it can matter there.
    const second = sinkhorn(entropicProblem({ source, target, epsilon }), { tolerance: 1e-6 });
    const wider = vi.spyOn(GaussKernel.prototype, 'leftOut').mockReturnValue(1e-3);
    const { value } = second;
    wider.mockRestore();
    expect(plan.value.dual - value.dual).toBeCloseTo(1e-3 * epsilon, 8);
    expect(value.primal - plan.value.primal).toBeGreaterThan(1e-3 * Math.max(...f, ...g));
    expect(value.linear).toBe(plan.value.linear);
    // From f alone: one update of the other side, and it is done.
    const again = sinkhorn(entropicProblem({ source, target, epsilon }), { tolerance: 2e-6, initial: { f } });
    expect(again.status).toBe('converged');
    expect(again.iterations).toBeLessThan(5);
  });

  it.each([
    ['both sides', { kl: 2 }, { kl: 1 }],
    ['the source', { kl: 2 }, 'exact'],
    ['the target', 'exact', { kl: 1 }],
  ] as const)('is right with penalties on %s', (_, left, right) => {
    const problem = entropicProblem({ source, target, epsilon, marginals: { source: left, target: right } });
    const plan = sinkhorn(problem, { tolerance: 1e-6 });
    expect(plan.status).toBe('converged');
    const { f, g } = plan.potentials;
    const wanted = (side: typeof left | typeof right) => (potential: number) => (side === 'exact' ? 1 : Math.exp(-potential / side.kl));
    expect(worstRow([x, y], [f, g], wanted(left))).toBeLessThan(1e-4);
    expect(worstRow([y, x], [g, f], wanted(right))).toBeLessThan(1e-4);
    expect(plan.value.gap).toBeGreaterThan(-1e-7);
    expect(plan.value.gap).toBeLessThan(1e-5);
  });
});
