import { canvas } from './svg.ts';

/** One line of a picture. */
export interface LineSeries {
  readonly label: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
  /** @defaultValue false */
  readonly dashed?: boolean;
}

/**
 * Draws lines with their points, one colour a series and a legend above.
 *
 * @param options labels of the axes, `logX` and `logY` for logarithmic ones; on a logarithmic axis what is not > 0 is left out
 * @returns an SVG picture as text
 */
export async function plotLines(
  series: readonly LineSeries[],
  options: { readonly title: string; readonly x: string; readonly y: string; readonly logX?: boolean; readonly logY?: boolean },
): Promise<string> {
  const { Plot, draw } = await canvas();
  const visible = ({ x, y }: { x: number; y: number }): boolean => !((options.logX && !(x > 0)) || (options.logY && !(y > 0)));
  const data = series.flatMap(({ label, dashed = false, points }) => points.filter(visible).map((point) => ({ ...point, label, dashed })));
  const marks = [false, true].map((dashed) =>
    Plot.line(
      data.filter((one) => one.dashed === dashed),
      { x: 'x', y: 'y', stroke: 'label', strokeWidth: 2, ...(dashed ? { strokeDasharray: '5 4' } : {}) },
    ),
  );
  // A legend would be HTML; labels at the ends of the lines are part of the picture.
  const ends = series.flatMap(({ label, points }) => {
    const last = points.filter(visible).at(-1);
    return last === undefined ? [] : [{ ...last, label }];
  });
  return draw({
    ariaLabel: options.title,
    marginRight: 150,
    x: { label: options.x, type: options.logX ? 'log' : 'linear', grid: true },
    y: { label: options.y, type: options.logY ? 'log' : 'linear', grid: true },
    color: { domain: series.map(({ label }) => label), scheme: 'observable10' },
    marks: [
      ...marks,
      Plot.dot(data, { x: 'x', y: 'y', fill: 'label', r: 2.5 }),
      Plot.text(ends, { x: 'x', y: 'y', text: 'label', fill: 'label', textAnchor: 'start', dx: 8 }),
    ],
  });
}
