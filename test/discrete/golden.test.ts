import { describe, expect, it } from 'vitest';
import { costMatrix } from '../../src/costs/cost-matrix.ts';
import { entropicProblem, type MarginalConstraint } from '../../src/couplings/entropic-problem.ts';
import { type DiscreteCoupling, sinkhorn } from '../../src/discrete/index.ts';
import { type DiscreteMarginal, discreteMarginal, histogram } from '../../src/marginals/discrete-marginal.ts';
import { distance, read, sides } from '../golden/fixtures.ts';

/** Numbers of a referee that shares no code with us: see test/golden/README.md. */
const golden = read('acceptance') as {
  readonly 'two by two': readonly { readonly epsilon: number; readonly linear: number }[];
  readonly divergence: {
    readonly epsilon: number;
    readonly x: number[][];
    readonly y: number[][];
    readonly primal: number;
    readonly linear: number;
  };
  readonly unbalanced: readonly {
    readonly epsilon: number;
    readonly rho: readonly (number | 'inf')[];
    readonly primal: number;
    readonly linear: number;
    readonly mass: number;
    readonly f: readonly number[];
    readonly g: readonly number[];
  }[];
  readonly 'small epsilon': readonly {
    readonly ofMeanCost: number;
    readonly epsilon: number;
    readonly linear: number;
    readonly kl: number;
    readonly entropy: number;
    readonly primal: number;
  }[];
};

const PRECISE = { tolerance: 1e-13 };

describe('golden values of sinkhorn', () => {
  it.each(golden['two by two'])('two points each at ε = $epsilon', ({ epsilon, linear }) => {
    const both = histogram([0.5, 0.5]);
    const cost = costMatrix([
      [0, 1],
      [1, 0],
    ]);
    const { value } = sinkhorn(entropicProblem({ source: both, target: both, cost, epsilon }), PRECISE);
    expect(Math.abs(value.linear - linear)).toBeLessThan(1e-12);
  });

  it.each(golden['small epsilon'])('every named value at ε = $ofMeanCost of the mean cost', (expected) => {
    const problem = entropicProblem({ ...sides('plane'), epsilon: { ofMeanCost: expected.ofMeanCost } });
    expect(problem.epsilon).toBeCloseTo(expected.epsilon, 13);
    const { value } = sinkhorn(problem, PRECISE);
    for (const name of ['linear', 'kl', 'entropy', 'primal'] as const)
      expect(Math.abs(value[name] - expected[name]), name).toBeLessThan(1e-11);
    expect(Math.abs(value.dual - expected.primal)).toBeLessThan(1e-11);
  });

  it.each(golden.unbalanced)('penalties $rho', ({ epsilon, rho, primal, linear, mass, f, g }) => {
    const side = (r: number | 'inf'): MarginalConstraint => (r === 'inf' ? 'exact' : { kl: r });
    const answer = sinkhorn(
      entropicProblem({ ...sides('unequal'), epsilon, marginals: { source: side(rho[0]!), target: side(rho[1]!) } }),
      PRECISE,
    );
    const { value, potentials } = answer;
    expect(distance([value.primal, value.dual, value.linear, answer.mass], [primal, primal, linear, mass])).toBeLessThan(1e-11);
    expect(distance([...potentials.f, ...potentials.g], [...f, ...g])).toBeLessThan(1e-11);
  });

  it('three of them make the Sinkhorn divergence of case 22: 1.2046816 with KL, 1.2417241 without', () => {
    const { epsilon, x, y, primal, linear } = golden.divergence;
    const [source, target] = [discreteMarginal({ points: x }), discreteMarginal({ points: y })];
    const between = (a: DiscreteMarginal, b: DiscreteMarginal): DiscreteCoupling =>
      sinkhorn(entropicProblem({ source: a, target: b, epsilon }), PRECISE);
    const [middle, left, right] = [between(source, target).value, between(source, source).value, between(target, target).value];
    expect(Math.abs(middle.primal - (left.primal + right.primal) / 2 - primal)).toBeLessThan(1e-11);
    expect(Math.abs(middle.linear - (left.linear + right.linear) / 2 - linear)).toBeLessThan(1e-11);
    expect(primal.toFixed(7)).toBe('1.2046816');
    expect(linear.toFixed(7)).toBe('1.2417241');
  });
});
