export { plotCoupling, type ViewOptions } from './plot-coupling.ts';
export { plotErrorBudget } from './plot-error-budget.ts';
export { plotMarginals } from './plot-marginals.ts';
export { plotPaths } from './plot-paths.ts';
