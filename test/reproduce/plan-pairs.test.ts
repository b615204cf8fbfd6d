import { describe, expect, test } from 'vitest';
import { bridgeProblem, brownian, dataMarginal, randomSource, shapes, sinkhornBridge } from '../../src/index.ts';
import { pairsOfPlan, systematicPairs } from '../../src/reproduce/plan-pairs.ts';

const N = 160;
const PER_ROW = 50;

describe('systematic pairs of a plan', () => {
  const random = randomSource(5);
  const problem = bridgeProblem({
    source: dataMarginal(shapes.moons({ scale: 2 }).sample(N, random.split('x'))),
    target: dataMarginal(shapes.eightGaussians({ noise: 0.1, scale: 3 }).sample(N, random.split('y'))),
    reference: brownian({ sigma: 1 }),
  });
  const { coupling } = sinkhornBridge(problem, { tolerance: 1e-9 });
  const pairs = systematicPairs(coupling, PER_ROW, random.split('pairs'));

  test('every point of the source has as many partners, and none of them is drawn more often than its share by one or more', () => {
    const plan = coupling.plan();
    const counts = new Map<string, number>();
    for (let row = 0; row < N * PER_ROW; row++) {
      const i = Math.floor(row / PER_ROW);
      expect(pairs.x.data[2 * row]).toBe(coupling.source.points.data[2 * i]);
      const key = `${i} ${pairs.y.data[2 * row]}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    for (let i = 0; i < N; i++) {
      for (let j = 0; j < N; j++) {
        const share = N * PER_ROW * plan.get(i, j);
        const count = counts.get(`${i} ${coupling.target.points.data[2 * j]}`) ?? 0;
        expect(Math.abs(count - share)).toBeLessThan(1 + 1e-6);
      }
    }
  });

  test('eight modes get their shares far closer than independent pairs would give them', () => {
    const shares = new Float64Array(8);
    const eighth = ([a, b]: [number, number]): number =>
      Math.floor(((Math.atan2(b, a) + 2 * Math.PI + Math.PI / 8) % (2 * Math.PI)) / (Math.PI / 4));
    for (let row = 0; row < N * PER_ROW; row++) shares[eighth([pairs.y.data[2 * row]!, pairs.y.data[2 * row + 1]!])]! += 1 / (N * PER_ROW);
    // Independent ones: sqrt(7/64/8000) = 0.0037 each.
    for (const share of shares) expect(Math.abs(share - 1 / 8)).toBeLessThan(0.0012);
  });

  test('the coupling through them serves every pair once before any twice', () => {
    const through = pairsOfPlan(coupling, pairs);
    const { x, y } = through.sample(N * PER_ROW, randomSource(1));
    const listed = (p: typeof pairs): string[] =>
      Array.from({ length: p.x.count }, (_, i) => `${p.x.data[2 * i]} ${p.y.data[2 * i]}`).sort();
    expect(listed({ x, y })).toEqual(listed(pairs));
    expect(through.sample(N * PER_ROW, randomSource(1)).y.data).toEqual(y.data);
    expect(through.sample(2 * N * PER_ROW, randomSource(1)).x.count).toBe(2 * N * PER_ROW);
  });
});
