import type { Points } from '../numerics/points.ts';
import { row } from '../numerics/points.ts';
import { COLOURS, canvas } from '../plot/svg.ts';
import { PAPER_NODES } from './paper-runs.ts';

/** Backward paths after some iterations, as small multiples: one line of panels an iteration, one column a time, from the far side to the data. */
export async function iterationGrid(title: string, paths: ReadonlyMap<number, readonly Points[]>): Promise<string> {
  const time = (share: number): string => `${share === 0 ? 't = 0' : share === 1 ? 't = T' : `t = ${share} T`}`;
  const dots = [...paths].flatMap(([iteration, nodes]) =>
    nodes.flatMap((points, node) =>
      Array.from({ length: points.count }, (_, i) => ({
        iteration: `iteration ${iteration}`,
        time: time(PAPER_NODES[node]!),
        x: row(points, i)[0]!,
        y: row(points, i)[1]!,
      })),
    ),
  );
  const { Plot, draw } = await canvas();
  const svg = draw({
    ariaLabel: title,
    width: 900,
    height: 60 + 170 * paths.size,
    marginRight: 90,
    fx: { label: null, domain: PAPER_NODES.toReversed().map(time) },
    fy: { label: null, domain: [...paths.keys()].map((iteration) => `iteration ${iteration}`) },
    x: { label: null, ticks: 4 },
    y: { label: null, ticks: 4 },
    marks: [
      Plot.frame({ strokeOpacity: 0.2 }),
      Plot.dot(dots, { fx: 'time', fy: 'iteration', x: 'x', y: 'y', r: 1.2, fill: COLOURS.learned }),
    ],
  });
  // Two decimals of a pixel are plenty, and make the picture a third as large.
  return svg.replace(/\d+\.\d{3,}/g, (value) => String(Number(Number(value).toFixed(1))));
}
