import { describe, expect, it } from 'vitest';
import { costMatrix } from '../../src/costs/index.ts';
import { entropicProblem, transportProblem } from '../../src/couplings/index.ts';
import { type DiscreteCoupling, exactTransport, type SinkhornOptions, sinkhorn, sinkhornDivergence } from '../../src/discrete/index.ts';
import { type DiscreteMarginal, discreteMarginal } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { isPlain, largestDifference, squaredDistances, sum, WAYS } from './every-way.ts';
import { randomMarginal } from './oracles.ts';

type Side = 'exact' | { readonly kl: number };
interface Sides {
  readonly source?: Side;
  readonly target?: Side;
}

const random = randomSource(21);
const [source, target] = [randomMarginal(12, 2, random), randomMarginal(15, 2, random)];
const C = squaredDistances(source.points, target.points);

/** max|f − best f for g| and the same for g, by soft-mins of the test's own. */
function fixedPointResidual({ potentials: { f, g } }: DiscreteCoupling, epsilon: number, marginals: Sides): number {
  const damping = (side: Side = 'exact'): number => (side === 'exact' ? 1 : side.kl / (side.kl + epsilon));
  const soft = (weights: Float64Array, potential: Float64Array, cost: (k: number) => number): number =>
    -epsilon * Math.log(sum(weights.map((w, k) => w * Math.exp((potential[k]! - cost(k)) / epsilon))));
  const bestF = f.map((_, i) => damping(marginals.source) * soft(target.weights, g, (j) => C[i]![j]!));
  const bestG = g.map((_, j) => damping(marginals.target) * soft(source.weights, f, (i) => C[i]![j]!));
  return Math.max(largestDifference(bestF, f), largestDifference(bestG, g));
}

