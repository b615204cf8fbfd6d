import type { Bridge } from '../couplings/bridge.ts';
import { row } from '../numerics/points.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';
import { resolveView, type ViewOptions } from './plot-coupling.ts';
import { COLOURS, canvas } from './svg.ts';

/**
 * Draws the marginals of a bridge over time, one panel a time: a sample, with the ellipses of its second moments and, where given, of a
 * bridge to compare with.
 *
 * @param options `times`, default 0, ¼, ½, ¾, 1 of the horizon; `against`: another bridge, drawn as dashed ellipses; coordinates and labels
 * @returns an SVG picture as text
 * @example
 * ```ts
 * import { bridgeProblem, brownian, gaussianBridge, gaussianMarginal } from 'viaduct';
 * import { plotMarginals } from 'viaduct/plot';
 * const at = (m: number) => gaussianMarginal({ mean: [m, 0], covariance: 1 });
 * const svg = await plotMarginals(gaussianBridge(bridgeProblem({ source: at(0), target: at(4), reference: brownian({ sigma: 1 }) })));
 * console.log(svg.startsWith('<svg')); // → true
 * ```
 */
export async function plotMarginals(
  bridge: Bridge,
  options: ViewOptions & { readonly times?: readonly number[]; readonly against?: Bridge; readonly random?: RandomSource } = {},
): Promise<string> {
  requireKnownOptions('plotMarginals', options, ['coordinates', 'labels', 'times', 'against', 'random']);
  const { coordinates, labels } = resolveView('plotMarginals', bridge.source.dimension, options);
  const { horizon } = bridge.reference;
  const times = options.times ?? [0, 0.25, 0.5, 0.75, 1].map((share) => share * horizon);
  const random = options.random ?? randomSource(0).split('plot marginals');
  const dots = times.flatMap((t, k) => {
    const sample = bridge.marginalAt(t).sample(250, random.split(k));
    return Array.from({ length: sample.count }, (_, i) => ({
      time: name(t),
      x: row(sample, i)[coordinates[0]]!,
      y: row(sample, i)[coordinates[1]]!,
    }));
  });
  const rings = (of: Bridge) => times.flatMap((t) => ellipse(of, t, coordinates).map(([x, y], i) => ({ time: name(t), x, y, i })));
  const { Plot, draw } = await canvas();
  const ring = (of: Bridge, stroke: string, dash?: string) =>
    Plot.line(rings(of), {
      fx: 'time',
      x: 'x',
      y: 'y',
      z: 'time',
      stroke,
      strokeWidth: 2,
      ...(dash === undefined ? {} : { strokeDasharray: dash }),
    });
  return draw({
    ariaLabel: `Marginals at times ${times.map(name).join(', ')}`,
    width: 900,
    height: 260,
    fx: { label: null, domain: times.map(name) },
    x: { label: labels[0], ticks: 4 },
    y: { label: labels[1] },
    marks: [
      Plot.dot(dots, { fx: 'time', x: 'x', y: 'y', r: 1.3, fill: 'currentColor', fillOpacity: 0.35 }),
      ...(options.against === undefined ? [] : [ring(options.against, COLOURS.truth, '4 3')]),
      ring(bridge, COLOURS.learned),
    ],
  });
}

function name(t: number): string {
  return `t = ${Number(t.toPrecision(3))}`;
}

/** The curve of Mahalanobis distance 2 around the mean, in two coordinates. */
function ellipse(bridge: Bridge, t: number, [p, q]: readonly [number, number]): [number, number][] {
  const marginal = bridge.marginalAt(t);
  const mean = marginal.mean();
  const s = marginal.covariance();
  // Cholesky of the 2 × 2 block; a degenerate direction draws as a line.
  const a = Math.sqrt(Math.max(s.get(p, p), 0));
  const b = a > 0 ? s.get(p, q) / a : 0;
  const c = Math.sqrt(Math.max(s.get(q, q) - b * b, 0));
  return Array.from({ length: 73 }, (_, i) => {
    const [u, v] = [2 * Math.cos((i * Math.PI) / 36), 2 * Math.sin((i * Math.PI) / 36)];
    return [mean[p]! + a * u, mean[q]! + b * u + c * v];
  });
}
