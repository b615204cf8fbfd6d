import { describe, expect, it } from 'vitest';
import { costMatrix, euclidean, squaredEuclidean } from '../../src/costs/index.ts';
import { barycenter, barycenterAsync } from '../../src/discrete/index.ts';
import { ConvergenceError, DomainError, InfeasibleError, ShapeError } from '../../src/errors.ts';
import { type DiscreteMarginal, discreteMarginal, gridMarginal, histogram } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { randomMarginal } from './oracles.ts';

const line = (n: number, from = -5, to = 5): number[][] => Array.from({ length: n }, (_, i) => [from + ((to - from) * i) / (n - 1)]);
const normalised = (raw: number[]): number[] => {
  const total = raw.reduce((s, w) => s + w, 0);
  return raw.map((w) => w / total);
};
const gaussian = (points: number[][], mean: number, variance: number): DiscreteMarginal =>
  discreteMarginal({ points, weights: normalised(points.map(([x]) => Math.exp(-((x! - mean) ** 2) / (2 * variance)))) });

/** Iterative Bregman projections and their debiased form, in the most literal way. */
function bregman(C: number[][], measures: number[][], shares: number[], epsilon: number, debiased: boolean, turns: number): number[] {
  const n = C.length;
  const K = C.map((r) => r.map((c) => Math.exp(-c / epsilon)));
  const times = (v: number[]): number[] => K.map((r) => r.reduce((s, k, j) => s + k * v[j]!, 0));
  const back = (v: number[]): number[] => K[0]!.map((_, j) => K.reduce((s, r, i) => s + r[j]! * v[i]!, 0));
  let u = measures.map(() => new Array<number>(n).fill(1));
  let d = new Array<number>(n).fill(1);
  let bar: number[] = [];
  for (let t = 0; t < turns; t++) {
    const Kv = measures.map((a, k) => {
      const Ku = back(u[k]!);
      return times(a.map((w, j) => w / Ku[j]!));
    });
    bar = d.map((x, s) => x * Math.exp(shares.reduce((sum, w, k) => sum + w * Math.log(Kv[k]![s]!), 0)));
    u = Kv.map((values) => values.map((v, s) => bar[s]! / v));
    if (debiased) {
      const Kd = times(d);
      d = d.map((x, s) => Math.sqrt((x * bar[s]!) / Kd[s]!));
    }
  }
  return bar;
}

