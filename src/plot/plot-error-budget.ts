import type { ErrorBudget } from '../diagnostics/error-budget.ts';
import { canvas } from './svg.ts';

/** The parts of a budget in the order of the telescope, with the words of the legend. */
export const BUDGET_PARTS = [
  ['ipf', 'IPF not finished'],
  ['discretisation', 'time grid'],
  ['regressionFresh', 'regression, this half-step'],
  ['regressionAccumulated', 'regression, inherited'],
  ['sampling', 'finite sample'],
] as const;

/** Errors below this are rounding and left out: the axis is logarithmic. */
const FLOOR = 1e-13;

/**
 * Draws an error budget: the root mean square of each part over all entries of all moments, against the half-step, on a logarithmic axis.
 *
 * @returns an SVG picture as text
 * @example
 * ```ts
 * import { bridgeProblem, brownian, diffusionBridge, driftModels, errorBudget, gaussianMarginal } from 'viaduct';
 * import { plotErrorBudget } from 'viaduct/plot';
 * const unit = gaussianMarginal({ mean: [0], covariance: 1 });
 * const problem = bridgeProblem({ source: unit, target: unit, reference: brownian({ sigma: 1 }) });
 * const run = await diffusionBridge(problem, { iterations: 1, drift: driftModels.linear(), innerSteps: 50, cache: 1000 });
 * console.log((await plotErrorBudget(await errorBudget(run))).startsWith('<svg')); // → true
 * ```
 */
export async function plotErrorBudget(budget: ErrorBudget): Promise<string> {
  const halfSteps = [...new Set(budget.rows.map((row) => row.halfStep))];
  const data = halfSteps.flatMap((halfStep) => {
    const rows = budget.rows.filter((row) => row.halfStep === halfStep);
    return BUDGET_PARTS.map(([part, label]) => ({ halfStep, label, error: partSize(rows, part) })).filter(({ error }) => error > FLOOR);
  });
  const { Plot, draw } = await canvas();
  return draw({
    ariaLabel: 'Error budget: root mean square of each part against the half-step',
    marginRight: 170,
    x: { label: 'half-step', ticks: halfSteps, tickFormat: 'd' },
    y: { type: 'log', label: 'root mean square of the moments', grid: true, ticks: 5, tickFormat: '.0e' },
    color: { domain: BUDGET_PARTS.map(([, label]) => label), scheme: 'observable10' },
    marks: [
      Plot.line(data, { x: 'halfStep', y: 'error', z: 'label', stroke: 'label', strokeWidth: 2 }),
      Plot.dot(data, { x: 'halfStep', y: 'error', fill: 'label', r: 3 }),
      Plot.text(spread(data.filter(({ halfStep }) => halfStep === halfSteps.at(-1))), {
        x: 'halfStep',
        y: 'place',
        text: 'label',
        fill: 'label',
        textAnchor: 'start',
        dx: 8,
      }),
    ],
  });
}

/** Moves labels apart that would lie on each other: at least a factor 1.45 between neighbours. */
function spread<T extends { readonly error: number }>(ends: readonly T[]): (T & { place: number })[] {
  let last = 0;
  return [...ends]
    .sort((a, b) => a.error - b.error)
    .map((end) => {
      last = Math.max(end.error, 1.45 * last);
      return { ...end, place: last };
    });
}

/** Root mean square of a part over all entries of these rows. */
export function partSize(rows: ErrorBudget['rows'], part: (typeof BUDGET_PARTS)[number][0]): number {
  const values = rows.flatMap((row) => [...row[part]]);
  return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
}
