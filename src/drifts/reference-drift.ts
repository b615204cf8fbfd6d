import { affineInto, flatten } from '../numerics/affine.ts';
import { wrapPoints } from '../numerics/points.ts';
import type { Reference } from '../references/reference.ts';
import type { TimeGrid } from '../references/time-grid.ts';
import type { ChainDrift } from './drift-model.ts';

/** The forward drift of a reference on the transitions of a grid: where every bridge starts from. */
export function referenceDrift(reference: Reference, grid: TimeGrid, dimension: number): ChainDrift {
  const at = (k: number): number => Math.min(grid.times[k]!, reference.horizon);
  if (reference.kind === 'simulated') {
    return {
      dimension,
      evaluate: (k, x, out) => out.set(reference.drift(at(k), wrapPoints(x, dimension)).data),
      affine: () => undefined,
      bytes: () => new Uint8Array(0),
    };
  }
  const coefficients = Array.from({ length: grid.steps }, (_, k) => reference.driftCoefficients(at(k), dimension));
  const flat = coefficients.map(({ matrix }) => flatten(matrix));
  return {
    dimension,
    evaluate: (k, x, out) => affineInto(flat[k]!, coefficients[k]!.offset, x, out),
    affine: (k) => coefficients[k],
    bytes: () => new Uint8Array(0),
  };
}