describe('barycenter on a fixed support', () => {
  it.each([
    [0.5, false],
    [0.1, false],
    [0.1, true],
    [0.06, true],
  ])('is the limit of iterative Bregman projections: ε = %f, debiased %s', (epsilon, debiased) => {
    const points = line(12, 0, 2);
    const C = points.map(([x]) => points.map(([y]) => (x! - y!) ** 2));
    const bump = (at: number, width: number) => normalised(points.map(([x]) => 0.05 + Math.exp(-(((x! - at) / width) ** 2))));
    const measures = [bump(0.5, 0.5), bump(1, 0.7), bump(1.4, 0.4)];
    const shares = [0.5, 0.3, 0.2];
    const want = bregman(C, measures, shares, epsilon, debiased, debiased ? 30_000 : 5000);
    const options = { tolerance: debiased ? 1e-8 : 1e-11 };
    const made = barycenter(
      { measures: measures.map((weights) => discreteMarginal({ points, weights })), weights: shares, epsilon, debiased },
      options,
    );
    expect(made.status).toBe('converged');
    want.forEach((w, s) => {
      expect(made.marginal.weights[s]).toBeCloseTo(w, debiased ? 5 : 10);
    });
    const byMatrix = barycenter({ measures: measures.map(histogram), weights: [5, 3, 2], epsilon, debiased, cost: costMatrix(C) }, options);
    want.forEach((w, s) => {
      expect(byMatrix.marginal.weights[s]).toBeCloseTo(w, debiased ? 5 : 10);
    });
    made.couplings.forEach((coupling, k) => {
      expect(coupling.error).toBeLessThan(debiased ? 1e-7 : 1e-9);
      expect(coupling.value.gap).toBeLessThan(1e-8);
      coupling.apply(new Float64Array(12).fill(1)).forEach((p, s) => {
        expect(p).toBeCloseTo(made.marginal.weights[s]!, debiased ? 7 : 9);
      });
      expect(coupling.target.weights[3]).toBe(measures[k]![3]);
    });
  });

  it('between Gaussians of one variance: wider by ε/2, and debiased of that variance', () => {
    const points = line(161, -8, 8);
    const measures = [gaussian(points, -1.5, 0.8), gaussian(points, 2, 0.8)];
    for (const epsilon of [2, 0.6]) {
      const plain = barycenter({ measures, weights: [0.4, 0.6], epsilon });
      expect(plain.status).toBe('converged');
      expect(plain.iterations).toBeLessThan(80);
      expect(plain.marginal.mean()[0]).toBeCloseTo(0.6, 6);
      expect(plain.marginal.covariance().get(0, 0)).toBeCloseTo(0.8 + epsilon / 2, 5);
      const debiased = barycenter({ measures, weights: [0.4, 0.6], epsilon, debiased: true });
      expect(debiased.status).toBe('converged');
      expect(debiased.iterations).toBeLessThan(200);
      expect(debiased.marginal.mean()[0]).toBeCloseTo(0.6, 7);
      expect(debiased.marginal.covariance().get(0, 0)).toBeCloseTo(0.8, 7);
    }
  });

  it('debiased, one measure or the same measure twice gives itself', () => {
    const points = line(15, 0, 1);
    const one = discreteMarginal({ points, weights: normalised(points.map(([x]) => 0.5 + x! * Math.sin(5 * x!) ** 2)) });
    for (const measures of [[one], [one, one]]) {
      const made = barycenter({ measures, epsilon: 0.02, debiased: true }, { tolerance: 1e-12 });
      expect(made.status).toBe('converged');
      made.marginal.weights.forEach((w, s) => {
        expect(w).toBeCloseTo(one.weights[s]!, 9);
      });
    }
  });

  it('debiased, is optimal on the edge of the simplex: no bin would lower Σ w S by taking mass from another', () => {
    const points = line(12, 0, 1);
    const bumps = [0.2, 0.55, 0.8].map((at, k) =>
      normalised(points.map(([x]) => 0.02 + Math.exp(-((x! - at) ** 2) / [0.01, 0.03, 0.005][k]!))),
    );
    const [shares, epsilon] = [[0.5, 0.3, 0.2], 0.02];
    const measures = bumps.map((weights) => discreteMarginal({ points, weights }));
    const made = barycenter({ measures, weights: shares, epsilon, debiased: true }, { tolerance: 1e-12 });
    expect(made.status).toBe('converged');
    const bar = made.marginal.weights;
    expect(Math.min(...bar)).toBeLessThan(1e-10);
    const K = points.map(([x]) => points.map(([y]) => Math.exp(-((x! - y!) ** 2) / epsilon)));
    let d = points.map(() => 1);
    for (let t = 0; t < 20_000; t++) d = d.map((v, s) => Math.sqrt((v * bar[s]!) / K[s]!.reduce((sum, k, j) => sum + k * d[j]!, 0)));
    // f relative to 1 ⊗ a is f + ε log bar, and that of bar to itself ε log d.
    const slope = points.map((_, s) => {
      const f = made.couplings.reduce((sum, { potentials }, k) => sum + shares[k]! * potentials.f[s]!, 0);
      return f + epsilon * Math.log(bar[s]!) - epsilon * Math.log(d[s]!);
    });
    const level = slope.reduce((sum, v, s) => sum + bar[s]! * v, 0);
    slope.forEach((v, s) => {
      if (bar[s]! > 1e-6) expect(v).toBeCloseTo(level, 9);
      else expect(v).toBeGreaterThan(level);
    });
  });

  it('converges at small ε, where far weights underflow', () => {
    const points = line(120, 0, 10);
    const measures = [gaussian(points, 2, 0.1), gaussian(points, 8, 0.4)];
    const made = barycenter({ measures, epsilon: 0.01 }, { tolerance: 1e-8 });
    expect(made.status).toBe('converged');
    expect(made.marginal.mean()[0]).toBeCloseTo(5, 2);
    expect(made.marginal.weights.every((w) => w >= 0)).toBe(true);
    expect(made.marginal.mass).toBeCloseTo(1, 12);
  });

  it('works on grids one axis at a time, and on the union of different supports', () => {
    const shape = [9, 11];
    const image = (r: number, c: number) =>
      Array.from({ length: 99 }, (_, p) => Math.exp(-((Math.floor(p / 11) - r) ** 2 + ((p % 11) - c) ** 2) / 3) + 0.01);
    const weights = [normalised(image(2, 3)), normalised(image(6, 8))];
    const grids = weights.map((w) => gridMarginal({ shape, weights: w, spacing: 0.1 }));
    const clouds = grids.map(({ points, weights: w }) => discreteMarginal({ points, weights: w }));
    const onGrid = barycenter({ measures: grids, epsilon: 0.02 });
    const onCloud = barycenter({ measures: clouds, epsilon: 0.02 });
    expect(onGrid.marginal.kind).toBe('grid');
    expect(onGrid.status).toBe('converged');
    onCloud.marginal.weights.forEach((w, s) => {
      expect(onGrid.marginal.weights[s]).toBeCloseTo(w, 9);
    });
    // A measure as support gives its nodes, whatever its weights: a finer grid stays one.
    const coarse = barycenter({ measures: clouds, epsilon: 0.02, support: { ...grids[0]! } });
    expect(coarse.marginal.kind).toBe('grid');
    coarse.marginal.weights.forEach((w, s) => {
      expect(w).toBeCloseTo(onGrid.marginal.weights[s]!, 9);
    });
    const finer = gridMarginal({ shape: [17, 21], spacing: 0.05, weights: new Float64Array(17 * 21).fill(7) });
    const onFiner = barycenter({ measures: grids, epsilon: 0.02, support: finer });
    expect([onFiner.marginal.kind, onFiner.status, onFiner.marginal.weights.length]).toEqual(['grid', 'converged', 357]);
    const apart = { measures: grids, epsilon: 0.02, support: discreteMarginal({ points: [[0], [1]] }) };
    expect(() => barycenter(apart)).toThrow(/^barycenter: .*dimension/);
    const random = randomSource(2);
    const union = barycenter({ measures: [randomMarginal(5, 2, random), randomMarginal(7, 2, random)], epsilon: 0.5, cost: euclidean() });
    expect(union.marginal.weights.length).toBe(12);
    expect(union.status).toBe('converged');
  });

  it('keeps a mass other than 1', () => {
    const points = line(10, 0, 1);
    const at = (m: number) => discreteMarginal({ points, weights: gaussian(points, m, 0.05).weights.map((w) => 3 * w) });
    const heavy = barycenter({ measures: [at(0.2), at(0.7)], epsilon: 0.1 });
    const light = barycenter({ measures: [gaussian(points, 0.2, 0.05), gaussian(points, 0.7, 0.05)], epsilon: 0.1 });
    expect(heavy.status).toBe('converged');
    heavy.marginal.weights.forEach((w, s) => {
      expect(w).toBeCloseTo(3 * light.marginal.weights[s]!, 8);
    });
  });
});

