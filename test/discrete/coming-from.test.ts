import { describe, expect, it } from 'vitest';
import { cosine } from '../../src/costs/cosine.ts';
import type { Cost } from '../../src/costs/cost.ts';
import { costFunction } from '../../src/costs/cost-function.ts';
import { costMatrix } from '../../src/costs/cost-matrix.ts';
import { euclidean } from '../../src/costs/euclidean.ts';
import { lp } from '../../src/costs/lp.ts';
import { halfSquaredEuclidean, squaredEuclidean } from '../../src/costs/squared-euclidean.ts';
import { entropicProblem, type MarginalConstraint } from '../../src/couplings/entropic-problem.ts';
import { transportProblem } from '../../src/couplings/transport-problem.ts';
import { type DiscreteCoupling, exactTransport, sinkhorn } from '../../src/discrete/index.ts';
import { distance, flat, type GoldenRecord, goldenRecords, type Numbers, rows, sides, vector } from '../golden/fixtures.ts';

/** Our answer under the names of theirs. */
type Recipe = (record: GoldenRecord) => Readonly<Record<string, Numbers | ArrayLike<number>>>;

/** What our solver may add to the distance between the library and the referee. */
const OURS = 1e-10;

interface Entropic {
  readonly cost?: Cost;
  readonly epsilon: number | { readonly ofMeanCost: number };
  readonly marginals?: { readonly source?: MarginalConstraint; readonly target?: MarginalConstraint };
}

function solve(problem: string, { cost = squaredEuclidean(), ...rest }: Entropic): DiscreteCoupling {
  const answer = sinkhorn(entropicProblem({ ...sides(problem), cost, ...rest }), { tolerance: 1e-13 });
  // A residual at its rounding floor is as good as the tolerance; anything else is not.
  expect(['converged', 'stagnated']).toContain(answer.status);
  expect(answer.error).toBeLessThan(1e-11);
  return answer;
}

/** The cost |x − y|² plus factor·log(weight of x · weight of y): a regularisation relative to 1 instead of a ⊗ b. */
function relativeToOne(problem: string, epsilon: number) {
  const [a, b] = [vector(problem, 'a'), vector(problem, 'b')];
  const costs = squaredEuclidean().between(sides(problem).source.points, sides(problem).target.points);
  const cost = costMatrix(a.map((p, i) => b.map((q, j) => costs[i * b.length + j]! + epsilon * Math.log(p * q))));
  return { cost, epsilon };
}

const number = (record: GoldenRecord, name: string): number => record.parameters[name] as number;
const plan = (answer: DiscreteCoupling): Float64Array => Float64Array.from(answer.plan().to1DArray());
const withLog = (potential: Float64Array, epsilon: number, weights: readonly number[]): Float64Array =>
  potential.map((value, i) => value + epsilon * Math.log(weights[i]!));

/** Potentials moved by the constant that brings f to the mean of theirs: balanced problems leave it free. */
function alignedTo(theirs: Numbers, f: Float64Array, g: Float64Array): { f: Float64Array; g: Float64Array } {
  const shift = flat(theirs).reduce((sum, value, i) => sum + value - f[i]!, 0) / f.length;
  return { f: f.map((value) => value + shift), g: g.map((value) => value - shift) };
}

/** POT's `reg_m`, a number or a pair with infinities, as our marginals. */
function penalties(record: GoldenRecord) {
  const rho = (record.parameters['reg_m'] as unknown as (number | 'inf')[]).map((r) => (r === 'inf' ? Number.POSITIVE_INFINITY : r));
  const side = (r: number): MarginalConstraint => (r === Number.POSITIVE_INFINITY ? 'exact' : { kl: r });
  return { rho, marginals: { source: side(rho[0]!), target: side(rho[1]!) } };
}

const total = (weights: readonly number[]): number => weights.reduce((sum, w) => sum + w, 0);

const POT: readonly [RegExp, Recipe][] = [
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
];

const OTT: readonly [RegExp, Recipe][] = [
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
];

/** OTT's costs in our terms. */
function ottCost(name: string): Cost {
  const norm = (x: Float64Array, y: Float64Array): number => x.reduce((sum, value, k) => sum + Math.abs(value - y[k]!) ** 1.5, 0);
  if (name === 'Euclidean') return euclidean();
  if (name === 'Cosine') return cosine();
  if (name === 'PNormP') return costFunction((x, y) => norm(x, y) / 1.5);
  return costFunction((x, y) => 0.5 * norm(x, y) ** (2 / 1.5));
}

const GEOMLOSS: readonly [RegExp, Recipe][] = [
  [
    /SamplesLoss (potentials )?\w+ p=\d debias=False/,
    (r) => {
      const [p, blur] = [number(r, 'p'), number(r, 'blur')];
      const reach = r.parameters['reach'] as number | null;
      const epsilon = blur ** p;
      const cost = p === 2 ? halfSquaredEuclidean() : euclidean();
      const side: MarginalConstraint = reach === null ? 'exact' : { kl: reach ** p };
      const answer = solve(r.problem, { cost, epsilon, marginals: { source: side, target: side } });
      const { f, g } = answer.potentials;
      if (r.name.includes('potentials')) return reach === null ? alignedTo(r.returned['f']!, f, g) : { f, g };
      const [massA, massB] = [total(vector(r.problem, 'a')), total(vector(r.problem, 'b'))];
      // Its unbalanced value, when not debiased, is the optimum only for masses of 1.
      return { value: answer.value.primal - (reach === null ? 0 : epsilon * (massA * massB - (massA + massB) / 2)) };
    },
  ],
];

function check(library: 'pot' | 'ott' | 'geomloss', recipes: readonly [RegExp, Recipe][]): void {
  const known = goldenRecords(library).flatMap((record) => {
    const recipe = recipes.find(([pattern]) => pattern.test(record.name));
    return recipe === undefined ? [] : [[record.name, record, recipe[1]] as const];
  });
  it('uses every recipe', () => {
    for (const [pattern] of recipes) expect(known.some(([name]) => pattern.test(name))).toBe(true);
  });
  it.each(known)('%s', (_, record, recipe) => {
    const ours = recipe(record);
    for (const [key, value] of Object.entries(record.returned)) {
      expect(distance(flat(ours[key] ?? Number.NaN), flat(value)), key).toBeLessThanOrEqual(record.tolerance + OURS);
    }
  });
}

describe('Coming from POT', () => check('pot', POT));
describe('Coming from OTT-JAX', () => check('ott', OTT));
describe('Coming from GeomLoss', () => check('geomloss', GEOMLOSS));
