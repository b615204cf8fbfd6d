export type { ChainDrift, DriftModel, DriftModelContext, DriftModelSpec, RegressionBatch } from './drift-model.ts';
export { driftModels } from './drift-models.ts';
export type { LearningRate, LearningRateSchedule } from './learning-rate.ts';
export type { MlpOptions } from './mlp.ts';
export type { TensorFlowOptions } from './tensorflow.ts';
export type { TensorFlow, TensorFlowLayersModel } from './tensorflow-types.ts';
export type { TimeFeatures } from './time-features.ts';
