/** Quantile p of Student's t with ν degrees of freedom, by bisection of its distribution function; absolute error 1e-10. */
export function studentQuantile(p: number, degrees: number): number {
  if (p < 0.5) return -studentQuantile(1 - p, degrees);
  let [low, high] = [0, 1];
  while (studentTail(high, degrees) > 1 - p) high *= 2;
  while (high - low > 1e-10 * high) {
    const middle = (low + high) / 2;
    if (studentTail(middle, degrees) > 1 - p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(t > x), x ≥ 0: with x = √ν tan θ it is ∫_θ^{π/2} cos^{ν−1} over twice ∫_0^{π/2} cos^{ν−1}. */
function studentTail(x: number, degrees: number): number {
  const theta = Math.atan(x / Math.sqrt(degrees));
  return 0.5 * (1 - cosinePower(theta, degrees - 1) / cosinePower(Math.PI / 2, degrees - 1));
}

/** ∫_0^θ cos^n by the reduction formula. */
function cosinePower(theta: number, n: number): number {
  if (n === 0) return theta;
  if (n === 1) return Math.sin(theta);
  const c = Math.cos(theta);
  let power = Math.sin(theta);
  for (let i = 0; i < n - 1; i++) power *= c;
  return power / n + ((n - 1) / n) * cosinePower(theta, n - 2);
}
