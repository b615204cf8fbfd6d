import { describe, expect, it } from 'vitest';
import { costMatrix, squaredEuclidean } from '../../src/costs/index.ts';
import { entropicProblem } from '../../src/couplings/index.ts';
import { type DiscreteCoupling, type SinkhornOptions, sinkhorn, sinkhornBatch } from '../../src/discrete/index.ts';
import { DomainError } from '../../src/errors.ts';
import { type DiscreteMarginal, discreteMarginal, gridMarginal, histogram } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { largestDifference, numbersOf, squaredDistances, sum, WAYS } from './every-way.ts';
import { randomCosts, randomMarginal } from './oracles.ts';

const transposed = (C: number[][]): number[][] => C[0]!.map((_, j) => C.map((row) => row[j]!));

describe.each(WAYS)('$method on $engine', (way) => {
  const options: SinkhornOptions = { ...way, tolerance: 1e-12 };

  it('case 11: transpose, cost scaling and offset, row and column shifts, permutation', () => {
    const random = randomSource(11);
    const [a, b] = [randomMarginal(9, 1, random).weights, randomMarginal(7, 1, random).weights];
    const C = randomCosts(9, 7, 12);
    const solve = (p: ArrayLike<number>, q: ArrayLike<number>, costs: number[][], epsilon: number): DiscreteCoupling =>
      sinkhorn(
        entropicProblem({ source: histogram(Array.from(p)), target: histogram(Array.from(q)), cost: costMatrix(costs), epsilon }),
        options,
      );
    const base = solve(a, b, C, 0.3);
    const [P, value] = [base.plan().to1DArray(), base.value];
    expect(base.status).toBe('converged');

    const turned = solve(b, a, transposed(C), 0.3);
    expect(largestDifference(turned.plan().transpose().to1DArray(), P)).toBeLessThan(1e-11);
    expect(turned.value.primal).toBeCloseTo(value.primal, 11);

    const scaled = solve(
      a,
      b,
      C.map((row) => row.map((c) => 1000 * c - 7)),
      300,
    );
    expect(largestDifference(scaled.plan().to1DArray(), P)).toBeLessThan(1e-11);
    expect(scaled.value.primal).toBeCloseTo(1000 * value.primal - 7, 8);

    // C_ij + r_i + s_j moves the potentials by r and s and nothing else.
    const [r, s] = [C.map((_, i) => 3 * Math.sin(5 * i)), C[0]!.map((_, j) => 2 * Math.cos(j))];
    const shifted = solve(
      a,
      b,
      C.map((row, i) => row.map((c, j) => c + r[i]! + s[j]!)),
      0.3,
    );
    expect(largestDifference(shifted.plan().to1DArray(), P)).toBeLessThan(1e-11);
    expect(shifted.value.dual - value.dual).toBeCloseTo(sum(r.map((x, i) => x * a[i]!)) + sum(s.map((x, j) => x * b[j]!)), 10);
    const constant = shifted.potentials.f[0]! - r[0]! - base.potentials.f[0]!;
    const moved = shifted.potentials.f.map((f, i) => f - r[i]! - constant);
    expect(largestDifference(moved, base.potentials.f)).toBeLessThan(1e-9);

    const [rows, columns] = [
      [3, 0, 8, 1, 7, 2, 6, 4, 5],
      [6, 2, 0, 4, 5, 1, 3],
    ];
    const permuted = solve(
      rows.map((i) => a[i]!),
      columns.map((j) => b[j]!),
      rows.map((i) => columns.map((j) => C[i]![j]!)),
      0.3,
    );
    const expected = rows.flatMap((i) => columns.map((j) => P[i * 7 + j]!));
    expect(largestDifference(permuted.plan().to1DArray(), expected)).toBeLessThan(1e-11);
  });

  it('case 12: zero weights are the problem without those points; no NaN anywhere', () => {
    const random = randomSource(13);
    const [full, other] = [randomMarginal(70, 2, random), randomMarginal(75, 2, random)];
    const C = squaredDistances(full.points, other.points);
    const thin = (w: Float64Array, every: number): number[] => {
      const kept = Array.from(w, (x, i) => (i % every === 0 ? 0 : x));
      return kept.map((x) => x / sum(kept));
    };
    const [a, b] = [thin(full.weights, 3), thin(other.weights, 4)];
    const [rows, columns] = [a, b].map((w) => w.flatMap((x, i) => (x > 0 ? [i] : []))) as [number[], number[]];
    for (const epsilon of [1, 0.1]) {
      const whole = sinkhorn(entropicProblem({ source: histogram(a), target: histogram(b), cost: costMatrix(C), epsilon }), options);
      const reduced = sinkhorn(
        entropicProblem({
          source: histogram(rows.map((i) => a[i]!)),
          target: histogram(columns.map((j) => b[j]!)),
          cost: costMatrix(rows.map((i) => columns.map((j) => C[i]![j]!))),
          epsilon,
        }),
        options,
      );
      expect(whole.status).toBe('converged');
      expect(numbersOf(whole).every(Number.isFinite)).toBe(true);
      expect(whole.gradients().a.every(Number.isFinite)).toBe(true);
      expect(whole.value.primal).toBe(reduced.value.primal);
      const [P, Q] = [whole.plan(), reduced.plan()];
      expect(sum(P.to1DArray())).toBeCloseTo(1, 11);
      rows.forEach((i, r) => {
        columns.forEach((j, c) => {
          expect(P.get(i, j)).toBe(Q.get(r, c));
        });
      });
      expect(largestDifference(P.getRow(0), new Array<number>(75).fill(0))).toBe(0);
    }
  });

  it('case 20: between grids as between clouds', () => {
    const random = randomSource(20);
    const image = (shape: number[]) => {
      const raw = Array.from({ length: shape[0]! * shape[1]! }, () => random.uniform() ** 2);
      return gridMarginal({ shape, weights: raw.map((w) => w / sum(raw)), spacing: 0.1 });
    };
    const [source, target] = [image([18, 16]), image([15, 17])];
    const cloud = ({ points, weights }: DiscreteMarginal) => discreteMarginal({ points, weights });
    const grid = sinkhorn(entropicProblem({ source, target, epsilon: { ofMeanCost: 0.2 } }), options);
    const points = sinkhorn(entropicProblem({ source: cloud(source), target: cloud(target), epsilon: { ofMeanCost: 0.2 } }), options);
    expect([grid.status, points.status]).toEqual(['converged', 'converged']);
    expect(largestDifference(grid.plan().to1DArray(), points.plan().to1DArray())).toBeLessThan(1e-10);
    for (const name of ['linear', 'kl', 'entropy', 'primal', 'dual'] as const) expect(grid.value[name]).toBeCloseTo(points.value[name], 10);
  });
});

