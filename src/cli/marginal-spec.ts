import { readPoints } from '../io/files.ts';
import { discreteMarginal } from '../marginals/discrete-marginal.ts';
import { gaussianMarginal } from '../marginals/gaussian-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import * as shapes from '../marginals/shapes.ts';
import { UsageError } from './console.ts';
import { type NamedNumbers, oneNumber, parseNamedNumbers } from './named-numbers.ts';

const SHAPES: Readonly<Record<string, (options: shapes.ShapeOptions) => Marginal>> = { ...shapes };

/** What `--source` and `--target` of `bridge` may be. */
export const MARGINAL_HELP: string = `a shape (${Object.keys(SHAPES).join(', ')}; moons:noise=0.1:scale=2), gaussian:mean=-1,0:cov=1, or a .csv or .npy file`;

/** The marginal that a specification names. */
export function parseMarginal(option: string, text: string): Marginal {
  if (/\.(csv|npy)$/.test(text)) return discreteMarginal({ points: readPoints(text) });
  const spec = parseNamedNumbers(option, text, (name) => {
    if (name === 'gaussian') return ['mean', 'cov'];
    if (Object.hasOwn(SHAPES, name)) return ['noise', 'scale'];
    throw new UsageError(`${option} ${text}: nothing is called '${name}'; pass ${MARGINAL_HELP}`);
  });
  if (spec.name === 'gaussian') return gaussian(option, text, spec);
  const parameter = (key: 'noise' | 'scale') => (spec.values.has(key) ? { [key]: oneNumber(option, text, spec, key) } : {});
  return SHAPES[spec.name]!({ ...parameter('noise'), ...parameter('scale') });
}

/** `cov` is one number (isotropic), d numbers (diagonal) or d² numbers (row by row). */
function gaussian(option: string, text: string, { values }: NamedNumbers): Marginal {
  const mean = values.get('mean') ?? [0];
  const cov = values.get('cov') ?? [1];
  const d = mean.length;
  if (cov.length === 1) return gaussianMarginal({ mean, covariance: cov[0]! });
  const at = (i: number, j: number): number => (cov.length === d ? (i === j ? cov[i]! : 0) : cov[i * d + j]!);
  if (cov.length !== d && cov.length !== d * d) {
    throw new UsageError(`${option} ${text}: cov has ${cov.length} numbers; give 1, ${d} (a diagonal) or ${d * d} (row by row)`);
  }
  return gaussianMarginal({ mean, covariance: Array.from({ length: d }, (_, i) => Array.from({ length: d }, (_, j) => at(i, j))) });
}
