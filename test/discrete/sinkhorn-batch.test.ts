import { describe, expect, it } from 'vitest';
import { costFunction, costMatrix, euclidean } from '../../src/costs/index.ts';
import { type EntropicProblem, entropicProblem } from '../../src/couplings/index.ts';
import { type BatchProgress, sinkhorn, sinkhornBatch, sinkhornBatchAsync } from '../../src/discrete/index.ts';
import { ConvergenceError, DomainError, InfeasibleError, ShapeError } from '../../src/errors.ts';
import { histogram } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { randomCosts, randomMarginal } from './oracles.ts';

function mixed(): EntropicProblem[] {
  const random = randomSource(3);
  const marginals = [9, 12, 7].map((n) => randomMarginal(n, 2, random));
  const pairs = marginals.flatMap((source, i) => marginals.slice(i + 1).map((target) => ({ source, target })));
  const flat = entropicProblem({
    source: histogram([1, 2, 0]),
    target: histogram([0.5, 1.5]),
    cost: costMatrix(randomCosts(3, 2, 8)),
    epsilon: 1,
    marginals: { source: { kl: 1 }, target: { kl: 2 } },
  });
  return [
    ...pairs.map((pair) => entropicProblem({ ...pair, epsilon: 0.1 })),
    ...[1, 0.1].map((epsilon) => entropicProblem({ ...pairs[0]!, epsilon, cost: euclidean() })),
    entropicProblem({ ...pairs[1]!, epsilon: 0.3, marginals: { source: 'at-most', target: 'at-most', mass: 0.4 } }),
    flat,
  ];
}

describe('a batch of problems', () => {
  it('is a loop, to the bit', async () => {
    const problems = mixed();
    const loop = problems.map((problem) => sinkhorn(problem, { tolerance: 1e-10 }));
    for (const batch of [sinkhornBatch(problems, { tolerance: 1e-10 }), await sinkhornBatchAsync(problems, { tolerance: 1e-10 })]) {
      expect(batch).toHaveLength(problems.length);
      batch.forEach((coupling, k) => {
        expect(coupling.status).toBe('converged');
        expect(coupling.potentials.f).toEqual(loop[k]!.potentials.f);
        expect(coupling.potentials.g).toEqual(loop[k]!.potentials.g);
        expect(coupling.value).toEqual(loop[k]!.value);
        expect(coupling.iterations).toBe(loop[k]!.iterations);
      });
    }
    expect(sinkhornBatch([])).toEqual([]);
  });

  it('forms the costs of one pair of measures once', () => {
    let calls = 0;
    const cost = costFunction((x, y) => {
      calls++;
      return Math.abs(x[0]! - y[0]!);
    });
    const random = randomSource(1);
    const [source, target] = [randomMarginal(5, 1, random), randomMarginal(6, 1, random)];
    const problems = [2, 1, 0.5].map((epsilon) => entropicProblem({ source, target, epsilon, cost }));
    const batch = sinkhornBatch(problems);
    expect(calls).toBe(30);
    expect(batch[2]!.value.linear).toBe(sinkhorn(problems[2]!).value.linear);
  });

  it('reports which problem it is at, and stops where it is told', async () => {
    const problems = mixed();
    const seen: BatchProgress[] = [];
    sinkhornBatch(problems, { onProgress: (progress) => seen.push(progress) });
    expect([...new Set(seen.map(({ problem }) => problem))]).toEqual(problems.map((_, k) => k));
    expect(seen.every((progress) => progress.problems === problems.length)).toBe(true);
    const stop = new AbortController();
    const part = await sinkhornBatchAsync(problems, {
      signal: stop.signal,
      onProgress: ({ problem }) => {
        if (problem === 2) stop.abort();
      },
    });
    expect(part.map(({ status }) => status).slice(0, 2)).toEqual(['converged', 'converged']);
    expect(part[2]!.status).toBe('aborted');
    // What the first look finds solved needs no step.
    expect(part.slice(3).every(({ status, iterations }) => status === 'aborted' || iterations === 0)).toBe(true);
    expect(sinkhornBatch(problems, { timeLimit: 1e-9 }).some(({ status }) => status === 'time-limit')).toBe(true);
  });

  it('names the problem that is wrong', () => {
    const [good] = mixed();
    expect(() => sinkhornBatch(good as never)).toThrow(ShapeError);
    expect(() => sinkhornBatch([good!, {} as never])).toThrow(/sinkhornBatch: problems\[1\]/);
    expect(() => sinkhornBatch([good!], { initial: 1 } as never)).toThrow(/unknown option 'initial'/);
    expect(() => sinkhornBatch([good!], { maxIterations: 0, onFailure: 'throw' })).toThrow(ConvergenceError);
    expect(() => sinkhornBatch([good!], { method: 'fast' as never })).toThrow(DomainError);
    const stranded = entropicProblem({
      source: histogram([0.5, 0.5]),
      target: histogram([0.9, 0.1]),
      epsilon: 1,
      cost: costMatrix([
        [0, Number.POSITIVE_INFINITY],
        [Number.POSITIVE_INFINITY, 0],
      ]),
    });
    expect(() => sinkhornBatch([good!, stranded])).toThrow(InfeasibleError);
    expect(() => sinkhornBatch([good!, stranded])).toThrow(/problems\[1\]/);
  });
});
