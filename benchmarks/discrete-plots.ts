// Pictures of the tables: time against error, size and 1/ε.
import { canvas } from '../src/plot/svg.ts';
import type { Measurement } from './discrete-cell.ts';
import type { Comparison } from './discrete-ratios.ts';
import { power } from './discrete-text.ts';
import { FAMILIES } from './families.ts';

const FAMILY_NAMES = Object.keys(FAMILIES);
const HUES = ['#3b7dd8', '#e0752d', '#2a9d6f', '#a05fb4', '#b8860b'];
/** Pictures of a page are read on light and dark ground: their own ground is white. */
const PAPER = { background: 'white', color: '#222' };
const COLOUR = { domain: FAMILY_NAMES, range: HUES } as const;
const MS = { type: 'log', label: 'milliseconds', tickFormat: '~s', grid: true } as const;

type Solved = Measurement & { readonly ms: number; readonly sharpness: number };

const solved = (rows: readonly Measurement[]): Solved[] =>
  rows.flatMap((row) => (row.seconds === null ? [] : [{ ...row, ms: 1000 * row.seconds, sharpness: 1 / row.eps }]));

/** Time to a true error, one panel an ε, at one size. */
export async function timeToError(rows: readonly Measurement[], n: number): Promise<string> {
  const data = solved(rows).filter((row) => row.n === n);
  const { Plot, draw } = await canvas();
  const svg = draw({
    ariaLabel: `Milliseconds to a true L1 error at n = ${n}, one panel an ε`,
    style: PAPER,
    marginTop: 40,
    width: 760,
    height: 340,
    insetLeft: 14,
    insetRight: 14,
    x: { type: 'log', reverse: true, label: 'true L1 error', tickFormat: power, ticks: [1e-3, 1e-6, 1e-9] },
    y: MS,
    fx: { label: 'ε / mean cost', reverse: true },
    color: COLOUR,
    marks: [
      Plot.frame({ strokeOpacity: 0.3 }),
      Plot.line(data, { x: 'target', y: 'ms', fx: 'eps', stroke: 'family' }),
      Plot.dot(data, { x: 'target', y: 'ms', fx: 'eps', fill: 'family', r: 3 }),
    ],
  });
  return withLegend(svg);
}

/** Time against n, one panel an ε, with the slope of n². */
export async function scalingWithSize(rows: readonly Measurement[], target: number): Promise<string> {
  const data = solved(rows).filter((row) => row.target === target);
  const panels = [...new Set(data.map((row) => row.eps))];
  const guide = panels.flatMap((eps) => {
    const here = data.filter((row) => row.eps === eps);
    const largest = Math.max(...here.map((row) => row.n));
    const top = Math.min(...here.filter((row) => row.n === largest).map((row) => row.ms)) * 0.6;
    return [...new Set(here.map((row) => row.n))].map((n) => ({ eps, n, ms: top * (n / largest) ** 2 }));
  });
  const { Plot, draw } = await canvas();
  const svg = draw({
    ariaLabel: `Milliseconds to a true L1 error of ${target} against the number of points, one panel an ε; dashed: the slope of n²`,
    style: PAPER,
    marginTop: 40,
    width: 760,
    height: 340,
    insetLeft: 14,
    insetRight: 14,
    x: { type: 'log', label: 'n', ticks: [...new Set(data.map((row) => row.n))], tickFormat: '~s' },
    y: MS,
    fx: { label: 'ε / mean cost', reverse: true },
    color: COLOUR,
    marks: [
      Plot.frame({ strokeOpacity: 0.3 }),
      Plot.line(guide, { x: 'n', y: 'ms', fx: 'eps', stroke: '#888', strokeDasharray: '4 4' }),
      Plot.line(data, { x: 'n', y: 'ms', fx: 'eps', stroke: 'family' }),
      Plot.dot(data, { x: 'n', y: 'ms', fx: 'eps', fill: 'family', r: 3 }),
    ],
  });
  return withLegend(svg);
}

/** Time against 1/ε at one size; dashed: the best entropic peer of each cell; dotted: the exact solver. */
export async function scalingWithSharpness(comparisons: readonly Comparison[], n: number, target: number): Promise<string> {
  const here = comparisons.filter((one) => one.n === n && one.target === target);
  const pick = (side: 'ours' | 'best' | 'exact') => solved(here.flatMap((one) => one[side] ?? []));
  const [ours, best, exact] = [pick('ours'), pick('best'), pick('exact')];
  const { Plot, draw } = await canvas();
  const svg = draw({
    ariaLabel: `Milliseconds to a true L1 error of ${target} at n = ${n} against 1/ε; dashed: best entropic peer; dotted: exact solver`,
    style: PAPER,
    marginTop: 40,
    width: 620,
    height: 420,
    x: { type: 'log', label: 'mean cost / ε', ticks: [...new Set(ours.map((row) => row.sharpness))], tickFormat: '~s' },
    y: MS,
    color: COLOUR,
    marks: [
      Plot.line(exact, { x: 'sharpness', y: 'ms', stroke: 'family', strokeDasharray: '1 4', strokeOpacity: 0.7 }),
      Plot.line(best, { x: 'sharpness', y: 'ms', stroke: 'family', strokeDasharray: '5 4' }),
      Plot.dot(best, { x: 'sharpness', y: 'ms', stroke: 'family', r: 3 }),
      Plot.line(ours, { x: 'sharpness', y: 'ms', stroke: 'family', strokeWidth: 2 }),
      Plot.dot(ours, { x: 'sharpness', y: 'ms', fill: 'family', r: 3.5 }),
    ],
  });
  return withLegend(svg);
}

/** The families above the picture; the legend of the drawing library would be HTML around it. */
function withLegend(svg: string): string {
  const room = 28;
  const entries = FAMILY_NAMES.map((name, k) => {
    const x = 14 + 122 * k;
    return `<circle cx="${x}" cy="-14" r="4.5" fill="${HUES[k]}"></circle><text x="${x + 9}" y="-10" fill="#222" text-anchor="start">${name}</text>`;
  });
  return svg
    .replace(/ height="(\d+)" viewBox="0 0 (\d+) \d+"/, (_, height, width) => {
      const tall = Number(height) + room;
      return ` height="${tall}" viewBox="0 ${-room} ${width} ${tall}"`;
    })
    .replace(/<\/svg>$/, `<g>${entries.join('')}</g></svg>`);
}
