import type { CostBlock } from './transport-engine.ts';
import { padded } from './transport-layout.ts';

/** Gives the costs of one row, padding included, as part of an array; valid until the next call. */
export function costRows(costs: CostBlock): (i: number) => { readonly data: Float64Array; readonly at: number } {
  const width = padded(costs.columns);
  if (costs.kind === 'stored') return (i) => ({ data: costs.data, at: i * width });
  const { x, y, dimension, scale } = costs;
  const data = new Float64Array(width);
  return (i) => {
    data.fill(0);
    for (let k = 0; k < dimension; k++) {
      const [origin, at] = [x[i * dimension + k]!, k * width] as const;
      for (let j = 0; j < width; j++) {
        const difference = origin - y[at + j]!;
        data[j]! += difference * difference;
      }
    }
    for (let j = 0; j < width; j++) data[j]! *= scale;
    return { data, at: 0 };
  };
}
