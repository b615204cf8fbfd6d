/** Mass of Student's t between 0 and x, half of the total at most. */
function halfMass(x: number, dof: number): number {
  // With t = √ν·tan θ the density is proportional to cos^{ν−1} θ.
  const end = Math.atan(x / Math.sqrt(dof));
  return simpson(end, dof) / (2 * simpson(Math.PI / 2, dof));
}

function simpson(end: number, dof: number): number {
  const cells = 2000;
  const h = end / cells;
  let sum = 0;
  for (let i = 0; i <= cells; i++) {
    const weight = i === 0 || i === cells ? 1 : i % 2 === 1 ? 4 : 2;
    sum += weight * Math.cos(i * h) ** (dof - 1);
  }
  return (sum * h) / 3;
}

/** The two-sided quantile of Student's t: |t| exceeds it with probability `level`. */
export function studentQuantile(level: number, dof: number): number {
  let low = 0;
  let high = 1e4;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (1 - 2 * halfMass(middle, dof) > level) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** (mean − expected)/(standard deviation/√n): how many standard errors the mean of independent values is away. */
export function studentStatistic(values: readonly number[], expected: number): number {
  const n = values.length;
  const mean = values.reduce((sum, x) => sum + x, 0) / n;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
  return (mean - expected) / Math.sqrt(variance / n);
}