describe.each(WAYS)('$method on $engine', (way) => {
  const options: SinkhornOptions = { ...way, tolerance: 1e-12 };

  it('case 21: unbalanced: both limits, the fixed point, one exact side', () => {
    const epsilon = 0.4;
    const solve = (marginals: Sides) => sinkhorn(entropicProblem({ source, target, epsilon, marginals }), options);
    const balanced = solve({}).plan().to1DArray();
    expect(
      largestDifference(
        solve({ source: { kl: 1e9 }, target: { kl: 1e9 } })
          .plan()
          .to1DArray(),
        balanced,
      ),
    ).toBeLessThan(1e-8);
    expect(
      largestDifference(
        solve({ target: { kl: 1e9 } })
          .plan()
          .to1DArray(),
        balanced,
      ),
    ).toBeLessThan(1e-8);
    const loose = solve({ source: { kl: 1e-10 }, target: { kl: 1e-10 } }).plan();
    source.weights.forEach((a, i) => {
      target.weights.forEach((b, j) => {
        expect(Math.abs(loose.get(i, j) - a * b * Math.exp(-C[i]![j]! / epsilon))).toBeLessThan(1e-10);
      });
    });
    const cases: Sides[] = [
      { source: { kl: 0.5 }, target: { kl: 0.5 } },
      { source: { kl: 0.05 }, target: { kl: 3 } },
      { source: { kl: 20 }, target: { kl: 20 } },
      { target: { kl: 1 } },
      { source: { kl: 1 } },
    ];
    for (const marginals of cases) {
      const answer = solve(marginals);
      expect(answer.status).toBe('converged');
      expect(answer.value.gap).toBeGreaterThanOrEqual(-1e-12);
      expect(answer.value.gap).toBeLessThan(1e-9);
      // Points that carry mass determine their potential to the tolerance over their mass.
      expect(fixedPointResidual(answer, epsilon, marginals)).toBeLessThan(1e-10);
      const rows = answer.apply(new Float64Array(15).fill(1));
      const columns = answer.applyTranspose(new Float64Array(12).fill(1));
      if (marginals.source === undefined) expect(largestDifference(rows, source.weights)).toBeLessThan(1e-12);
      if (marginals.target === undefined) expect(largestDifference(columns, target.weights)).toBeLessThan(1e-12);
    }
  });

  it('case 22: Sinkhorn divergence: the number known, 0 at a = b, nowhere negative, masses, both limits', () => {
    const line = (from: number, to: number, n: number) =>
      discreteMarginal({ points: Array.from({ length: n }, (_, i) => [from + ((to - from) * i) / (n - 1)]) });
    const [x, y] = [line(0, 5, 10), line(1, 3, 20)];
    const S = (a: DiscreteMarginal, b: DiscreteMarginal, epsilon: number, marginals: Sides = {}) =>
      sinkhornDivergence(entropicProblem({ source: a, target: b, epsilon, marginals }), options);
    const known = S(x, y, 1);
    expect(known.status).toBe('converged');
    expect(Math.abs(known.value - 1.2046816)).toBeLessThan(5e-8);
    // Without KL it is another number, which other programs give.
    const linear = ({ cross, source: own, target: other }: typeof known.couplings): number =>
      cross.value.linear - (own.value.linear + other.value.linear) / 2;
    expect(Math.abs(linear(known.couplings) - 1.2417241)).toBeLessThan(5e-8);
    // The three values come from the general solver, too.
    const value = (a: DiscreteMarginal, b: DiscreteMarginal, epsilon: number, marginals: Sides = {}): number =>
      sinkhorn(entropicProblem({ source: a, target: b, epsilon, marginals }), options).value.primal;
    const both: Sides = { source: { kl: 2 }, target: { kl: 2 } };
    const heavy = discreteMarginal({ points: y.points, weights: y.weights.map((w) => 1.7 * w) });
    for (const [b, marginals] of [
      [y, {}],
      [y, both],
      [heavy, both],
    ] as const) {
      const made = value(x, b, 0.5, marginals) - (value(x, x, 0.5, marginals) + value(b, b, 0.5, marginals)) / 2;
      expect(S(x, b, 0.5, marginals).value).toBeCloseTo(made + 0.25 * (1 - b.mass) ** 2, 9);
      expect(Math.abs(S(b, b, 0.5, marginals).value)).toBeLessThan(1e-11);
      for (const epsilon of [0.2, 5]) expect(S(x, b, epsilon, marginals).value).toBeGreaterThanOrEqual(-1e-12);
    }
    if (isPlain(way)) return;
    const exact = exactTransport(transportProblem({ source: x, target: y })).value.linear;
    expect(Math.abs(S(x, y, 0.01).value - exact)).toBeLessThan(0.02 * exact);
    // ½ MMD² with the kernel −|x − y|² is the squared distance of the means.
    expect(S(x, y, 1e5).value).toBeCloseTo((2.5 - 2) ** 2, 3);
    const { gradients } = S(x, x, 0.5);
    expect(Math.max(...gradients().x.data.map(Math.abs))).toBeLessThan(1e-9);
  });

  it('case 23: gradients in points, weights and cost by central differences', () => {
    const epsilon = 0.5;
    const rows = (m: DiscreteMarginal): number[][] =>
      Array.from({ length: m.points.count }, (_, i) => [...m.points.data.subarray(2 * i, 2 * i + 2)]);
    const cases: Sides[] = [{}, { source: { kl: 0.8 }, target: { kl: 1.5 } }, { target: { kl: 1 } }];
    for (const marginals of cases) {
      const solve = (x: number[][], y: number[][], a: ArrayLike<number>, b: ArrayLike<number>, cost?: number[][]): DiscreteCoupling =>
        sinkhorn(
          entropicProblem({
            source: discreteMarginal({ points: x, weights: Array.from(a) }),
            target: discreteMarginal({ points: y, weights: Array.from(b) }),
            epsilon,
            marginals,
            ...(cost === undefined ? {} : { cost: costMatrix(cost) }),
          }),
          options,
        );
      const [x, y, a, b] = [rows(source), rows(target), source.weights, target.weights];
      const { gradients } = solve(x, y, a, b);
      const found = gradients();
      const slope = (move: (by: number) => DiscreteCoupling): number => (move(1e-4).value.dual - move(-1e-4).value.dual) / 2e-4;
      const nudged = (v: number[][], i: number, k: number, by: number): number[][] =>
        v.map((p, r) => p.map((t, c) => (r === i && c === k ? t + by : t)));
      expect(found.x.data[2 * 3 + 1]).toBeCloseTo(
        slope((by) => solve(nudged(x, 3, 1, by), y, a, b)),
        6,
      );
      expect(found.y.data[2 * 7]).toBeCloseTo(
        slope((by) => solve(x, nudged(y, 7, 0, by), a, b)),
        6,
      );
      expect(found.cost.get(2, 5)).toBeCloseTo(
        slope((by) => solve(x, y, a, b, nudged(C, 2, 5, by))),
        6,
      );
      // Mass is traded between two points, so that balanced problems stay feasible.
      const traded = (w: ArrayLike<number>, by: number): number[] => Array.from(w, (v, i) => (i === 0 ? v + by : i === 4 ? v - by : v));
      const tiny = (move: (by: number) => DiscreteCoupling): number => (move(1e-5).value.dual - move(-1e-5).value.dual) / 2e-5;
      expect(found.a[0]! - found.a[4]!).toBeCloseTo(
        tiny((by) => solve(x, y, traded(a, by), b)),
        6,
      );
      expect(found.b[0]! - found.b[4]!).toBeCloseTo(
        tiny((by) => solve(x, y, a, traded(b, by))),
        6,
      );
      if (marginals.target !== undefined && marginals.source !== undefined) {
        const grown = (by: number): number[] => Array.from(a, (v, i) => (i === 2 ? v + by : v));
        expect(found.a[2]).toBeCloseTo(
          tiny((by) => solve(x, y, grown(by), b)),
          6,
        );
      }
    }
  });
});
