import { DomainError } from '../errors.ts';
import { requireInteger, requireKnownOptions, requirePositive } from '../numerics/vectors.ts';

/**
 * What a net sees of the time t besides 2t/T − 1: `count` features sin ω_j t/T and cos ω_j t/T in turn, with the frequencies
 *
 * - `fourier`: ω_j = 2π·scale·j, j = 1, 2, …; `scale` is the lowest frequency in periods over the horizon;
 * - `sinusoidal`: ω_j = scale·10⁴^(−j/m), j = 0, 1, …, m − 1 for m pairs, as in diffusion models; `scale` is the number of their time steps.
 *
 * A number is that count of the kind `fourier`.
 *
 * @example
 * ```ts
 * import { driftModels, type TimeFeatures } from 'viaduct';
 * const timeFeatures: TimeFeatures = { kind: 'sinusoidal', count: 8, scale: 20 };
 * console.log(driftModels.mlp({ timeFeatures }).kind); // → mlp
 * ```
 * @see [ho2020]
 */
export type TimeFeatures =
  | number
  | {
      readonly kind: 'fourier' | 'sinusoidal';
      /** Number of features, sines and cosines together. */
      readonly count: number;
      /** @defaultValue `0.5` for `fourier`: half a period over the horizon; `1000` for `sinusoidal` */
      readonly scale?: number;
    };

const SCALES = { fourier: 0.5, sinusoidal: 1000 } as const;

/** The features with nothing left open. @throws DomainError that names `path`, the public place of the option */
export function requireTimeFeatures(path: string, features: TimeFeatures): TimeFeatures {
  if (typeof features !== 'object' || features === null) return requireInteger(path, features, 0);
  requireKnownOptions(path, features, ['kind', 'count', 'scale']);
  const { kind } = features;
  if (!Object.hasOwn(SCALES, kind)) throw new DomainError(`${path}.kind: unknown kind '${String(kind)}'; use 'fourier' or 'sinusoidal'`);
  const count = requireInteger(`${path}.count`, features.count, 0);
  return Object.freeze({ kind, count, scale: requirePositive(`${path}.scale`, features.scale ?? SCALES[kind]) });
}

/** 2τ − 1 and the features of τ = t/T, in single precision. */
export function timeFeatureRow(features: TimeFeatures, tau: number): Float32Array {
  const { kind, count, scale } = typeof features === 'number' ? ({ kind: 'fourier', count: features } as const) : features;
  const pairs = Math.ceil(count / 2);
  const width = scale ?? SCALES[kind];
  const row = new Float32Array(1 + count);
  row[0] = 2 * tau - 1;
  for (let j = 0; j < count; j++) {
    const pair = Math.floor(j / 2);
    const frequency = kind === 'fourier' ? 2 * Math.PI * width * (pair + 1) : width * 1e4 ** (-pair / pairs);
    row[1 + j] = j % 2 === 0 ? Math.sin(frequency * tau) : Math.cos(frequency * tau);
  }
  return row;
}
