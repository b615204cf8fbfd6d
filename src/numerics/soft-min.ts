/** Terms below e^−50 of the largest vanish in a sum of doubles, and exponentials are what the time goes into. */
const NEGLIGIBLE = -50;

/**
 * out_i = −ε log Σ_j exp((h_j − C_ij)/ε) for a row-major `rows × columns` cost, shifted by the maximum so that nothing overflows. A row of
 * forbidden pairs gives +∞. `h` may hold −∞ (weight zero).
 */
export function softMinRows(costs: Float64Array, h: Float64Array, epsilon: number, out: Float64Array): void {
  const columns = h.length;
  const inverse = 1 / epsilon;
  for (let i = 0, p = 0; i < out.length; i++, p += columns) {
    let top = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < columns; j++) {
      const t = h[j]! - costs[p + j]!;
      if (t > top) top = t;
    }
    if (top === Number.NEGATIVE_INFINITY) {
      out[i] = Number.POSITIVE_INFINITY;
      continue;
    }
    let sum = 0;
    for (let j = 0; j < columns; j++) {
      const t = (h[j]! - costs[p + j]! - top) * inverse;
      if (t > NEGLIGIBLE) sum += Math.exp(t);
    }
    out[i] = -top - epsilon * Math.log(sum);
  }
}
