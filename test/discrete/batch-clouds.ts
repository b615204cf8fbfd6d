import { type EntropicProblem, entropicProblem } from '../../src/couplings/index.ts';
import { type DiscreteCoupling, type SinkhornBatchOptions, sinkhorn, sinkhornBatch, sinkhornBatchAsync } from '../../src/discrete/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { randomMarginal } from './oracles.ts';

const COARSE = { tolerance: 1e-4 } as const;

/** Problems between clouds of n points. */
export function clouds(count: number, n: number): EntropicProblem[] {
  const random = randomSource(count);
  return Array.from({ length: count }, () =>
    entropicProblem({ source: randomMarginal(n, 2, random), target: randomMarginal(n, 2, random), epsilon: { ofMeanCost: 0.2 } }),
  );
}

const read = ({ iterations, errors, potentials }: DiscreteCoupling): object => ({ iterations, errors, potentials });

export function loopOf(problems: readonly EntropicProblem[]): object[] {
  return problems.map((problem) => read(sinkhorn(problem, { ...COARSE, threads: 1 })));
}

export function batchOf(problems: readonly EntropicProblem[], options: SinkhornBatchOptions): object[] {
  return sinkhornBatch(problems, { ...COARSE, ...options }).map(read);
}

export async function batchOfAsync(problems: readonly EntropicProblem[], options: SinkhornBatchOptions): Promise<object[]> {
  return (await sinkhornBatchAsync(problems, { ...COARSE, ...options })).map(read);
}
