export {
  type CircularCost,
  type Cost,
  type CostDerivatives,
  circular,
  cosine,
  costFunction,
  costMatrix,
  euclidean,
  halfSquaredEuclidean,
  type LpCost,
  lp,
  squaredEuclidean,
} from './costs/index.ts';
export {
  type Bridge,
  type BridgeProblem,
  bridgeProblem,
  type Coupling,
  type CouplingMoments,
  type EntropicProblem,
  entropicProblem,
  independentCoupling,
  type MarginalConstraint,
  type MarginalError,
  type Paths,
  type SimulateOptions,
  staticProblem,
  type TransportProblem,
  transportProblem,
} from './couplings/index.ts';
export * from './diagnostics/index.ts';
export * from './diffusion/index.ts';
export * from './discrete/index.ts';
export {
  type ChainDrift,
  type DriftModel,
  type DriftModelContext,
  type DriftModelSpec,
  driftModels,
  type LearningRate,
  type LearningRateSchedule,
  type MlpOptions,
  type RegressionBatch,
  type TensorFlow,
  type TensorFlowLayersModel,
  type TensorFlowOptions,
  type TimeFeatures,
} from './drifts/index.ts';
export * from './errors.ts';
export * from './gaussian/index.ts';
export * from './marginals/index.ts';
export type { IterationOptions, Progress, Status } from './numerics/iterate.ts';
export { type Points, type PointsLike, points, type VectorLike } from './numerics/points.ts';
export { type RandomSource, type RandomState, randomSource, restoreRandomSource } from './numerics/random.ts';
export type { CovarianceLike, MatrixLike } from './numerics/vectors.ts';
export * from './references/index.ts';
