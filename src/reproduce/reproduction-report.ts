import { canvas } from '../plot/svg.ts';
import type { Check, Figure, Report, Table } from '../report/report.ts';
import { type Reproduction, type ReproductionRow, shownValue } from './reproduction.ts';

/**
 * The report of a reproduction: what is to be reached, its table, its notes, and its pictures, or one of the table where it has none. The quick
 * form is judged by nothing: its figures are not those of the table.
 */
export async function reproductionReport(
  reproduction: Reproduction,
  { seed, versions, quick }: Pick<Report, 'seed' | 'versions'> & { readonly quick: boolean },
): Promise<Report> {
  const { name, title, notes, rows, columns, figures, seconds } = reproduction;
  const cells = rows.map((row) => columns.map((column) => shown(shownValue(row, column))));
  const table: Table = { title, headings: columns.map(({ heading }) => heading), rows: cells };
  return {
    title,
    summary: notes,
    tables: quick && reproduction.checks.length > 0 ? [table, goals(reproduction.checks)] : [table],
    seconds,
    seed,
    versions,
    checks: quick ? [] : reproduction.checks,
    figures: figures.length > 0 ? figures : await tablePictures(reproduction),
    results: {
      name,
      quick,
      rows,
      notes,
      toReach: reproduction.checks.map(({ ok: _, ...one }) => ({ ...one, verdict: shownVerdict(one, quick) })),
    },
  };
}

/** The verdict that is shown. */
export function shownVerdict({ verdict }: Pick<Check, 'verdict'>, quick: boolean): string {
  return quick ? 'not judged' : verdict;
}

/** What the quick form does not judge. */
function goals(checks: readonly Check[]): Table {
  return {
    title: 'To reach, not judged in the quick form',
    headings: ['figure', 'value', 'goal', 'fails above', 'what is compared'],
    rows: checks.map(({ name, value, goal, limit, meaning }) => [name, value, goal, limit, meaning]),
  };
}

function shown(value: ReproductionRow[string]): string | number | undefined {
  return typeof value === 'object' ? value.map((one) => Number(one.toPrecision(3))).join(' ') : value;
}

/** What a dot shows. */
interface Dot {
  readonly cell: string;
  readonly method: string;
  readonly value: number;
  readonly from: number;
  readonly to: number;
}

/**
 * The table as a picture: columns left of `method` say the cell of a row, the first numeric one right of it is what is drawn, with the bar of
 * `…spread` where there is one. Nothing when there is no such column.
 */
async function tablePictures({ title, columns, rows }: Reproduction): Promise<Figure[]> {
  const at = columns.findIndex(({ key }) => key === 'method');
  const shownColumn = columns.slice(at + 1).find(({ key }) => rows.some((row) => typeof row[key] === 'number'));
  if (at < 0 || shownColumn === undefined) return [];
  const { key, heading, scale = 1 } = shownColumn;
  const cellOf = (row: ReproductionRow): string =>
    columns
      .slice(0, at)
      .map((column) => (typeof row[column.key] === 'string' ? row[column.key] : `${column.heading} = ${row[column.key]}`))
      .join(', ');
  const dots: Dot[] = rows.flatMap((row) => {
    const [value, spread] = [row[key], row[`${key}Spread`] ?? row['spread'] ?? 0];
    if (!(typeof value === 'number' && value > 0) || typeof spread !== 'number') return [];
    const { method } = row;
    const from = value - spread > 0 ? value - spread : value;
    return [{ cell: cellOf(row), method, value: scale * value, from: scale * from, to: scale * (value + spread) }];
  });
  return dots.length === 0
    ? []
    : [{ title, caption: `${heading}; bars: one standard deviation over seeds.`, svg: await dotPicture(title, heading, dots) }];
}

/** One line a method, one panel a cell, one logarithmic axis for all. */
async function dotPicture(ariaLabel: string, label: string, dots: readonly Dot[]): Promise<string> {
  const [cells, methods] = [[...new Set(dots.map(({ cell }) => cell))], [...new Set(dots.map(({ method }) => method))]];
  const { Plot, draw } = await canvas();
  return draw({
    ariaLabel,
    width: 820,
    height: 60 + cells.length * (18 * methods.length + 12),
    marginLeft: 250,
    marginRight: 140,
    fy: { domain: cells, label: null },
    x: { type: 'log', label, grid: true, tickFormat: '~g', inset: 8 },
    y: { domain: methods, label: null },
    marks: [
      Plot.frame({ strokeOpacity: 0.15 }),
      Plot.ruleY(dots, { fy: 'cell', y: 'method', x1: 'from', x2: 'to', strokeWidth: 2, stroke: 'currentColor', strokeOpacity: 0.5 }),
      Plot.dot(dots, { fy: 'cell', y: 'method', x: 'value', r: 3.5, fill: 'currentColor' }),
    ],
  });
}