describe('case 25: a batch is a loop', () => {
  it.each(WAYS)('$method on $engine', (way) => {
    const random = randomSource(25);
    const clouds = [9, 14, 70].map((n) => randomMarginal(n, 2, random));
    const sides = [{}, { source: { kl: 1 } }, { source: { kl: 0.4 }, target: { kl: 2 } }];
    const problems = clouds.flatMap((source, i) =>
      clouds.map((target, j) => entropicProblem({ source, target, epsilon: 0.5, marginals: sides[(i + j) % 3]! })),
    );
    const answers = sinkhornBatch(problems, way);
    expect(answers).toHaveLength(9);
    problems.forEach((problem, k) => {
      const alone = sinkhorn(problem, way);
      expect(alone.status).toBe('converged');
      expect(answers[k]!.potentials).toEqual(alone.potentials);
      expect(answers[k]!.value).toEqual(alone.value);
    });
  });
});

describe('case 19: on the fly is dense, with bounded memory', () => {
  /** Sizes around the blocks of the kernels, primes, and one beyond 4096 pairs, where single precision begins. */
  const SIZES = [1, 2, 3, 4, 5, 7, 8, 13, 16, 31, 32, 33, 63, 64, 65, 97];

  it.each(['wasm', 'typescript'] as const)('every size on %s', (engine) => {
    SIZES.forEach((n, k) => {
      const m = SIZES[(k + 5) % SIZES.length]!;
      for (const dimension of [1, 2, 3, 5]) {
        const random = randomSource(100 * n + dimension);
        const [source, target] = [randomMarginal(n, dimension, random), randomMarginal(m, dimension, random)];
        const C = squaredDistances(source.points, target.points);
        const epsilon = 0.2 * dimension;
        // Points alone fit, costs do not: nothing is stored but vectors.
        const memory = 8 * dimension * (n + m + 62);
        const options: SinkhornOptions = { engine, tolerance: 1e-13, method: 'log' };
        const flying = sinkhorn(entropicProblem({ source, target, epsilon }), { ...options, memory });
        const stored = sinkhorn(entropicProblem({ source, target, cost: costMatrix(C), epsilon }), options);
        expect(flying.status).toBe(stored.status);
        expect(flying.stats.matrixPasses).toBe(0);
        const v = Float64Array.from({ length: m }, () => random.normal());
        expect(largestDifference(flying.apply(v), stored.apply(v))).toBeLessThan(1e-12);
        expect(largestDifference(flying.plan().to1DArray(), stored.plan().to1DArray())).toBeLessThan(1e-12);
        for (const name of ['linear', 'kl', 'primal', 'dual'] as const) expect(flying.value[name]).toBeCloseTo(stored.value[name], 12);
      }
    });
  });

  it.each([
    ['points', 8 * 2 * 2 * 132, false],
    ['costs', 8 * 160 * 160, false],
    ['costs and kernels', 20 * 160 * 160 + 4096, true],
    ['plenty', 1e8, true],
  ])('whatever there is room for: %s', (_, memory, stored) => {
    const random = randomSource(19);
    const [source, target] = [randomMarginal(101, 2, random), randomMarginal(99, 2, random)];
    const problem = entropicProblem({ source, target, epsilon: 0.3 });
    const reference = sinkhorn(problem, { tolerance: 1e-13, method: 'log' });
    const answer = sinkhorn(problem, { tolerance: 1e-13, memory });
    expect(answer.status).toBe('converged');
    expect(largestDifference(answer.plan().to1DArray(), reference.plan().to1DArray())).toBeLessThan(1e-12);
    expect(answer.stats.matrixPasses > 0).toBe(stored);
  });

  it('memory beyond the limit says how much is needed and what avoids it', () => {
    const random = randomSource(19);
    const [source, target] = [randomMarginal(200, 2, random), randomMarginal(200, 2, random)];
    const C = squaredDistances(source.points, target.points);
    const given = entropicProblem({ source, target, cost: costMatrix(C), epsilon: 1 });
    expect(() => sinkhorn(given, { memory: 1e5 })).toThrow(DomainError);
    expect(() => sinkhorn(given, { memory: 1e5 })).toThrow(
      /^sinkhorn: .*need 0\.000401 GB.*limit of 0\.000100 GB.*(memory|squaredEuclidean)/,
    );
    expect(sinkhorn(entropicProblem({ source, target, cost: squaredEuclidean(), epsilon: 1 }), { memory: 1e5 }).status).toBe('converged');
  });
});
