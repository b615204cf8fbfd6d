export type { LearnedMoments } from './chain-moments.ts';
export { diffusionBridge } from './diffusion-bridge.ts';
export type { DiffusionBridge, HalfStepRecord } from './diffusion-run.ts';
export type { LearnedBridge } from './learned-bridge.ts';
export type { CacheOptions, DiffusionOptions, TrainingProgress } from './options.ts';
export type { TrainingTarget } from './regression-target.ts';
