import type { BridgeComparison } from '../diagnostics/compare-bridges.ts';
import type { ErrorBudget } from '../diagnostics/error-budget.ts';
import { BUDGET_PARTS, partSize } from '../plot/plot-error-budget.ts';
import type { Table } from './report.ts';

/** The tables of a bridge's report: its distance from the exact bridge over time, and its error taken apart. */
export function bridgeTables(comparison: BridgeComparison | undefined, budget: ErrorBudget | undefined): Table[] {
  return [...(comparison === undefined ? [] : [comparisonTable(comparison)]), ...(budget === undefined ? [] : [budgetTable(budget)])];
}

function comparisonTable({ perTime }: BridgeComparison): Table {
  return {
    title: 'Distance from the exact bridge',
    headings: ['t', 'means', 'marginals, BW²-UVP in %', 'drift, mean square'],
    rows: perTime.map(({ t, meanDifference, bwUvp, driftMse }) => [t, meanDifference, bwUvp, driftMse]),
  };
}

/** Root mean squares over all entries of all moments. */
function budgetTable({ rows }: ErrorBudget): Table {
  const halfSteps = [...new Set(rows.map(({ halfStep }) => halfStep))];
  return {
    title: 'Error budget, root mean square over the moments of both ends',
    headings: ['half-step', ...BUDGET_PARTS.map(([, label]) => label)],
    rows: halfSteps.map((halfStep) => {
      const own = rows.filter((row) => row.halfStep === halfStep);
      return [halfStep, ...BUDGET_PARTS.map(([part]) => partSize(own, part))];
    }),
  };
}
