import type { Paths } from '../couplings/bridge.ts';
import { DomainError } from '../errors.ts';
import { row } from '../numerics/points.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';
import { COLOURS, canvas } from './svg.ts';

/**
 * Draws paths: one coordinate against time.
 *
 * @param options `coordinate`, default 0; `label` of its axis; `most` paths drawn, default 60
 * @returns an SVG picture as text
 * @example
 * ```ts
 * import { bridgeProblem, brownian, gaussianBridge, gaussianMarginal, randomSource, timeGrid } from 'viaduct';
 * import { plotPaths } from 'viaduct/plot';
 * const unit = gaussianMarginal({ mean: [0], covariance: 1 });
 * const bridge = gaussianBridge(bridgeProblem({ source: unit, target: unit, reference: brownian({ sigma: 1 }) }));
 * const svg = await plotPaths(bridge.simulate({ count: 20, grid: timeGrid.uniform({ steps: 20 }), random: randomSource(1) }));
 * console.log(svg.startsWith('<svg')); // → true
 * ```
 */
export async function plotPaths(
  paths: Paths,
  options: { readonly coordinate?: number; readonly label?: string; readonly most?: number } = {},
): Promise<string> {
  requireKnownOptions('plotPaths', options, ['coordinate', 'label', 'most']);
  const { coordinate = 0, label = `x${(options.coordinate ?? 0) + 1}`, most = 60 } = options;
  const first = paths.points[0]!;
  if (!(coordinate >= 0 && coordinate < first.dimension)) {
    throw new DomainError(
      `plotPaths: coordinate ${coordinate} does not exist in dimension ${first.dimension}; pass 0 … ${first.dimension - 1}`,
    );
  }
  const shown = Math.min(most, first.count);
  const data = Array.from({ length: shown }, (_, path) =>
    paths.points.map((points, k) => ({ path, t: paths.times[k]!, x: row(points, path)[coordinate]! })),
  ).flat();
  const ends = (k: number): { t: number; x: number }[] => data.filter(({ t }) => t === paths.times.at(k));
  const { Plot, draw } = await canvas();
  return draw({
    ariaLabel: `${shown} paths, coordinate ${label} against time`,
    x: { label: 'time' },
    y: { label },
    marks: [
      Plot.line(data, { x: 't', y: 'x', z: 'path', strokeOpacity: 0.35, strokeWidth: 1 }),
      Plot.dot(ends(0), { x: 't', y: 'x', fill: COLOURS.source, r: 2.5 }),
      Plot.dot(ends(-1), { x: 't', y: 'x', fill: COLOURS.target, r: 2.5 }),
    ],
  });
}
