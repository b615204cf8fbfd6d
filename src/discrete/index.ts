export { type BarycenterOptions, barycenter, barycenterAsync } from './barycenter.ts';
export type { Barycenter } from './barycenter-answer.ts';
export type { BarycenterProblem, FreeSupport } from './barycenter-problem.ts';
export type { DiscreteCoupling, SolverStats } from './discrete-coupling.ts';
export type { DiscreteGradients } from './discrete-gradients.ts';
export { type ExactTransportOptions, exactTransport, exactTransportAsync } from './exact-transport.ts';
export {
  type ImplicitGradient,
  type ImplicitGradientOptions,
  implicitGradient,
  implicitGradientAsync,
} from './implicit-gradient.ts';
export type { InitialPotentials } from './initial-potentials.ts';
export type { LevelRecord } from './level-record.ts';
export type { PlanCotangent } from './plan-cotangent.ts';
export { type SinkhornOptions, sinkhorn, sinkhornAsync } from './sinkhorn.ts';
export { type BatchProgress, type SinkhornBatchOptions, sinkhornBatch, sinkhornBatchAsync } from './sinkhorn-batch.ts';
export { type SinkhornBridge, sinkhornBridge } from './sinkhorn-bridge.ts';
export {
  type DivergenceGradients,
  type SinkhornDivergence,
  type SinkhornDivergenceOptions,
  sinkhornDivergence,
  sinkhornDivergenceAsync,
} from './sinkhorn-divergence.ts';
export type { DiscreteValue } from './values.ts';
