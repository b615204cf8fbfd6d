export { type CircularCost, circular } from './circular.ts';
export { cosine } from './cosine.ts';
export type { Cost } from './cost.ts';
export { type CostDerivatives, costFunction } from './cost-function.ts';
export { costMatrix } from './cost-matrix.ts';
export { euclidean } from './euclidean.ts';
export { type LpCost, lp } from './lp.ts';
export { halfSquaredEuclidean, squaredEuclidean } from './squared-euclidean.ts';