describe('barycenter: input and status', () => {
  const points = line(6, 0, 1);
  const one = gaussian(points, 0.3, 0.1);

  it('refuses what does not fit', () => {
    expect(() => barycenter({ measures: [], epsilon: 1 })).toThrow(ShapeError);
    expect(() => barycenter({ measures: [one], epsilon: 0 })).toThrow(/barycenter: epsilon/);
    expect(() => barycenter({ measures: [one, discreteMarginal({ points, weights: [1, 1, 1, 1, 1, 1] })], epsilon: 1 })).toThrow(
      InfeasibleError,
    );
    expect(() => barycenter({ measures: [one] })).toThrow(/barycenter: epsilon must be > 0 on fixed points/);
    expect(() => barycenter({ measures: [one], weights: [-1], epsilon: 1 })).toThrow(DomainError);
    expect(() => barycenter({ measures: [one], weights: [1, 1], epsilon: 1 })).toThrow(ShapeError);
    expect(() => barycenter({ measures: [one], epsilon: 1, cost: euclidean(), support: { free: 2 } })).toThrow(/squared Euclidean/);
    expect(() => barycenter({ measures: [one], epsilon: 1, support: { free: 7 } })).toThrow(DomainError);
    expect(() => barycenter({ measures: [one], epsilon: 1, unbiased: true } as never)).toThrow(/unbiased/);
    expect(() => barycenter({ measures: [histogram([0.5, 0.5])], epsilon: 1, cost: squaredEuclidean() })).toThrow(ShapeError);
  });

  it('says how it ended', async () => {
    const measures = [one, gaussian(points, 0.9, 0.02)];
    const short = barycenter({ measures, epsilon: 0.01 }, { maxIterations: 1 });
    expect(short.status).toBe('max-iterations');
    expect(short.warnings[0]).toMatch(/^barycenter: max-iterations/);
    expect(short.marginal.mass).toBeCloseTo(1, 12);
    expect(() => barycenter({ measures, epsilon: 0.01 }, { maxIterations: 1, onFailure: 'throw' })).toThrow(ConvergenceError);
    for (const problem of [
      { measures, epsilon: 0.01 },
      { measures, epsilon: 0.1, support: { free: 3 } },
      { measures, support: { free: 3 } },
      { measures, epsilon: 0.1, debiased: true },
    ]) {
      expect((await barycenterAsync(problem, { signal: AbortSignal.abort() })).status).toBe('aborted');
    }
    const whole = await barycenterAsync({ measures, epsilon: 0.1 });
    expect(whole.marginal.weights).toEqual(barycenter({ measures, epsilon: 0.1 }).marginal.weights);
    expect(JSON.stringify(whole).length).toBeLessThan(500);
  });
});
