import type { Cost } from './cost.ts';

/** The derivatives of a cost Σ_k φ(x_k − y_k), from φ′. */
export function axisGradient(slope: (difference: number) => number): NonNullable<Cost['gradient']> {
  return (x, y, dx, dy) => {
    for (let k = 0; k < x.length; k++) {
      const s = slope(x[k]! - y[k]!);
      dx[k] = s;
      dy[k] = -s;
    }
  };
}
