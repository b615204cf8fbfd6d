export { type DiscreteMarginal, dataMarginal, discreteMarginal, histogram } from './discrete-marginal.ts';
export { type GaussianMarginal, gaussianMarginal } from './gaussian-marginal.ts';
export { type GridMarginal, gridMarginal } from './grid-marginal.ts';
export type { Marginal } from './marginal.ts';
export { type MixtureMarginal, mixtureMarginal } from './mixture-marginal.ts';
export { sampledMarginal } from './sampled-marginal.ts';
export * as shapes from './shapes.ts';
