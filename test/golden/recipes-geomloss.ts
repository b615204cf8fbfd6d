import { euclidean } from '../../src/costs/euclidean.ts';
import { halfSquaredEuclidean } from '../../src/costs/squared-euclidean.ts';
import type { MarginalConstraint } from '../../src/couplings/entropic-problem.ts';
import { gridMarginal } from '../../src/marginals/grid-marginal.ts';
import { flat, type Numbers, piece, sides, vector } from './fixtures.ts';
import { alignedTo, divergenceOf, number, type Recipes, solve, solveBetween, total } from './our-answers.ts';

/** Each call of GeomLoss in our words. */
export const GEOMLOSS: Recipes = [
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
  [
    /SamplesLoss \w+ p=2 debias=True|SamplesLoss (gradient|scaling)/,
    (r) => {
      const [blur, reach] = [number(r, 'blur'), r.parameters['reach'] as number | null];
      const side: MarginalConstraint = reach === null ? 'exact' : { kl: reach ** 2 };
      const { source, target } = sides(r.problem);
      const options = { cost: halfSquaredEuclidean(), epsilon: blur ** 2, marginals: { source: side, target: side } };
      const { value, gradient } = divergenceOf(source, target, options);
      return r.name.includes('gradient') ? { x: gradient() } : { value };
    },
  ],
  [
    /SamplesLoss potentials \w+ p=2 debias=True/,
    (r) => {
      const options = { cost: halfSquaredEuclidean(), epsilon: number(r, 'blur') ** 2 };
      const { source, target } = sides(r.problem);
      const { cross, source: self, target: other } = divergenceOf(source, target, options).divergence.couplings;
      const { f, g } = cross.potentials;
      return alignedTo(
        r.returned['f']!,
        f.map((value, i) => value - self.potentials.f[i]!),
        g.map((value, j) => value - other.potentials.f[j]!),
      );
    },
  ],
  [
    /sinkhorn_divergence images/,
    (r) => {
      const [first, second] = (piece('images', 'measures') as Numbers[]).map((image) => flat(image));
      const grid = (weights: number[]) => gridMarginal({ shape: [8, 8], weights, spacing: 1 / 8 });
      const options = { cost: halfSquaredEuclidean(), epsilon: number(r, 'blur') ** 2 };
      if (r.name.includes('debias=False')) return { value: solveBetween(grid(first!), grid(second!), options).value.primal };
      return { value: divergenceOf(grid(first!), grid(second!), options).value };
    },
  ],
];
