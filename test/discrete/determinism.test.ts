import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { costMatrix } from '../../src/costs/index.ts';
import { type EntropicProblem, entropicProblem, transportProblem } from '../../src/couplings/index.ts';
import {
  barycenter,
  type DiscreteCoupling,
  exactTransport,
  exactTransportAsync,
  type SinkhornOptions,
  sinkhorn,
  sinkhornAsync,
  sinkhornDivergence,
} from '../../src/discrete/index.ts';
import { METHODS } from '../../src/discrete/solver.ts';
import { discreteMarginal, gridMarginal } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { sum, WAYS } from './every-way.ts';
import { randomMarginal } from './oracles.ts';

/** A digest of every bit that a user can read, but for the seconds. */
function bits(answer: DiscreteCoupling): string {
  const { potentials, value, errors, error, status, iterations, source, target } = answer;
  const hash = createHash('sha256');
  const products = [answer.apply(target.weights.map(Math.sqrt)), answer.applyTranspose(source.weights.map(Math.sqrt))];
  const moments = answer.moments().crossCovariance.to1DArray();
  for (const v of [potentials.f, potentials.g, errors, ...products, Float64Array.from(moments), answer.plan().to1DArray()]) {
    hash.update(Float64Array.from(v));
  }
  hash.update(Float64Array.from([value.linear, value.kl, value.entropy, value.primal, value.dual, error, iterations]));
  hash.update(status);
  return hash.digest('hex');
}

function clouds(n: number, m: number, dimension: number, seed: number) {
  const random = randomSource(seed);
  return { source: randomMarginal(n, dimension, random), target: randomMarginal(m, dimension, random) };
}

/** A problem large enough for threads: 250 000 pairs and more. */
const large = entropicProblem({ ...clouds(517, 491, 2, 1), epsilon: { ofMeanCost: 0.03 } });

describe('the same bits for every number of threads', () => {
  const solve = (problem: EntropicProblem, options: SinkhornOptions): { bits: string; threads: number } => {
    const answer = sinkhorn(problem, { maxIterations: 60, tolerance: 1e-7, ...options });
    return { bits: bits(answer), threads: answer.stats.threads };
  };

  it.each(METHODS)('%s', (method) => {
    const alone = solve(large, { method, threads: 1 });
    expect(alone.threads).toBe(1);
    for (const threads of [2, 3, 4]) expect(solve(large, { method, threads }).bits).toBe(alone.bits);
    expect(solve(large, { method }).bits).toBe(alone.bits);
  });

  it.each([
    ['stored costs', (threads: number) => solve(entropicProblem({ ...clouds(517, 491, 7, 2), epsilon: 3 }), { threads })],
    ['on the fly', (threads: number) => solve(large, { threads, memory: 1e5 })],
    [
      'penalised',
      (threads: number) =>
        solve(entropicProblem({ ...clouds(517, 491, 2, 3), epsilon: 0.1, marginals: { source: { kl: 1 }, target: { kl: 2 } } }), {
          threads,
        }),
    ],
    [
      'partial',
      (threads: number) =>
        solve(
          entropicProblem({ ...clouds(517, 491, 2, 3), epsilon: 0.1, marginals: { source: 'at-most', target: 'at-most', mass: 0.5 } }),
          {
            threads,
          },
        ),
    ],
    ['divergence', (threads: number) => ({ bits: bits(sinkhornDivergence(large, { threads, tolerance: 1e-5 }).couplings.source) })],
    [
      'barycenter',
      (threads: number) => {
        const { source, target } = clouds(517, 491, 2, 9);
        const problem = { measures: [source, target], epsilon: 2, support: source.points };
        return { bits: bits(barycenter(problem, { threads, tolerance: 1e-3 }).couplings[1]!) };
      },
    ],
  ])('%s', (_, run) => {
    const alone = run(1);
    for (const threads of [2, 3, 4]) expect(run(threads).bits).toBe(alone.bits);
  });

  it('and threads did take part', () => {
    const end = performance.now() + 4000;
    let most = 1;
    const alone = solve(large, { threads: 1 }).bits;
    while (most < 2 && performance.now() < end) {
      const run = solve(large, { threads: 2 });
      expect(run.bits).toBe(alone);
      most = Math.max(most, run.threads);
    }
    expect(most).toBe(2);
  });
});

describe('the same bits with and without holding the thread', () => {
  it.each(WAYS)('$method on $engine', async (way) => {
    const problem = entropicProblem({ ...clouds(60, 71, 2, 4), epsilon: { ofMeanCost: 0.05 } });
    const options = { ...way, maxIterations: 300 };
    expect(bits(await sinkhornAsync(problem, options))).toBe(bits(sinkhorn(problem, options)));
  });

  it('several at once, each giving way to the others, with threads', async () => {
    const problems = [0.2, 0.1, 0.05].map((share, k) => entropicProblem({ ...clouds(517, 491, 2, 5 + k), epsilon: { ofMeanCost: share } }));
    const together = await Promise.all(problems.map((problem) => sinkhornAsync(problem, { tolerance: 1e-6, threads: 2 })));
    problems.forEach((problem, k) => {
      expect(bits(together[k]!)).toBe(bits(sinkhorn(problem, { tolerance: 1e-6, threads: 1 })));
    });
  });

  it('exact transport', async () => {
    const problem = transportProblem(clouds(90, 80, 2, 6));
    expect(bits(await exactTransportAsync(problem))).toBe(bits(exactTransport(problem)));
  });
});

describe('the same bits whatever was solved before', () => {
  const random = randomSource(7);
  const image = (shape: number[]) => {
    const raw = Array.from({ length: shape[0]! * shape[1]! }, () => random.uniform());
    return gridMarginal({ shape, weights: raw.map((w) => w / sum(raw)), spacing: 0.1 });
  };
  const [left, right] = [image([15, 16]), image([16, 15])];
  const { source, target } = clouds(40, 37, 3, 8);
  const duplicated = discreteMarginal({ points: source.points, weights: source.weights.map((w, i) => (i % 5 === 0 ? 0 : w)) });
  const C = Array.from({ length: 40 }, () =>
    Array.from({ length: 37 }, () => (random.uniform() < 0.05 ? Number.POSITIVE_INFINITY : random.normal())),
  );
  const mix: readonly (() => string)[] = [
    () => bits(sinkhorn(entropicProblem({ source, target, epsilon: 0.3 }))),
    () => bits(sinkhorn(entropicProblem({ source, target, epsilon: 0.3 }), { method: 'log' })),
    () => bits(sinkhorn(entropicProblem({ source, target, epsilon: 0.3, marginals: { target: { kl: 0.5 } } }))),
    () => bits(sinkhorn(entropicProblem({ source, target, cost: costMatrix(C), epsilon: 0.5 }), { maxIterations: 500 })),
    () => bits(sinkhorn(entropicProblem({ source: duplicated, target, epsilon: { ofMeanCost: 0.5 }, marginals: { source: { kl: 3 } } }))),
    () => bits(sinkhorn(large, { tolerance: 1e-5 })),
    () => bits(sinkhorn(entropicProblem({ source: left, target: right, epsilon: 0.4 }))),
    () => bits(exactTransport(transportProblem({ source, target }))),
  ];

  it('in order, in reverse order, and twice over', () => {
    const first = mix.map((run) => run());
    const reverse = [...mix]
      .reverse()
      .map((run) => run())
      .reverse();
    expect(reverse).toEqual(first);
    mix.forEach((run, k) => expect([run(), run()]).toEqual([first[k], first[k]]));
    expect(new Set(first).size).toBe(mix.length);
  });
});
