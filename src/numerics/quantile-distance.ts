/** A measure on the line: positions, and weights of total 1 (equal ones when absent). */
export interface LineMeasure {
  readonly positions: Float64Array;
  readonly weights?: Float64Array;
}

/** ∫_0^1 |F⁻¹(u) − G⁻¹(u)|² du: the squared 2-Wasserstein distance on the line, by sorting. */
export function squaredQuantileDistance(x: LineMeasure, y: LineMeasure): number {
  const [a, b] = [sorted(x), sorted(y)];
  let sum = 0;
  let from = 0;
  for (let i = 0, j = 0; i < a.positions.length && j < b.positions.length; ) {
    const to = Math.min(a.levels[i]!, b.levels[j]!);
    const difference = a.positions[i]! - b.positions[j]!;
    if (to > from) sum += (to - from) * difference * difference;
    from = Math.max(from, to);
    // Both, when levels agree up to rounding: no sliver of mass is matched with a far neighbour.
    const tie = Math.abs(a.levels[i]! - b.levels[j]!) < 1e-14;
    const advance = a.levels[i]! < b.levels[j]!;
    if (advance || tie) i++;
    if (!advance || tie) j++;
  }
  return sum;
}

/** Positions in order, and the value of the distribution function at each. */
function sorted({ positions, weights }: LineMeasure): { readonly positions: Float64Array; readonly levels: Float64Array } {
  const n = positions.length;
  const levels = new Float64Array(n);
  if (weights === undefined) return { positions: Float64Array.from(positions).sort(), levels: levels.map((_, i) => (i + 1) / n) };
  const order = Int32Array.from({ length: n }, (_, i) => i).sort((i, j) => positions[i]! - positions[j]!);
  let level = 0;
  order.forEach((i, r) => {
    level += weights[i]!;
    levels[r] = level;
  });
  levels[n - 1] = 1;
  return { positions: Float64Array.from(order, (i) => positions[i]!), levels };
}
