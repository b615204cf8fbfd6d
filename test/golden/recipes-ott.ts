import { expect } from 'vitest';
import { cosine } from '../../src/costs/cosine.ts';
import type { Cost } from '../../src/costs/cost.ts';
import { costFunction } from '../../src/costs/cost-function.ts';
import { costMatrix } from '../../src/costs/cost-matrix.ts';
import { euclidean } from '../../src/costs/euclidean.ts';
import { squaredEuclidean } from '../../src/costs/squared-euclidean.ts';
import type { MarginalConstraint } from '../../src/couplings/entropic-problem.ts';
import { transportProblem } from '../../src/couplings/transport-problem.ts';
import { exactTransport } from '../../src/discrete/index.ts';
import { gridMarginal } from '../../src/marginals/grid-marginal.ts';
import { flat, type Numbers, piece, rows, sides, vector } from './fixtures.ts';
import { alignedTo, divergenceOf, number, plan, type Recipes, relativeToOne, solve, solveBetween, total, withLog } from './our-answers.ts';
import { fixedWeights, freePoints, histogramMeasures, shares } from './recipes-barycenters.ts';

/** Each call of OTT-JAX in our words. */
export const OTT: Recipes = [
  [
    /solve (PointCloud|Geometry)/,
    (r) => {
      const epsilon = number(r, 'epsilon');
      const [a, b] = [vector(r.problem, 'a'), vector(r.problem, 'b')];
      const answer = solve(r.problem, { epsilon, ...(r.problem === 'matrix' ? { cost: costMatrix(rows('matrix', 'C')) } : {}) });
      const { linear, entropy, primal, dual } = answer.value;
      const entropyOf = (weights: readonly number[]): number => -weights.reduce((sum, w) => sum + w * Math.log(w), 0);
      const { f, g } = answer.potentials;
      return {
        reg_ot_cost: primal,
        primal_cost: linear,
        ent_reg_cost: linear - epsilon * entropy,
        dual_cost: dual - epsilon * (entropyOf(a) + entropyOf(b)),
        plan: plan(answer),
        ...alignedTo(r.returned['f']!, withLog(f, epsilon, a), withLog(g, epsilon, b)),
      };
    },
  ],
  [
    /scale_cost/,
    (r) => {
      const answer = solve(r.problem, { epsilon: number(r, 'epsilon') * number(r, 'scale') });
      return { plan: plan(answer), reg_ot_cost: answer.value.primal / number(r, 'scale') };
    },
  ],
  [
    /default epsilon|relative_epsilon/,
    (r) => ({
      epsilon: number(r, 'epsilon'),
      reg_ot_cost: solve(r.problem, { epsilon: number(r, 'epsilon') }).value.primal,
    }),
  ],
  [
    /solve (Euclidean|SqPNorm|PNormP|Cosine)/,
    (r) => {
      const answer = solve(r.problem, { cost: ottCost(r.name.split(' ')[1]!), epsilon: number(r, 'epsilon') });
      return { plan: plan(answer), reg_ot_cost: answer.value.primal };
    },
  ],
  [
    /solve tau/,
    (r) => {
      const epsilon = number(r, 'epsilon');
      const [tauA, tauB] = r.parameters['tau'] as [number, number];
      const rho = (tau: number): number => (tau === 1 ? Number.POSITIVE_INFINITY : (epsilon * tau) / (1 - tau));
      const side = (tau: number): MarginalConstraint => (tau === 1 ? 'exact' : { kl: rho(tau) });
      const marginals = { source: side(tauA), target: side(tauB) };
      const answer = solve(r.problem, { ...relativeToOne(r.problem, epsilon), marginals });
      const [a, b] = [vector(r.problem, 'a'), vector(r.problem, 'b')];
      const { f, g } = answer.potentials;
      // reg_ot_cost: the dual of the problem relative to a ⊗ b, at f − ε log a and g − ε log b.
      const part = (weights: readonly number[], potential: Float64Array, tau: number): number =>
        weights.reduce((sum, w, i) => {
          const h = potential[i]! - epsilon * Math.log(w);
          return sum + (tau === 1 ? w * h : -rho(tau) * w * Math.expm1(-h / rho(tau)));
        }, 0);
      const bound = part(a, f, tauA) + part(b, g, tauB) - epsilon * (answer.mass - total(a) * total(b));
      // What that problem's optimum is, for ours: well above.
      expect(solve(r.problem, { epsilon, marginals }).value.dual).toBeGreaterThan(bound + 0.03);
      return { plan: plan(answer), primal_cost: answer.transportCost(squaredEuclidean()), f, g, reg_ot_cost: bound };
    },
  ],
  [/solve_univariate/, (r) => ({ value: exactTransport(transportProblem(sides(r.problem))).value.linear })],
  [
    /sinkdiv/,
    (r) => {
      const { source, target } = sides(r.problem);
      const { value, gradient } = divergenceOf(source, target, { epsilon: number(r, 'epsilon') });
      return { divergence: value, gradient: gradient() };
    },
  ],
  [
    /solve Grid/,
    (r) => {
      const epsilon = number(r, 'epsilon');
      const [first, second] = (piece('rectangles', 'measures') as Numbers[]).map((image) => flat(image));
      const grid = (weights: number[]) => gridMarginal({ shape: [4, 6], weights, spacing: [1 / 3, 1 / 5] });
      const answer = solveBetween(grid(first!), grid(second!), { epsilon });
      return { reg_ot_cost: answer.value.primal, ...alignedTo(r.returned['f']!, answer.potentials.f, answer.potentials.g) };
    },
  ],
  [
    /FixedBarycenter/,
    (r) => {
      const debiased = r.name.endsWith('debiased');
      const problem = { measures: histogramMeasures(), weights: shares('histograms'), epsilon: number(r, 'epsilon'), debiased };
      return { weights: fixedWeights(problem) };
    },
  ],
  [/FreeWassersteinBarycenter/, (r) => ({ points: freePoints(number(r, 'epsilon')) })],
];

/** OTT's costs in our terms. */
function ottCost(name: string): Cost {
  const norm = (x: Float64Array, y: Float64Array): number => x.reduce((sum, value, k) => sum + Math.abs(value - y[k]!) ** 1.5, 0);
  if (name === 'Euclidean') return euclidean();
  if (name === 'Cosine') return cosine();
  if (name === 'PNormP') return costFunction((x, y) => norm(x, y) / 1.5);
  return costFunction((x, y) => 0.5 * norm(x, y) ** (2 / 1.5));
}
