import { brownian } from '../references/brownian.ts';
import { ornsteinUhlenbeck } from '../references/ornstein-uhlenbeck.ts';
import type { Reference } from '../references/reference.ts';
import { varianceExploding } from '../references/variance-exploding.ts';
import { subVariancePreserving, variancePreserving } from '../references/variance-preserving.ts';
import { UsageError } from './console.ts';
import { oneNumber, parseNamedNumbers } from './named-numbers.ts';

const KEYS: Readonly<Record<string, readonly string[]>> = {
  brownian: ['sigma', 'horizon'],
  'ornstein-uhlenbeck': ['rate', 'sigma', 'mean', 'horizon'],
  'variance-exploding': ['sigmaMin', 'sigmaMax'],
  'variance-preserving': ['betaMin', 'betaMax'],
  'sub-variance-preserving': ['betaMin', 'betaMax'],
};

/** What `--reference` may be. */
export const REFERENCE_HELP: string = Object.entries(KEYS)
  .map(([name, keys]) => `${name}:${keys.map((key) => `${key}=…`).join(':')}`)
  .join(', ');

/** The reference process that a specification names. */
export function parseReference(text: string): Reference {
  const option = '--reference';
  const spec = parseNamedNumbers(option, text, (name) => {
    const keys = Object.hasOwn(KEYS, name) ? KEYS[name] : undefined;
    if (keys === undefined) throw new UsageError(`${option} ${text}: no reference is called '${name}'; use ${REFERENCE_HELP}`);
    return keys;
  });
  const number = (key: string, otherwise?: number): number => oneNumber(option, text, spec, key, otherwise);
  switch (spec.name) {
    case 'brownian':
      return brownian({ sigma: number('sigma', 1), horizon: number('horizon', 1) });
    case 'ornstein-uhlenbeck': {
      const mean = spec.values.get('mean') ?? [0];
      const common = { rate: number('rate', 1), sigma: number('sigma', 1), horizon: number('horizon', 1) };
      return ornsteinUhlenbeck({ ...common, mean: mean.length === 1 ? mean[0]! : mean });
    }
    case 'variance-exploding':
      return varianceExploding({ sigmaMin: number('sigmaMin', 0.01), sigmaMax: number('sigmaMax', 5) });
    case 'variance-preserving':
      return variancePreserving({ betaMin: number('betaMin', 0.1), betaMax: number('betaMax', 20) });
    default:
      return subVariancePreserving({ betaMin: number('betaMin', 0.1), betaMax: number('betaMax', 20) });
  }
}
