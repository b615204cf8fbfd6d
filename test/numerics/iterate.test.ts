import { describe, expect, it } from 'vitest';
import { ConvergenceError } from '../../src/errors.ts';
import { type Iteration, iterate, iterateAsync, type Progress } from '../../src/numerics/iterate.ts';

/** Error 1, 1/2, 1/4, … */
const halving: Iteration<number> = { path: 'halve', initial: () => 1, step: (x) => x / 2, error: (x) => x };
/** Error falls to the floor and stays there. */
const floored = (floor: number): Iteration<number> => ({ ...halving, step: (x) => Math.max(x / 2, floor) });

describe('status', () => {
  it('converged without a step when the start is good enough', () => {
    const run = iterate(halving, { tolerance: 1 });
    expect(run).toMatchObject({ status: 'converged', iterations: 0, state: 1, error: 1 });
    expect(Array.from(run.errors)).toEqual([1]);
  });

  it('converged wins over every limit that falls on the same step', () => {
    expect(iterate(halving, { tolerance: 0.25, maxIterations: 2, signal: AbortSignal.abort() }).status).toBe('aborted');
    expect(iterate(halving, { tolerance: 0.25, maxIterations: 2 }).status).toBe('converged');
    expect(iterate(halving, { tolerance: 1, signal: AbortSignal.abort() }).status).toBe('converged');
  });

  it('stagnated only after 50 steps without a tenth of progress below the rounding floor, or 2000 where none is known', () => {
    const stuck = iterate(floored(1e-3), { tolerance: 1e-6 });
    expect(stuck).toMatchObject({ status: 'stagnated', error: 1e-3 });
    expect(stuck.iterations).toBe(2000 + 10);
    const rounding = iterate({ ...floored(1e-3), roundingFloor: () => 1e-2 }, { tolerance: 1e-6 });
    expect(rounding).toMatchObject({ status: 'stagnated', iterations: 50 + 10 });
    // Above the floor it is not rounding that stops progress.
    const slow = iterate({ ...floored(1e-3), roundingFloor: () => 1e-4 }, { tolerance: 1e-6, maxIterations: 5000 });
    expect(slow).toMatchObject({ status: 'max-iterations', iterations: 5000 });
  });

  it('slow progress is no stagnation', () => {
    const slow: Iteration<number> = { ...halving, step: (x) => x * 0.9999 };
    expect(iterate(slow, { tolerance: 0.3, maxIterations: 20_000 }).status).toBe('converged');
    // 2 % in 2000 steps is.
    const crawling: Iteration<number> = { ...halving, step: (x) => x * 0.99999 };
    expect(iterate(crawling, { tolerance: 0.3 })).toMatchObject({ status: 'stagnated', iterations: 2000 });
  });

  it('diverged as soon as the error is NaN, at the start too, with the trace so far', () => {
    const run = iterate({ ...halving, step: (x) => (x > 0.3 ? x / 2 : Number.NaN) }, { tolerance: 1e-9 });
    expect(run).toMatchObject({ status: 'diverged', iterations: 3 });
    expect(Array.from(run.errors)).toEqual([1, 0.5, 0.25, Number.NaN]);
    expect(iterate({ ...halving, initial: () => Number.NaN }, {})).toMatchObject({ status: 'diverged', iterations: 0 });
  });

  it('time-limit and aborted keep the answer so far', async () => {
    const busy: Iteration<number> = {
      ...floored(0.01),
      step(x) {
        const until = performance.now() + 2;
        while (performance.now() < until);
        return Math.max(x / 2, 0.01);
      },
    };
    const timed = iterate(busy, { tolerance: 1e-9, timeLimit: 0.03 });
    expect(timed.status).toBe('time-limit');
    expect(timed.iterations).toBeGreaterThan(2);
    expect(timed.error).toBe(Math.max(2 ** -timed.iterations, 0.01));
    expect(timed.seconds).toBeGreaterThan(0.03);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 30);
    // The timer can only fire because the run gives up the thread.
    const aborted = await iterateAsync(busy, { tolerance: 1e-9, signal: controller.signal, timeLimit: 10 });
    expect(aborted.status).toBe('aborted');
    expect(aborted.error).toBe(Math.max(2 ** -aborted.iterations, 0.01));
  });
});

describe('progress and failure', () => {
  it('is reported for every check, with rising time', () => {
    const seen: Progress[] = [];
    iterate(halving, { tolerance: 0.1, onProgress: (progress) => seen.push(progress) });
    expect(seen.map(({ iteration, error }) => [iteration, error])).toEqual([
      [0, 1],
      [1, 0.5],
      [2, 0.25],
      [3, 0.125],
      [4, 0.0625],
    ]);
    for (let i = 1; i < seen.length; i++) expect(seen[i]!.seconds).toBeGreaterThanOrEqual(seen[i - 1]!.seconds);
  });

  it('throws what it would have said, when asked to, synchronously and not', async () => {
    const options = { tolerance: 1e-9, maxIterations: 3, onFailure: 'throw' } as const;
    expect(() => iterate(halving, options)).toThrow(ConvergenceError);
    expect(() => iterate(halving, options)).toThrow(
      'halve: max-iterations after 3 iterations with error 0.125; raise maxIterations or tolerance',
    );
    await expect(iterateAsync(halving, options)).rejects.toThrow(ConvergenceError);
    expect(iterate(halving, { ...options, tolerance: 0.2 }).status).toBe('converged');
  });

  it('asynchronous runs are the same to the bit', async () => {
    const options = { tolerance: 1e-12 };
    const [one, two] = [iterate(halving, options), await iterateAsync(halving, options)];
    expect({ ...two, seconds: 0 }).toEqual({ ...one, seconds: 0 });
  });
});
