import { describe, expect, it } from 'vitest';
import { costMatrix } from '../../src/costs/index.ts';
import { entropicProblem } from '../../src/couplings/index.ts';
import { sinkhorn, sinkhornAsync, sinkhornBatch } from '../../src/discrete/index.ts';
import { InfeasibleError } from '../../src/errors.ts';
import { histogram } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';

/** Only the seven pairs around the diagonal are allowed: many pivots, which lead mass along the whole chain. */
function band(n: number, extra = 0, marginals: Parameters<typeof entropicProblem>[0]['marginals'] = {}) {
  const random = randomSource(3);
  const raw = Array.from({ length: n }, () => 0.5 + random.uniform());
  const total = raw.reduce((sum, w) => sum + w, 0);
  const weights = raw.map((w) => w / total);
  const infinite = Number.POSITIVE_INFINITY;
  const costs = weights.map((_, i) => weights.map((_, j) => (Math.abs(i - j) <= 3 ? random.uniform() : infinite)));
  // The last point is to have more than those around it.
  const target = weights.map((w, j) => (1 - extra) * w + (j === n - 1 ? extra : 0));
  return entropicProblem({ source: histogram(weights), target: histogram(target), cost: costMatrix(costs), epsilon: 0.1, marginals });
}

describe('the test whether forbidden pairs leave a plan', () => {
  const large = band(1500);
  const partial = band(1500, 0, { source: 'exact', target: 'at-most' });

  it.each([
    ['balanced', large],
    ['partial', partial],
  ])('obeys the time limit, with the status of any other solve: %s', (_, problem) => {
    const answer = sinkhorn(problem, { timeLimit: 0.1 });
    expect(answer.status).toBe('time-limit');
    // All of the time went into the test.
    expect(answer.iterations).toBe(0);
    expect(answer.error).toBeGreaterThan(1e-9);
    expect(answer.potentials.g.every(Number.isFinite)).toBe(true);
    expect(answer.warnings.join()).toContain('time-limit');
    expect(sinkhornBatch([problem, problem], { timeLimit: 0.1 }).map(({ status }) => status)).toEqual(['time-limit', 'time-limit']);
  });

  it.each([
    ['balanced', large],
    ['partial', partial],
  ])('gives up the thread and obeys a signal: %s', async (_, problem) => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 30);
    const answer = await sinkhornAsync(problem, { signal: stop.signal });
    expect(answer.status).toBe('aborted');
    expect(answer.iterations).toBe(0);
  });

  it('is asked to the end without one: in time, later, and in batches', async () => {
    expect(sinkhorn(band(300)).status).toBe('converged');
    // 800 points need more than is done at once.
    const fine = await sinkhornAsync(band(800), { tolerance: 1e-6 });
    expect(fine.status).toBe('converged');
    expect(fine.error).toBeLessThanOrEqual(1e-6);
    for (const n of [300, 800]) {
      const impossible = band(n, 0.05);
      expect(() => sinkhorn(impossible)).toThrow(InfeasibleError);
      expect(() => sinkhorn(impossible)).toThrow(/^sinkhorn: no plan avoids the forbidden pairs, mass 0\.\d+ is stranded/);
      expect(() => sinkhornBatch([band(50), impossible])).toThrow(/^sinkhornBatch: problems\[1\]: no plan avoids/);
      await expect(sinkhornAsync(impossible)).rejects.toThrow(InfeasibleError);
    }
  });
});
