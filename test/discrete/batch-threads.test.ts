import { beforeAll, describe, expect, it } from 'vitest';
import { batchThreads } from '#batch-threads';
import { costMatrix, euclidean, halfSquaredEuclidean } from '../../src/costs/index.ts';
import { type EntropicProblem, entropicProblem } from '../../src/couplings/index.ts';
import { type DiscreteCoupling, sinkhorn, sinkhornBatch, sinkhornBatchAsync } from '../../src/discrete/index.ts';
import { runSolves, runSolvesAsync } from '../../src/discrete/prepared-solve.ts';
import { type SharedBatch, shareSolves } from '../../src/discrete/shared-solves.ts';
import { prepareSinkhorn, SINKHORN_OPTIONS, type SinkhornOptions } from '../../src/discrete/sinkhorn.ts';
import { ConvergenceError, InfeasibleError } from '../../src/errors.ts';
import { compileTransport } from '../../src/kernels/wasm-module.ts';
import { gridMarginal, histogram } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { runInOwnProcess, sourceFile } from '../kernels/own-process.ts';
import { randomCosts, randomMarginal } from './oracles.ts';

const random = randomSource(11);
const weights = (count: number, holes = 0): number[] => {
  const raw = Array.from({ length: count }, (_, i) => (i < holes ? 0 : 0.05 + random.uniform()));
  const mass = raw.reduce((sum, w) => sum + w, 0);
  return raw.map((w) => w / mass);
};

/** Problems of every kind: those that go to workers in all forms, and those that stay with the caller. */
function mixed(): EntropicProblem[] {
  const [p, q, r] = [120, 90, 101].map((n) => randomMarginal(n, 2, random)) as [never, never, never];
  const [wide, wider] = [70, 60].map((n) => randomMarginal(n, 5, random)) as [never, never];
  const shared = costMatrix(randomCosts(80, 75, 5));
  const holes = costMatrix(randomCosts(30, 31, 6).map((row, i) => row.map((c, j) => ((i + j) % 7 === 3 ? Number.POSITIVE_INFINITY : c))));
  const image = (): ReturnType<typeof gridMarginal> => gridMarginal({ shape: [16, 16], weights: weights(256), spacing: 0.2 });
  return [
    entropicProblem({ source: p, target: q, epsilon: { ofMeanCost: 0.01 } }),
    entropicProblem({ source: q, target: r, epsilon: 0.05, cost: halfSquaredEuclidean() }),
    entropicProblem({ source: wide, target: wider, epsilon: 0.5 }),
    entropicProblem({ source: p, target: r, epsilon: 0.1, marginals: { source: { kl: 1 }, target: { kl: 0.3 } } }),
    entropicProblem({ source: p, target: r, epsilon: 0.1, marginals: { source: { kl: 1 } } }),
    ...[1, 0.1].map((epsilon) => entropicProblem({ source: p, target: q, epsilon, cost: euclidean() })),
    entropicProblem({ source: p, target: q, epsilon: 0.3, marginals: { source: 'at-most', target: 'at-most', mass: 0.4 } }),
    entropicProblem({ source: image(), target: image(), epsilon: 0.1 }),
    ...[0, 0, 3].map((h) =>
      entropicProblem({ source: histogram(weights(80, h)), target: histogram(weights(75, h)), cost: shared, epsilon: 0.2 }),
    ),
    entropicProblem({ source: histogram(weights(30)), target: histogram(weights(31)), cost: holes, epsilon: 0.5 }),
  ];
}

/** A batch that is shared whatever its size. */
function sharedBatch(problems: readonly EntropicProblem[], options: SinkhornOptions, more: Partial<SharedBatch> = {}): SharedBatch {
  return {
    first: 0,
    count: problems.length,
    workers: 2,
    kernels: options.engine === 'typescript' ? undefined : compileTransport(false),
    prepare: (k) => prepareSinkhorn(`batch: problems[${k}]`, problems[k]!, options, SINKHORN_OPTIONS),
    shareable: () => true,
    ...more,
  };
}

const threadsOf = (answers: readonly DiscreteCoupling[]): number[] => answers.map(({ stats }) => stats.batchThread ?? -1);

function sameBits(batch: readonly DiscreteCoupling[], loop: readonly DiscreteCoupling[]): void {
  expect(batch).toHaveLength(loop.length);
  batch.forEach((coupling, k) => {
    const alone = loop[k]!;
    expect(coupling.status).toBe(alone.status);
    expect(coupling.iterations).toBe(alone.iterations);
    expect(coupling.error).toBe(alone.error);
    expect(coupling.errors).toEqual(alone.errors);
    expect(coupling.potentials).toEqual(alone.potentials);
    expect(coupling.value).toEqual(alone.value);
    const [levels, passes] = [coupling.stats.levels, coupling.stats.matrixPasses];
    expect(levels).toEqual(alone.stats.levels);
    expect(passes).toBe(alone.stats.matrixPasses);
    expect(levels === undefined || Object.isFrozen(levels)).toBe(true);
  });
}

/** A worker is up after a moment; then it is at rest between batches. */
beforeAll(() => {
  const problems = Array.from({ length: 24 }, () => mixed()[0]!);
  const end = performance.now() + 30_000;
  while (performance.now() < end) {
    if (threadsOf(runSolves(shareSolves(sharedBatch(problems, {})))!).some((thread) => thread > 0)) return;
  }
});

