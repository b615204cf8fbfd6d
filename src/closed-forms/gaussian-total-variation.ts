import { normalCdf } from '../numerics/normal-distribution.ts';

/**
 * Total variation distance sup_A |P(A) − Q(A)| of N(m, v) and N(n, w) on the line, in [0, 1]. The densities cross where a quadratic vanishes;
 * between its roots one is above the other everywhere.
 *
 * @param first mean and variance > 0
 */
export function gaussianTotalVariation(
  first: { readonly mean: number; readonly variance: number },
  second: { readonly mean: number; readonly variance: number },
): number {
  const [m, v, n, w] = [first.mean, first.variance, second.mean, second.variance];
  // Coordinates of the first: x = m + √v z.
  const shift = (n - m) / Math.sqrt(v);
  const ratio = w / v;
  const mass = (from: number, to: number): number => {
    const [a, b] = [(from - shift) / Math.sqrt(ratio), (to - shift) / Math.sqrt(ratio)];
    return Math.abs(normalCdf(to) - normalCdf(from) - (normalCdf(b) - normalCdf(a)));
  };
  // −½z² + ½(z − δ)²/ρ + ½ log ρ = 0, that is (1/ρ − 1) z² − 2(δ/ρ) z + δ²/ρ + log ρ = 0.
  const a = 1 / ratio - 1;
  const b = -2 * (shift / ratio);
  const c = (shift * shift) / ratio + Math.log(ratio);
  if (Math.abs(a) < 1e-12) return shift === 0 ? 0 : mass(Number.NEGATIVE_INFINITY, shift / 2);
  const root = Math.sqrt(Math.max(0, b * b - 4 * a * c));
  const q = -0.5 * (b + (b < 0 ? -root : root));
  const roots = q === 0 ? [0, 0] : [q / a, c / q];
  return mass(Math.min(...roots), Math.max(...roots));
}
