import { DomainError } from '../errors.ts';
import { type Points, requireDimension, row, rowViews } from '../numerics/points.ts';
import type { Cost } from './cost.ts';

/** Completes a function of two coordinate rows to a {@link Cost}. NaN is refused with the points that gave it. */
export function pointwiseCost(
  kind: Cost['kind'],
  name: string,
  between: (x: Float64Array, y: Float64Array) => number,
  known: { readonly gradient?: Cost['gradient']; readonly squaredScale?: number | undefined } = {},
): Cost {
  const { gradient, squaredScale } = known;
  return Object.freeze({
    kind,
    name,
    pointwise: true,
    ...(gradient === undefined ? {} : { gradient }),
    ...(squaredScale === undefined ? {} : { squaredScale }),
    between(x: Points, y: Points) {
      requireDimension(name, y, x.dimension);
      const out = new Float64Array(x.count * y.count);
      const columns = rowViews(y);
      for (let i = 0, o = 0; i < x.count; i++) {
        const from = row(x, i);
        for (let j = 0; j < y.count; j++, o++) {
          const c = between(from, columns[j]!);
          if (typeof c !== 'number' || Number.isNaN(c) || c === Number.NEGATIVE_INFINITY) {
            throw new DomainError(
              `${name}: cost of pair ${pair(from, columns[j]!)} is ${String(c)}; return a finite number, or Infinity to forbid the pair`,
            );
          }
          if (c === Number.POSITIVE_INFINITY && kind !== 'function') {
            throw new DomainError(`${name}: cost of pair ${pair(from, columns[j]!)} overflows a double; rescale the points`);
          }
          out[o] = c;
        }
      }
      return out;
    },
  });
}

/** Coordinates that a message shows of a point. */
const SHOWN = 8;

/** A pair by its coordinates: places count differently where points without weight are left out. */
function pair(x: Float64Array, y: Float64Array): string {
  const shown = (z: Float64Array): string => `[${z.subarray(0, SHOWN).join(', ')}${z.length > SHOWN ? ', …' : ''}]`;
  return `x = ${shown(x)}, y = ${shown(y)}`;
}