describe('a batch on several threads', () => {
  it.each([{}, { engine: 'typescript' }, { tolerance: 1e-4, method: 'sinkhorn' }, { maxIterations: 5 }] as const)(
    'has the bits of a loop, with %o',
    async (options: SinkhornOptions) => {
      const problems = [...mixed(), ...mixed(), ...mixed()];
      const fit = problems.filter(({ marginals }) => options.method === undefined || marginals.source !== 'at-most');
      const loop = fit.map((problem) => sinkhorn(problem, options));
      const used = new Set<number>();
      for (let turn = 0; turn < 3; turn++) {
        const batch = runSolves(shareSolves(sharedBatch(fit, options)))!;
        sameBits(batch, loop);
        for (const thread of threadsOf(batch)) used.add(thread);
      }
      sameBits((await runSolvesAsync(shareSolves(sharedBatch(fit, options))))!, loop);
      // The caller and a worker at least; −1 is what the caller solves with threads of its own.
      expect([...used].filter((thread) => thread >= 0).length).toBeGreaterThan(1);
    },
  );

  it('is what sinkhornBatch does when there is enough to do', async () => {
    const cloud = (n: number): ReturnType<typeof randomMarginal> => randomMarginal(n, 2, random);
    const problems = Array.from({ length: 24 }, () =>
      entropicProblem({ source: cloud(800), target: cloud(700), epsilon: { ofMeanCost: 0.1 } }),
    );
    const loop = problems.map((problem) => sinkhorn(problem, { tolerance: 1e-6, threads: 1 }));
    const batch = sinkhornBatch(problems, { tolerance: 1e-6, threads: 2 });
    sameBits(batch, loop);
    expect(new Set(threadsOf(batch))).toEqual(new Set([0, 1]));
    expect(batch.every(({ stats }) => stats.threads === 1 && stats.seconds > 0)).toBe(true);
    expect(new Set(threadsOf(await sinkhornBatchAsync(problems, { tolerance: 1e-6, threads: 2 })))).toEqual(new Set([0, 1]));
    expect(new Set(threadsOf(sinkhornBatch(problems, { tolerance: 1e-6, threads: 1 })))).toEqual(new Set([-1]));
    expect(new Set(threadsOf(sinkhornBatch(problems, { tolerance: 1e-6, threads: 2, onProgress: () => undefined })))).toEqual(
      new Set([-1]),
    );
  });

  it('throws what a loop would throw first', async () => {
    const good = mixed().slice(0, 7);
    const stranded = entropicProblem({
      source: histogram([0.5, 0.5]),
      target: histogram([0.9, 0.1]),
      epsilon: 1,
      cost: costMatrix([
        [0, Number.POSITIVE_INFINITY],
        [Number.POSITIVE_INFINITY, 0],
      ]),
    });
    const problems = [...good, ...good, ...good, stranded, ...good, stranded, ...good];
    for (let turn = 0; turn < 3; turn++) {
      expect(() => runSolves(shareSolves(sharedBatch(problems, {})))).toThrow(InfeasibleError);
      expect(() => runSolves(shareSolves(sharedBatch(problems, {})))).toThrow(/problems\[21\]/);
      await expect(runSolvesAsync(shareSolves(sharedBatch(problems, {})))).rejects.toThrow(/problems\[21\]/);
    }
    // An answer that a worker brings may be the error.
    const { source, target } = good[0]!;
    const slow = entropicProblem({ source, target, epsilon: 1e-4 });
    const late = [...good, ...good, slow, slow, ...good, stranded];
    const options = { onFailure: 'throw', maxIterations: 60, tolerance: 1e-3 } as const;
    for (let turn = 0; turn < 3; turn++) {
      expect(() => runSolves(shareSolves(sharedBatch(late, options)))).toThrow(ConvergenceError);
      expect(() => runSolves(shareSolves(sharedBatch(late, options)))).toThrow(/problems\[14\]/);
    }
  });

  it('stops when told, and when time is up', async () => {
    const hard = entropicProblem({ source: randomMarginal(400, 2, random), target: randomMarginal(400, 2, random), epsilon: 0.01 });
    const problems = Array.from({ length: 12 }, () => hard);
    const options = { method: 'sinkhorn', tolerance: 0, scaling: false } as const;
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 100);
    const aborted = await runSolvesAsync(shareSolves(sharedBatch(problems, options, { signal: stop.signal })));
    expect(new Set(aborted!.map(({ status }) => status))).toEqual(new Set(['aborted']));
    expect(Math.max(...aborted!.map(({ iterations }) => iterations))).toBeGreaterThan(0);
    const began = performance.now();
    const late = runSolves(shareSolves(sharedBatch(problems, options, { deadline: batchThreads.clock() + 0.2 })));
    expect(new Set(late!.map(({ status }) => status))).toEqual(new Set(['time-limit']));
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

describe('a process with workers of a batch', () => {
  it.each(['returns', 'throws'])('ends by itself when the batch %s', (fate) => {
    const contents = `
      import { entropicProblem } from ${sourceFile('couplings/index.ts')};
      import { sinkhornBatch } from ${sourceFile('discrete/index.ts')};
      import { discreteMarginal } from ${sourceFile('marginals/index.ts')};
      const cloud = (shift) => discreteMarginal({ points: Array.from({ length: 1000 }, (_, i) => [Math.sin(i) + shift, Math.cos(3 * i)]) });
      const problems = Array.from({ length: 40 }, (_, k) => entropicProblem({ source: cloud(0), target: cloud(k), epsilon: { ofMeanCost: 0.1 } }));
      const options = { threads: 2, tolerance: 1e-6, ...(${fate === 'throws'} ? { maxIterations: 1, onFailure: 'throw' } : {}) };
      try {
        const threads = new Set(sinkhornBatch(problems, options).map(({ stats }) => stats.batchThread));
        console.log(threads.has(1));
      } catch (error) {
        console.log(error.message.includes('problems[0]'));
      }`;
    expect(runInOwnProcess(contents)).toEqual({ status: 0, stdout: 'true', stderr: '' });
  });
});
