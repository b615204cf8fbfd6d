import { describe, expect, test } from 'vitest';
import { DomainError } from '../../src/errors.ts';
import { paperFigures } from '../../src/reproduce/paper.ts';

describe('reproduce paper', () => {
  const shares: number[] = [];
  const run = paperFigures({ quick: true, seeds: 1, onProgress: (_, share) => shares.push(share) });

  test('at a short horizon W2 falls with the iterations, and no training of one iteration makes up for them', async () => {
    const { rows } = await run;
    for (const steps of [10, 20]) {
      const of = (method: string) => rows.find((row) => row['steps'] === steps && row.method === method)!['w2'] as number;
      const [first, second, third] = [1, 2, 3].map((i) => of(`DSB, iteration ${i}`)) as [number, number, number];
      expect(second).toBeLessThan(first);
      expect(third).toBeLessThan(second);
      expect(third).toBeLessThan(0.9 * of('score model, trained as long'));
      // One iteration fails: far from what two draws of the data differ by.
      const floor = rows.find((row) => row['steps'] === steps)!['floor'] as number;
      expect(of('score model, trained as long')).toBeGreaterThan(3 * floor);
      expect(floor).toBeGreaterThan(0.05);
    }
  });

  test('both are judged', async () => {
    const { checks, rows } = await run;
    expect(checks).toHaveLength(4);
    const of = (method: string) => rows.find((row) => row['steps'] === 20 && row.method === method)!['w2'] as number;
    const [falls, recovers] = checks.filter(({ name }) => name.startsWith('moons, T = 0.1, N = 20'));
    expect(falls!.value).toBeCloseTo(of('DSB, iteration 3') / of('DSB, iteration 1'), 12);
    expect(recovers!.value).toBeCloseTo(of('DSB, iteration 3') / of('score model, trained as long'), 12);
    expect(checks.map(({ verdict, limit }) => [verdict, limit])).toEqual(checks.map(() => ['pass', 1]));
  });

  test('pictures: a curve, and a panel for every iteration and time', async () => {
    const { figures } = await run;
    expect(figures.map(({ title }) => title)).toEqual(['W2 against the iteration', 'Marginals over the iterations: moons']);
    // Three iterations, five times, 160 dots each.
    expect(figures[1]!.svg.match(/<circle/g)).toHaveLength(3 * 5 * 160);
  });

  test('progress rises to the end, the signal stops it, and it has two dimensions', async () => {
    await run;
    expect(shares.every((share, i) => i === 0 || share >= shares[i - 1]! - 1e-12)).toBe(true);
    expect(shares.at(-1)).toBeGreaterThan(0.9);
    expect(shares.at(-1)).toBeLessThanOrEqual(1);
    await expect(paperFigures({ quick: true, signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    await expect(paperFigures({ dimension: 3 })).rejects.toThrow(DomainError);
  });
});
