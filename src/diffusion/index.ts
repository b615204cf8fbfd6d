export type { LearnedMoments } from './chain-moments.ts';
export { diffusionBridge } from './diffusion-bridge.ts';
export type { DiffusionBridge, HalfStepRecord } from './diffusion-run.ts';
export type { LearnedBridge } from './learned-bridge.ts';
export { type MixtureBridge, mixtureBridge } from './mixture-bridge.ts';
export type { MixtureLaw, MixtureParts } from './mixture-law.ts';
export type { MixtureOptions, MixtureProgress, ResolvedMixtureOptions } from './mixture-options.ts';
export type { CacheOptions, DiffusionOptions, TrainingProgress } from './options.ts';
export type { TrainingTarget } from './regression-target.ts';
