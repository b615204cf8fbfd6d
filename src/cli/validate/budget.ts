import type { BridgeProblem } from '../../couplings/bridge-problem.ts';
import type { ErrorBudget } from '../../diagnostics/error-budget.ts';

/**
 * The largest part of a budget over all half-steps and entries, means in units of the target's standard deviation and covariances in units
 * of its variance.
 */
export function largestPart(
  budget: ErrorBudget,
  problem: BridgeProblem,
  part: 'ipf' | 'discretisation' | 'regressionFresh',
  halfStep?: number,
): number {
  const variances = Array.from({ length: problem.dimension }, (_, i) => problem.target.covariance().get(i, i));
  const d = problem.dimension;
  let most = 0;
  for (const row of budget.rows) {
    if (halfStep !== undefined && row.halfStep !== halfStep) continue;
    row[part].forEach((value, i) => {
      const unit = row.moment.endsWith('Mean') ? Math.sqrt(variances[i]!) : Math.sqrt(variances[Math.floor(i / d)]! * variances[i % d]!);
      most = Math.max(most, Math.abs(value) / unit);
    });
  }
  return most;
}

/**
 * The trend of the fresh regression error over the half-steps: the least-squares slope of its root mean square, times the number of
 * half-steps, relative to its mean. 0 is flat; +1 means it doubles around its mean.
 */
export function freshTrend(budget: ErrorBudget): number {
  const halfSteps = [...new Set(budget.rows.map((row) => row.halfStep))];
  const sizes = halfSteps.map((halfStep) => {
    const values = budget.rows.filter((row) => row.halfStep === halfStep).flatMap((row) => [...row.regressionFresh]);
    return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
  });
  const n = sizes.length;
  const [meanStep, meanSize] = [(n + 1) / 2, sizes.reduce((a, b) => a + b, 0) / n];
  let [cross, square] = [0, 0];
  sizes.forEach((size, i) => {
    cross += (i + 1 - meanStep) * (size - meanSize);
    square += (i + 1 - meanStep) ** 2;
  });
  return square > 0 && meanSize > 0 ? ((cross / square) * n) / meanSize : 0;
}
