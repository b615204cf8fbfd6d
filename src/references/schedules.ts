import { DomainError } from '../errors.ts';
import { requireInteger, requireKnownOptions, requirePositive } from '../numerics/vectors.ts';

/** Step lengths γ_1 … γ_N for {@link timeGrid.fromSteps} and {@link dsbReference}. */
export const schedules: {
  /**
   * The symmetric schedule of the DSB paper: γ rises from `min` to `max` over the first half of the steps and falls back mirrored; with an
   * odd number of steps the middle one is `max`.
   *
   * @throws DomainError when `max` < `min`, or `spacing` is unknown
   * @see [debortoli2021]
   */
  symmetric(options: {
    readonly min: number;
    readonly max: number;
    readonly steps: number;
    /** @defaultValue `'linear'` */
    readonly spacing?: 'linear' | 'geometric';
  }): Float64Array;
} = {
  symmetric(options) {
    requireKnownOptions('schedules.symmetric', options, ['min', 'max', 'steps', 'spacing']);
    const min = requirePositive('schedules.symmetric: min', options.min);
    const max = requirePositive('schedules.symmetric: max', options.max);
    const steps = requireInteger('schedules.symmetric: steps', options.steps, 2);
    const spacing = options.spacing ?? 'linear';
    if (max < min) throw new DomainError(`schedules.symmetric: max ${max} is below min ${min}; exchange them`);
    if (spacing !== 'linear' && spacing !== 'geometric') {
      throw new DomainError(`schedules.symmetric: unknown spacing '${String(spacing)}'; use 'linear' or 'geometric'`);
    }
    const half = Math.ceil(steps / 2);
    return Float64Array.from({ length: steps }, (_, k) => {
      const rank = Math.min(k, steps - 1 - k);
      const share = half === 1 ? 1 : rank / (half - 1);
      return spacing === 'linear' ? min + share * (max - min) : min * Math.exp(share * Math.log(max / min));
    });
  },
};
