import { expect } from 'vitest';
import type { Cost } from '../../src/costs/cost.ts';
import { costMatrix } from '../../src/costs/cost-matrix.ts';
import { squaredEuclidean } from '../../src/costs/squared-euclidean.ts';
import { entropicProblem, type MarginalConstraint } from '../../src/couplings/entropic-problem.ts';
import { type DiscreteCoupling, type SinkhornDivergence, sinkhorn, sinkhornDivergence } from '../../src/discrete/index.ts';
import type { DiscreteMarginal } from '../../src/marginals/discrete-marginal.ts';
import { flat, type GoldenRecord, type Numbers, sides, vector } from './fixtures.ts';

/** Our answer under the names of theirs. */
type Recipe = (record: GoldenRecord) => Readonly<Record<string, Numbers | ArrayLike<number>>>;

/** Recipes by the names of the records they answer; the first that fits is taken. */
export type Recipes = readonly (readonly [RegExp, Recipe])[];

/** What our solver may add to the distance between the library and the referee. */
export const OURS = 1e-10;

interface Entropic {
  readonly cost?: Cost;
  readonly epsilon: number | { readonly ofMeanCost: number };
  readonly marginals?: { readonly source?: MarginalConstraint; readonly target?: MarginalConstraint; readonly mass?: number };
}

/** Our answer to a problem of the fixtures. */
export function solve(problem: string, options: Entropic): DiscreteCoupling {
  const { source, target } = sides(problem);
  return solveBetween(source, target, options);
}

export function solveBetween(source: DiscreteMarginal, target: DiscreteMarginal, options: Entropic): DiscreteCoupling {
  const answer = sinkhorn(entropicProblem({ source, target, ...options }), { tolerance: 1e-13 });
  // A residual at its rounding floor is as good as the tolerance; anything else is not.
  expect(['converged', 'stagnated']).toContain(answer.status);
  expect(answer.error).toBeLessThan(1e-11);
  return answer;
}

/** Our Sinkhorn divergence: its value, that of the linear parts alone, and the derivative in the points of the source. */
export function divergenceOf(
  source: DiscreteMarginal,
  target: DiscreteMarginal,
  options: Entropic,
): { value: number; linear: number; gradient: () => Float64Array; divergence: SinkhornDivergence } {
  const divergence = sinkhornDivergence(entropicProblem({ source, target, ...options }), { tolerance: 1e-13 });
  expect(['converged', 'stagnated']).toContain(divergence.status);
  expect(divergence.error).toBeLessThan(1e-11);
  const { value, couplings } = divergence;
  const { cross, source: left, target: right } = couplings;
  return {
    value,
    linear: cross.value.linear - (left.value.linear + right.value.linear) / 2,
    gradient: () => divergence.gradients().x.data,
    divergence,
  };
}

/** The cost |x − y|² plus factor·log(weight of x · weight of y): a regularisation relative to 1 instead of a ⊗ b. */
export function relativeToOne(problem: string, epsilon: number): { cost: Cost; epsilon: number } {
  const [a, b] = [vector(problem, 'a'), vector(problem, 'b')];
  const costs = squaredEuclidean().between(sides(problem).source.points, sides(problem).target.points);
  const cost = costMatrix(a.map((p, i) => b.map((q, j) => costs[i * b.length + j]! + epsilon * Math.log(p * q))));
  return { cost, epsilon };
}

export const number = (record: GoldenRecord, name: string): number => record.parameters[name] as number;
export const plan = (answer: DiscreteCoupling): Float64Array => Float64Array.from(answer.plan().to1DArray());
export const withLog = (potential: Float64Array, epsilon: number, weights: readonly number[]): Float64Array =>
  potential.map((value, i) => value + epsilon * Math.log(weights[i]!));

/** Potentials moved by the constant that brings f to the mean of theirs: balanced problems leave it free. */
export function alignedTo(theirs: Numbers, f: Float64Array, g: Float64Array): { f: Float64Array; g: Float64Array } {
  const shift = flat(theirs).reduce((sum, value, i) => sum + value - f[i]!, 0) / f.length;
  return { f: f.map((value) => value + shift), g: g.map((value) => value - shift) };
}

/** POT's `reg_m`, a number or a pair with infinities, as our marginals. */
export function penalties(record: GoldenRecord): { rho: number[]; marginals: { source: MarginalConstraint; target: MarginalConstraint } } {
  const rho = (record.parameters['reg_m'] as unknown as (number | 'inf')[]).map((r) => (r === 'inf' ? Number.POSITIVE_INFINITY : r));
  const side = (r: number): MarginalConstraint => (r === Number.POSITIVE_INFINITY ? 'exact' : { kl: r });
  return { rho, marginals: { source: side(rho[0]!), target: side(rho[1]!) } };
}

export const total = (weights: readonly number[]): number => weights.reduce((sum, w) => sum + w, 0);
