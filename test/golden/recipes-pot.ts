import { expect } from 'vitest';
import { circular } from '../../src/costs/circular.ts';
import { costMatrix } from '../../src/costs/cost-matrix.ts';
import { euclidean } from '../../src/costs/euclidean.ts';
import { lp } from '../../src/costs/lp.ts';
import { squaredEuclidean } from '../../src/costs/squared-euclidean.ts';
import { entropicProblem } from '../../src/couplings/entropic-problem.ts';
import { transportProblem } from '../../src/couplings/transport-problem.ts';
import { exactTransport, sinkhornBatch } from '../../src/discrete/index.ts';
import { type DiscreteMarginal, discreteMarginal, histogram } from '../../src/marginals/discrete-marginal.ts';
import { flat, rows, sides, vector } from './fixtures.ts';
import { alignedTo, divergenceOf, number, penalties, plan, type Recipes, relativeToOne, solve, total, withLog } from './our-answers.ts';
import { fixedWeights, freePoints, histogramMeasures, imageMeasures, shares } from './recipes-barycenters.ts';

/** Each call of POT in our words. */
export const POT: Recipes = [
  [/^ot\.sinkhorn M/, (r) => ({ plan: plan(solve(r.problem, { epsilon: number(r, 'reg') * number(r, 'max') })) })],
  [/^ot\.sinkhorn matrix/, (r) => ({ plan: plan(solve('matrix', { cost: costMatrix(rows('matrix', 'C')), epsilon: number(r, 'reg') })) })],
  [/^ot\.sinkhorn /, (r) => ({ plan: plan(solve(r.problem, { epsilon: number(r, 'reg') })) })],
  [/^ot\.sinkhorn2 /, (r) => ({ value: solve(r.problem, { epsilon: number(r, 'reg') }).value.linear })],
  [
    /^ot\.solve (KL|entropy)/,
    (r) => {
      const epsilon = number(r, 'reg');
      const answer = solve(r.problem, { epsilon });
      const { linear, entropy, primal } = answer.value;
      const [a, b] = [vector(r.problem, 'a'), vector(r.problem, 'b')];
      const { f, g } = answer.potentials;
      const aligned = alignedTo(flat(r.returned['potentials']!).slice(0, a.length), withLog(f, epsilon, a), withLog(g, epsilon, b));
      return {
        value: r.name.includes('KL') ? primal : linear - epsilon * entropy,
        value_linear: linear,
        plan: plan(answer),
        potentials: [...aligned.f, ...aligned.g],
      };
    },
  ],
  [/empirical_sinkhorn2 euclidean/, (r) => ({ value: solve(r.problem, { cost: euclidean(), epsilon: number(r, 'reg') }).value.linear })],
  [/sinkhorn_unbalanced kl/, (r) => ({ plan: plan(solve(r.problem, { epsilon: number(r, 'reg'), marginals: penalties(r).marginals })) })],
  [
    /sinkhorn_unbalanced entropy/,
    (r) => ({ plan: plan(solve(r.problem, { ...relativeToOne(r.problem, number(r, 'reg')), marginals: penalties(r).marginals })) }),
  ],
  [
    /sinkhorn_unbalanced c$/,
    (r) => {
      const epsilon = number(r, 'reg');
      const { cost } = relativeToOne(r.problem, epsilon);
      const c = r.parameters['c'] as number[][];
      const { source, target } = sides(r.problem);
      const costs = cost.between(source.points, target.points);
      const shifted = costMatrix(c.map((row, i) => row.map((value, j) => costs[i * row.length + j]! - epsilon * Math.log(value))));
      return { plan: plan(solve(r.problem, { cost: shifted, epsilon, marginals: penalties(r).marginals })) };
    },
  ],
  [
    /sinkhorn_unbalanced2|solve unbalanced/,
    (r) => {
      const epsilon = number(r, 'reg');
      const { rho, marginals } = penalties(r);
      const answer = solve(r.problem, { epsilon, marginals });
      const [massA, massB] = [total(vector(r.problem, 'a')), total(vector(r.problem, 'b'))];
      const { mass } = answer;
      const { linear, primal } = answer.value;
      // POT reports Σ p log(p/q) alone, without −Σp + Σq: of the regularisation and of each penalty.
      const left = [massA, massB].reduce((sum, m, side) => sum + (Number.isFinite(rho[side]!) ? rho[side]! * (m - mass) : 0), 0);
      const value = primal - epsilon * (massA * massB - mass) - left;
      if (r.name.startsWith('ot.solve')) return { value, value_linear: linear, plan: plan(answer) };
      return { value: r.name.includes('linear') ? linear : value };
    },
  ],
  [
    /translation_invariant \(0\.5, 2\.0\)/,
    (r) => {
      const answer = solve(r.problem, { epsilon: number(r, 'reg'), marginals: penalties(r).marginals });
      expect(number(r, 'mass') / answer.mass).toBeGreaterThan(1.1);
      return { 'plan of mass 1': plan(answer).map((p) => p / answer.mass) };
    },
  ],
  [
    /^ot\.emd /,
    (r) => {
      const cost =
        r.problem === 'matrix' ? costMatrix(rows('matrix', 'C')) : r.name.includes('sqeuclidean') ? squaredEuclidean() : euclidean();
      const answer = exactTransport(transportProblem({ ...sides(r.problem), cost }));
      return { plan: plan(answer), value: answer.value.linear };
    },
  ],
  [
    /^ot\.(emd2|wasserstein)_1d/,
    (r) => ({ value: exactTransport(transportProblem({ ...sides(r.problem), cost: lp(number(r, 'p')) })).value.linear }),
  ],
  [
    /partial\.partial_wasserstein/,
    (r) => {
      // Exact partial transport: a free dummy on either side takes what stays, and nothing goes from dummy to dummy.
      const [a, b] = [vector(r.problem, 'a'), vector(r.problem, 'b')];
      const { source, target } = sides(r.problem);
      const costs = squaredEuclidean().between(source.points, target.points);
      const bordered = a.map((_, i) => [...costs.subarray(i * b.length, (i + 1) * b.length), 0]);
      const cost = costMatrix([...bordered, [...b.map(() => 0), Number.POSITIVE_INFINITY]]);
      const m = number(r, 'm');
      const answer = exactTransport(
        transportProblem({ source: histogram([...a, total(b) - m]), target: histogram([...b, total(a) - m]), cost }),
      );
      return {
        plan: answer
          .plan()
          .subMatrix(0, a.length - 1, 0, b.length - 1)
          .to1DArray(),
        value: answer.value.linear,
      };
    },
  ],
  [
    /empirical_sinkhorn_divergence/,
    (r) => {
      const { source, target } = sides(r.problem);
      return { value: divergenceOf(source, target, { epsilon: number(r, 'reg') }).linear };
    },
  ],
  [
    /entropic_partial_wasserstein/,
    (r) => {
      const marginals = { source: 'at-most', target: 'at-most', mass: number(r, 'm') } as const;
      return { plan: plan(solve(r.problem, { ...relativeToOne(r.problem, number(r, 'reg')), marginals })) };
    },
  ],
  [
    /solve_batch/,
    (r) => {
      const { source, target } = sides(r.problem);
      const costs = squaredEuclidean().between(source.points, target.points);
      const m = target.weights.length;
      const problems = (r.parameters['factors'] as number[]).map((factor) => {
        const scaled = Array.from(source.weights, (_, i) => Array.from(costs.subarray(i * m, (i + 1) * m), (c) => factor * c));
        return entropicProblem({ source, target, cost: costMatrix(scaled), epsilon: number(r, 'reg') });
      });
      const answers = sinkhornBatch(problems, { tolerance: 1e-13 });
      return { plan: answers.flatMap((answer) => [...plan(answer)]), value_linear: answers.map((answer) => answer.value.linear) };
    },
  ],
  [
    /wasserstein_circle/,
    (r) => {
      const [source, target] = (['x', 'y'] as const).map((name, k) =>
        discreteMarginal({ points: vector('circle', name).map((at) => [at]), weights: vector('circle', k === 0 ? 'a' : 'b') }),
      ) as [DiscreteMarginal, DiscreteMarginal];
      const cost = circular({ circumference: 1, p: number(r, 'p') });
      return { value: exactTransport(transportProblem({ source, target, cost })).value.linear };
    },
  ],
  [
    /bregman\.barycenter sinkhorn/,
    (r) => ({
      weights: fixedWeights({ measures: histogramMeasures(), weights: r.parameters['shares'] as number[], epsilon: number(r, 'reg') }),
    }),
  ],
  [
    /bregman\.barycenter_debiased/,
    (r) => ({
      weights: fixedWeights({ measures: histogramMeasures(), weights: shares('histograms'), epsilon: number(r, 'reg'), debiased: true }),
    }),
  ],
  [
    /convolutional_barycenter2d/,
    (r) => {
      const debiased = r.name.endsWith('debiased');
      return { weights: fixedWeights({ measures: imageMeasures(), weights: shares('images'), epsilon: number(r, 'reg'), debiased }) };
    },
  ],
  [/lp\.free_support_barycenter b$/, (r) => ({ points: freePoints(undefined, r.parameters.b as number[]) })],
  [/free_support_sinkhorn_barycenter b$/, (r) => ({ points: freePoints(number(r, 'reg'), r.parameters.b as number[]) })],
  [/lp\.free_support_barycenter/, () => ({ points: freePoints() })],
  [/free_support_sinkhorn_barycenter/, (r) => ({ points: freePoints(number(r, 'reg')) })],
];
