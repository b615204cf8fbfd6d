import { describe, expect, it } from 'vitest';
import { costFunction, costMatrix } from '../../src/costs/index.ts';
import { barycenter } from '../../src/discrete/index.ts';
import { InfeasibleError } from '../../src/errors.ts';
import { discreteMarginal, histogram } from '../../src/marginals/index.ts';

const inf = Number.POSITIVE_INFINITY;
const at = (...places: number[]) => discreteMarginal({ points: places.map((x) => [x]) });
/** Nobody goes farther than 1.2. */
const near = costFunction((x, y) => (Math.abs(x[0]! - y[0]!) > 1.2 ? inf : Math.abs(x[0]! - y[0]!)));

describe.each([false, true])('barycenters with forbidden pairs, debiased: %s', (debiased) => {
  it('have no mass where some measure cannot go', () => {
    const measures = [at(0, 0.5), at(2, 2.25)];
    const support = [[-1], [0], [1], [1.1], [2]];
    const answer = barycenter({ measures, support, cost: near, epsilon: 0.1, debiased }, { tolerance: 1e-8 });
    expect(answer.status).toBe('converged');
    // 0.5 and 2.25 meet only at 1.1, 0 and 2 at 1 and 1.1.
    const { weights } = answer.marginal as ReturnType<typeof at>;
    expect([weights[0], weights[1], weights[4]]).toEqual([0, 0, 0]);
    // The same between the points that are left.
    const left = barycenter({ measures, support: [[1], [1.1]], cost: near, epsilon: 0.1, debiased }, { tolerance: 1e-8 });
    expect(weights.subarray(2, 4)).toEqual((left.marginal as (typeof measures)[0]).weights);
    answer.couplings.forEach((coupling, k) => {
      expect(coupling.status).toBe('converged');
      expect(coupling.value.primal).toBe(left.couplings[k]!.value.primal);
      expect(coupling.plan().getRow(0)).toEqual([0, 0]);
    });
  });

  it('under a matrix of costs', () => {
    const cost = costMatrix([
      [0, inf],
      [inf, 0],
    ]);
    const answer = barycenter({ measures: [histogram([1, 0]), histogram([1, 0])], cost, epsilon: 1, debiased });
    expect(answer.status).toBe('converged');
    expect([...answer.marginal.sample(1, { uniform: () => 0.5 } as never).data]).toEqual([0]);
  });

  it.each([
    [
      'a point that reaches nothing all measures reach',
      { measures: [at(0), at(2, 9)], support: [[1], [9]], cost: near },
      /^barycenter: point 1 of measures\[1\] has only forbidden pairs with the support that all measures reach; .+/,
    ],
    [
      'masses that differ on either side of a wall',
      {
        measures: [histogram([0.5, 0.5]), histogram([0.3, 0.7]), histogram([0.5, 0.5])],
        cost: costMatrix([
          [0, inf],
          [inf, 0],
        ]),
      },
      /^barycenter: forbidden pairs keep measures\[0\] and measures\[1\] from one barycenter, mass 0\.2\d* is stranded; .+/,
    ],
    [
      // All are connected, but 2.2 is reached over 2 alone, and 2 from 1 alone, which has 0.3 for it.
      'too little mass that can meet',
      {
        measures: [
          discreteMarginal({ points: [[0], [1]], weights: [0.7, 0.3] }),
          discreteMarginal({ points: [[1], [2.2]], weights: [0.5, 0.5] }),
        ],
        support: [[0], [2]],
        cost: near,
      },
      /^barycenter: forbidden pairs keep measures\[0\] and measures\[1\] from one barycenter, mass 0\.(2|19)\d* is stranded; .+/,
    ],
  ])('%s', (_, problem, words) => {
    const run = () => barycenter({ ...problem, epsilon: 0.5, debiased });
    expect(run).toThrow(InfeasibleError);
    expect(run).toThrow(words);
  });
});
