import type { BridgeComparison } from '../diagnostics/compare-bridges.ts';
import type { ErrorBudget } from '../diagnostics/error-budget.ts';
import type { InapplicableCheck } from '../diagnostics/theorem-check.ts';
import { BUDGET_PARTS, partSize } from '../plot/plot-error-budget.ts';
import type { Table } from './report.ts';

/** The tables of a bridge's report: its distance from the exact bridge over time, its error taken apart, and what could not be checked. */
export function bridgeTables(
  comparison: BridgeComparison | undefined,
  budget: ErrorBudget | undefined,
  inapplicable: readonly InapplicableCheck[],
): Table[] {
  return [
    ...(comparison === undefined ? [] : [comparisonTable(comparison)]),
    ...(budget === undefined ? [] : [budgetTable(budget)]),
    ...(inapplicable.length === 0 ? [] : [inapplicableTable(inapplicable)]),
  ];
}

function inapplicableTable(inapplicable: readonly InapplicableCheck[]): Table {
  return {
    title: 'Checks that do not apply',
    headings: ['check', 'reason'],
    rows: inapplicable.map(({ name, reason }) => [name, reason]),
  };
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
