// Sums and maxima over the entries of an engine's vector that count: what stands in its padding may be anything.

/** Σ x_k y_k over the first `count`. */
export function inner(x: Float64Array, y: Float64Array, count: number): number {
  let sum = 0;
  for (let k = 0; k < count; k++) sum += x[k]! * y[k]!;
  return sum;
}

/** Σ x_k over the first `count`. */
export function sumOf(x: Float64Array, count: number): number {
  let sum = 0;
  for (let k = 0; k < count; k++) sum += x[k]!;
  return sum;
}

/** max |x_k| over the first `count`. */
export function largest(x: Float64Array, count: number): number {
  let top = 0;
  for (let k = 0; k < count; k++) top = Math.max(top, Math.abs(x[k]!));
  return top;
}
