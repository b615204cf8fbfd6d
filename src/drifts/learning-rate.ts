import { DomainError } from '../errors.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';

/** How a learning rate moves from its initial to its final value. */
export type LearningRateSchedule = 'constant' | 'linear' | 'exponential' | 'cosine';

/**
 * The learning rate of a half-step. With u from 0 to 1 over the training steps after the warm-up, from η₀ to η₁:
 *
 * - `constant`: η₀;
 * - `linear`: η₀ + u(η₁ − η₀);
 * - `exponential`: η₀ (η₁/η₀)^u;
 * - `cosine`: η₁ + (η₀ − η₁)(1 + cos πu)/2.
 *
 * During the warm-up it rises linearly to η₀. A number is that rate falling to a hundredth of itself along the cosine.
 *
 * @example
 * ```ts
 * import type { LearningRate } from 'viaduct';
 * const learningRate: LearningRate = { initial: 3e-3, schedule: 'exponential', final: 1e-4, warmup: 0.05 };
 * console.log(learningRate.schedule); // → exponential
 * ```
 */
export type LearningRate =
  | number
  | {
      /** η₀. */
      readonly initial: number;
      /** η₁. @defaultValue a hundredth of `initial` */
      readonly final?: number;
      readonly schedule: LearningRateSchedule;
      /** Share of the training steps, in [0, 1), over which the rate rises from 0 to `initial`. @defaultValue 0 */
      readonly warmup?: number;
    };

const SCHEDULES: readonly string[] = ['constant', 'linear', 'exponential', 'cosine'] satisfies LearningRateSchedule[];
const FALL = 0.01;

/**
 * The learning rate at a share of the training steps done, step/steps in [0, 1); see {@link LearningRate}. Pure: the same rate for the same
 * share, so that a resumed run goes on where it was.
 */
export function learningRateAt(rate: LearningRate, share: number): number {
  const { initial, final, schedule, warmup = 0 } = typeof rate === 'number' ? ({ initial: rate, schedule: 'cosine' } as const) : rate;
  // The first step is not lost: a rate of 0 is nowhere.
  if (share < warmup) return initial * Math.max(share / warmup, FALL);
  const u = (share - warmup) / (1 - warmup);
  const last = final ?? FALL * initial;
  switch (schedule) {
    case 'constant':
      return initial;
    case 'linear':
      return initial + u * (last - initial);
    case 'exponential':
      return initial * (last / initial) ** u;
    case 'cosine':
      return last + (initial - last) * 0.5 * (1 + Math.cos(Math.PI * u));
  }
}

/**
 * The rate itself, when it is one.
 *
 * @throws DomainError that names `path`, the public place of the option
 */
export function requireLearningRate(path: string, rate: LearningRate): LearningRate {
  const positive = (name: string, value: number): void => {
    if (!(value > 0 && Number.isFinite(value))) throw new DomainError(`${path}${name} must be a number > 0, got ${value}; pass 3e-3, say`);
  };
  if (typeof rate !== 'object' || rate === null) {
    positive('', rate);
    return rate;
  }
  requireKnownOptions(path, rate, ['initial', 'final', 'schedule', 'warmup']);
  positive('.initial', rate.initial);
  if (rate.final !== undefined) positive('.final', rate.final);
  if (!SCHEDULES.includes(rate.schedule)) {
    throw new DomainError(`${path}.schedule: unknown schedule '${String(rate.schedule)}'; use ${SCHEDULES.join(', ')}`);
  }
  if (rate.warmup !== undefined && !(rate.warmup >= 0 && rate.warmup < 1)) {
    throw new DomainError(`${path}.warmup must be a share of the steps in [0, 1), got ${rate.warmup}; pass 0.05, say`);
  }
  return rate;
}
