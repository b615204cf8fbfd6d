import type { Coupling } from '../couplings/coupling.ts';
import type { DiscreteCoupling } from '../discrete/discrete-coupling.ts';
import { DomainError } from '../errors.ts';
import { type Points, row } from '../numerics/points.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';
import { COLOURS, canvas } from './svg.ts';

/** Which coordinates a picture shows, and their names. */
export interface ViewOptions {
  /** Indices of the two coordinates. @defaultValue `[0, 1]`, or `[0, 0]` in one dimension */
  readonly coordinates?: readonly [number, number];
  /** Names of the axes. @defaultValue `x1`, `x2`, … */
  readonly labels?: readonly [string, string];
}

/** Lines drawn at most: the heaviest. */
const LINES = 1500;
/** Pairs drawn of a coupling that is no plan between points. */
const PAIRS = 300;

/**
 * Draws a coupling: source and target points in two coordinates, joined by lines as dark as the mass between them. Couplings that are no
 * plan between points are drawn from 300 pairs.
 *
 * @returns an SVG picture as text
 * @example
 * ```ts
 * import { discreteMarginal, entropicProblem, sinkhorn } from 'viaduct';
 * import { plotCoupling } from 'viaduct/plot';
 * const source = discreteMarginal({ points: [[0, 0], [1, 0]] });
 * const target = discreteMarginal({ points: [[0, 1], [1, 1]] });
 * const svg = await plotCoupling(sinkhorn(entropicProblem({ source, target, epsilon: 0.1 })));
 * console.log(svg.startsWith('<svg')); // → true
 * ```
 */
export async function plotCoupling(coupling: Coupling, options: ViewOptions & { readonly random?: RandomSource } = {}): Promise<string> {
  requireKnownOptions('plotCoupling', options, ['coordinates', 'labels', 'random']);
  const view = resolveView('plotCoupling', coupling.source.dimension, options);
  const { sources, targets, links } =
    coupling.kind === 'discrete-coupling' ? fromPlan(coupling as DiscreteCoupling) : fromPairs(coupling, options.random);
  const at = (points: Points, i: number): [number, number] => [row(points, i)[view.coordinates[0]]!, row(points, i)[view.coordinates[1]]!];
  const top = links.reduce((most, link) => Math.max(most, link.mass), 0);
  const lines = links.map(({ i, j, mass }) => {
    const [x1, y1] = at(sources, i);
    const [x2, y2] = at(targets, j);
    return { x1, y1, x2, y2, opacity: 0.04 + 0.7 * (mass / top) };
  });
  const dots = (points: Points): [number, number][] => Array.from({ length: points.count }, (_, i) => at(points, i));
  const { Plot, draw } = await canvas();
  return draw({
    ariaLabel: `Coupling of ${sources.count} source and ${targets.count} target points`,
    x: { label: view.labels[0] },
    y: { label: view.labels[1] },
    marks: [
      Plot.link(lines, { x1: 'x1', y1: 'y1', x2: 'x2', y2: 'y2', strokeOpacity: 'opacity', stroke: 'currentColor', strokeWidth: 0.8 }),
      Plot.dot(dots(sources), { fill: COLOURS.source, r: 2.5 }),
      Plot.dot(dots(targets), { fill: COLOURS.target, r: 2.5 }),
    ],
  });
}

/** Checks coordinates and fills in names. */
export function resolveView(path: string, dimension: number, options: ViewOptions): Required<ViewOptions> {
  const coordinates = options.coordinates ?? (dimension > 1 ? [0, 1] : [0, 0]);
  for (const k of coordinates) {
    if (!(Number.isInteger(k) && k >= 0 && k < dimension)) {
      throw new DomainError(`${path}: coordinate ${k} does not exist in dimension ${dimension}; pass 0 … ${dimension - 1}`);
    }
  }
  return { coordinates, labels: options.labels ?? [`x${coordinates[0] + 1}`, `x${coordinates[1] + 1}`] };
}

interface Links {
  readonly sources: Points;
  readonly targets: Points;
  readonly links: readonly { readonly i: number; readonly j: number; readonly mass: number }[];
}

function fromPlan(coupling: DiscreteCoupling): Links {
  const links: { i: number; j: number; mass: number }[] = [];
  coupling
    .plan()
    .to2DArray()
    .forEach((masses, i) => {
      masses.forEach((mass, j) => {
        if (mass > 0) links.push({ i, j, mass });
      });
    });
  links.sort((a, b) => b.mass - a.mass);
  return { sources: coupling.source.points, targets: coupling.target.points, links: links.slice(0, LINES) };
}

function fromPairs(coupling: Coupling, random: RandomSource = randomSource(0).split('plot coupling')): Links {
  const { x, y } = coupling.sample(PAIRS, random);
  return { sources: x, targets: y, links: Array.from({ length: PAIRS }, (_, i) => ({ i, j: i, mass: 1 / PAIRS })) };
}
