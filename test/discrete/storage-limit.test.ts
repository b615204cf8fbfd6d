import { describe, expect, it } from 'vitest';
import { costFunction, euclidean, squaredEuclidean } from '../../src/costs/index.ts';
import { entropicProblem, transportProblem } from '../../src/couplings/index.ts';
import { barycenter, exactTransport, sinkhorn, sinkhornBatch, sinkhornDivergence } from '../../src/discrete/index.ts';
import { DomainError } from '../../src/errors.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { randomMarginal } from './oracles.ts';

const random = randomSource(1);
const [source, target] = [randomMarginal(65, 2, random), randomMarginal(70, 2, random)];
/** 96 × 96 numbers, padding included. */
const NEEDED = 8 * 96 * 96;

describe('costs that would have to be stored above the limit', () => {
  const cost = costFunction(() => {
    throw new Error('evaluated');
  });
  const problem = entropicProblem({ source, target, epsilon: 1, cost });
  const memory = NEEDED - 1;

  it.each([
    ['sinkhorn', () => sinkhorn(problem, { memory })],
    [
      'sinkhorn',
      () =>
        sinkhorn(entropicProblem({ source, target, epsilon: 1, cost, marginals: { source: 'at-most', target: 'at-most', mass: 0.5 } }), {
          memory,
        }),
    ],
    ['sinkhornBatch: problems\\[0\\]', () => sinkhornBatch([problem], { memory })],
    ['sinkhornDivergence', () => sinkhornDivergence(problem, { memory })],
    ['barycenter', () => barycenter({ measures: [source, target], epsilon: 1, cost, support: source.points }, { memory: 8 * 96 * 95 })],
    ['exactTransport', () => exactTransport(transportProblem({ source, target, cost }), { memory })],
  ])('%s: refused before one is evaluated, with what is needed and what avoids it', (path, run) => {
    expect(run).toThrow(DomainError);
    expect(run).toThrow(
      new RegExp(`^${path}: 65 × (65|70) costs need 0\\.0000737 GB, above the limit of 0\\.00007[0-9]+ GB; raise memory, or use `),
    );
  });

  it('just below, they are stored', () => {
    const near = entropicProblem({ source, target, epsilon: 1, cost: euclidean() });
    expect(sinkhorn(near, { memory: NEEDED }).status).toBe('converged');
    expect(exactTransport(transportProblem({ source, target, cost: euclidean() }), { memory: NEEDED }).status).toBe('converged');
  });

  it('exact transport stores squared distances too', () => {
    const squared = transportProblem({ source, target, cost: squaredEuclidean() });
    expect(() => exactTransport(squared, { memory })).toThrow(/^exactTransport: 65 × 70 costs need .*; raise memory, or use sinkhorn$/);
    expect(() => exactTransport(squared, { memory: 0 })).toThrow(/^exactTransport: memory must be a number of bytes > 0, got 0; /);
    const [x, y] = [randomMarginal(65, 1, random), randomMarginal(70, 1, random)];
    expect(exactTransport(transportProblem({ source: x, target: y }), { memory: 1 }).status).toBe('converged');
  });
});
