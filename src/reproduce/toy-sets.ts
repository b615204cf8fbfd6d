import { type BridgeProblem, bridgeProblem } from '../couplings/bridge-problem.ts';
import { DomainError } from '../errors.ts';
import { dataMarginal } from '../marginals/discrete-marginal.ts';
import { gaussianMarginal } from '../marginals/gaussian-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { eightGaussians, moons, sCurve } from '../marginals/shapes.ts';
import type { Points } from '../numerics/points.ts';
import { randomSource } from '../numerics/random.ts';
import { brownian } from '../references/brownian.ts';
import { type TimeGrid, timeGrid } from '../references/time-grid.ts';

/** A pair of laws in the plane, and how their draws are made. */
export interface ToySet {
  readonly name: string;
  /** How options name it. */
  readonly key: string;
  readonly source: Marginal;
  readonly target: Marginal;
  readonly generator: string;
}

/** The four pairs of the two-dimensional table. Figures without the generator cannot be compared, so it is part of the table. */
export function toySets(): readonly ToySet[] {
  const normal = standardNormal();
  const two = moons({ noise: 0.2, scale: 3 });
  const eight = eightGaussians({ noise: 0.1, scale: 5 });
  const moonsText = 'shapes.moons({ noise: 0.2, scale: 3 }), the two moons in turn';
  const eightText = 'shapes.eightGaussians({ noise: 0.1, scale: 5 }), the eight modes in turn';
  return [
    { name: 'moons', key: 'moons', source: normal, target: two, generator: `N(0, I) to ${moonsText}` },
    {
      name: 'S-curve',
      key: 's-curve',
      source: normal,
      target: sCurve({ noise: 0.05, scale: 1.5 }),
      generator: 'N(0, I) to shapes.sCurve({ noise: 0.05, scale: 1.5 })',
    },
    { name: '8 Gaussians', key: '8-gaussians', source: normal, target: eight, generator: `N(0, I) to ${eightText}` },
    {
      name: 'moons → 8 Gaussians',
      key: 'moons-to-8-gaussians',
      source: two,
      target: eight,
      generator: `${moonsText}, to ${eightText}`,
    },
  ];
}

/** Everything that is drawn for one set and seed: the same arrays for every method. */
export interface ToySample {
  /** Between the training samples, over Brownian motion with σ = 1. */
  readonly problem: BridgeProblem & { readonly source: ReturnType<typeof dataMarginal>; readonly target: ReturnType<typeof dataMarginal> };
  readonly grid: TimeGrid;
  /** Fresh points of the source, from which methods generate. */
  readonly starts: Points;
  /** Fresh points of the target, which no method has seen. */
  readonly fresh: Points;
  /** As many again: what an exact generator would return. */
  readonly second: Points;
  /** Standard normal noise of every Euler step but the last, for every start: all methods are simulated with the same. */
  readonly noise: readonly Points[];
}

export const TOY_SIGMA = 1;
export const TOY_STEPS = 20;

/** Draws `count` points of each kind. */
export function toySample({ name, source, target }: ToySet, seed: number, count: number): ToySample {
  const random = randomSource(seed).split('two-d').split(name);
  const normal = standardNormal();
  const problem = bridgeProblem({
    source: dataMarginal(source.sample(count, random.split('source'))),
    target: dataMarginal(target.sample(count, random.split('target'))),
    reference: brownian({ sigma: TOY_SIGMA }),
  });
  return {
    problem: problem as ToySample['problem'],
    grid: timeGrid.uniform({ steps: TOY_STEPS }),
    starts: source.sample(count, random.split('starts')),
    fresh: target.sample(count, random.split('fresh')),
    second: target.sample(count, random.split('second')),
    noise: Array.from({ length: TOY_STEPS - 1 }, (_, k) => normal.sample(count, random.split('noise').split(k))),
  };
}

function standardNormal(): Marginal {
  return gaussianMarginal({ mean: [0, 0], covariance: 1 });
}

/** @throws DomainError when another dimension is asked for */
export function requireTwoDimensions(name: string, dimension: number | undefined): void {
  if (dimension === undefined || dimension === 2) return;
  throw new DomainError(`reproduce ${name}: the sets have two dimensions, got ${dimension}; leave --dimension out`);
}
