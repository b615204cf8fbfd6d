import { describe, expect, it } from 'vitest';
import type { Measurement } from '../../benchmarks/discrete-cell.ts';
import { compare, geometricMean, groups, growth } from '../../benchmarks/discrete-ratios.ts';

const row = (family: Measurement['family'], solver: string, seconds: number | null): Measurement => ({
  ...{ family, n: 10, eps: 0.1, target: 1e-6, solver, seconds },
  error: 1e-7,
  iterations: 1,
});

const rows = [
  row('gaussians', 'viaduct', 1),
  row('gaussians', 'viaduct from points', 0.1),
  row('gaussians', 'pot sinkhorn_knopp', 4),
  row('gaussians', 'ott log', 2),
  row('gaussians', 'pot sinkhorn_log', 300),
  row('gaussians', 'pot emd', 0.5),
  row('colours_3d', 'viaduct', 1),
  row('colours_3d', 'pot sinkhorn_knopp', null),
  row('colours_3d', 'ott log', 8),
  // Over the budget: not solved.
  row('square_to_ring', 'viaduct', 2),
  row('square_to_ring', 'ott log', 21),
  // We fail where a peer does not.
  row('moons_to_eight', 'viaduct', null),
  row('moons_to_eight', 'ott log', 3),
];

describe('the comparison with peers', () => {
  it('takes the fastest entropic peer of each cell', () => {
    const [first, second, third, fourth] = compare(rows);
    expect(first).toMatchObject({ ratio: 2, potRatio: 4, safeRatio: 300, exactRatio: 0.5, best: { solver: 'ott log' } });
    expect(second).toMatchObject({ ratio: 8, best: { solver: 'ott log' } });
    expect(third).not.toHaveProperty('best');
    expect(third).not.toHaveProperty('ratio');
    expect(fourth).toHaveProperty('best');
    expect(fourth).not.toHaveProperty('ratio');
  });

  it('averages geometrically over the cells that both solve, and counts the others', () => {
    const [group] = groups(compare(rows));
    expect(group).toMatchObject({ cells: 4, solvedByUs: 3, solvedByPeers: 3, ratioCells: 2, safeCells: 1, worstExact: 0.5, worstPot: 4 });
    expect(group!.ratio).toBeCloseTo(4, 12);
    expect(group!.safeRatio).toBeCloseTo(300, 12);
    expect(group!.ourSeconds).toBeCloseTo(2 ** (1 / 3), 12);
  });

  it('measures growth against n²', () => {
    const sizes = [
      row('gaussians', 'viaduct', 1),
      { ...row('gaussians', 'viaduct', 5), n: 20 },
      { ...row('colours_3d', 'viaduct', 1), n: 20 },
    ];
    expect(growth(sizes, 10, 20)).toEqual({ mean: 1.25, worst: 1.25, cells: 1 });
    expect(growth(sizes, 10, 40)).toBeUndefined();
  });

  it('has no mean of nothing', () => {
    expect(geometricMean([])).toBeUndefined();
    expect(geometricMean([1, 100])).toBeCloseTo(10, 12);
  });
});
