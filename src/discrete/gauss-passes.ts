import type { GaussKernel } from './gauss-kernel.ts';
import type { CentredClouds } from './gauss-level.ts';
import type { PlanPasses, RoundedSums, Rounding } from './plan-passes.ts';

/** The passes over a plan by the fast Gauss transform, at the ε of the kernel. */
export function gaussPasses(kernel: GaussKernel, clouds: CentredClouds, epsilon: number): PlanPasses {
  kernel.setLevel(epsilon, true);
  return {
    marginals: (F, G, rows, columns) => kernel.marginals(F, G, rows, columns),
    apply: (F, G, V, count, out) => kernel.apply(F, G, V, count, out),
    applyTranspose: (F, G, U, count, out) => kernel.applyTranspose(F, G, U, count, out),
    softColumns: (F, H) => kernel.softColumns(F, H),
    leftOut: (F, G) => kernel.leftOut(F, G),
    roundedSums: (F, G, rounding, logs) => roundedSums(kernel, clouds, 1 / epsilon, { F, G }, rounding, logs),
  };
}

/**
 * Sums over Q = u + v, u_ij = x_i P_ij y_j and v = ea ⊗ eb. Costs separate into moments. Σ Q log Q does not; t log t being convex, it is at
 * most Σ u log(u M/m_u) + Σ v log(v M/m_v), m the masses and M = m_u + m_v.
 */
function roundedSums(
  kernel: GaussKernel,
  { dimension: d, x: xs, y: ys, shift }: CentredClouds,
  inverse: number,
  { F, G }: { readonly F: Float64Array; readonly G: Float64Array },
  { x, y, ea, eb }: Rounding,
  logs: { readonly a: Float64Array; readonly b: Float64Array },
): RoundedSums {
  const [n, m] = [xs.length / d, ys.length / d];
  const [rows, columns, product] = [new Float64Array(F.length), new Float64Array(G.length), new Float64Array(F.length)];
  kernel.apply(F, G, y, 1, rows);
  kernel.applyTranspose(F, G, x, 1, columns);
  let [linear, entropy, mass, cross] = [0, 0, 0, 0];
  let [massA, massB, logA, logB] = [0, 0, 0, 0];
  const [momentA, momentB] = [new Float64Array(d), new Float64Array(d)];
  let [squareA, squareB] = [0, 0];
  const squareShift = shift.reduce((sum, s) => sum + s * s, 0);
  for (let i = 0; i < n; i++) {
    const r = x[i]! * rows[i]!;
    let square = squareShift;
    for (let k = 0; k < d; k++) {
      const t = xs[i * d + k]!;
      square += t * (t + 2 * shift[k]!);
      momentA[k]! += ea[i]! * t;
    }
    linear += r * square;
    squareA += ea[i]! * square;
    mass += r;
    massA += ea[i]!;
    if (r > 0) entropy += r * (F[i]! + Math.log(x[i]!));
    if (ea[i]! > 0) logA += ea[i]! * Math.log(ea[i]!);
  }
  for (let j = 0; j < m; j++) {
    const c = y[j]! * columns[j]!;
    let square = 0;
    for (let k = 0; k < d; k++) {
      const t = ys[j * d + k]!;
      square += t * (t - 2 * shift[k]!);
      momentB[k]! += eb[j]! * t;
    }
    linear += c * square;
    squareB += eb[j]! * square;
    massB += eb[j]!;
    if (c > 0) entropy += c * (G[j]! + Math.log(y[j]!));
    if (eb[j]! > 0) logB += eb[j]! * Math.log(eb[j]!);
  }
  const values = new Float64Array(G.length);
  for (let k = 0; k < d; k++) {
    for (let j = 0; j < m; j++) values[j] = y[j]! * ys[j * d + k]!;
    kernel.apply(F, G, values, 1, product);
    for (let i = 0; i < n; i++) linear -= 2 * x[i]! * xs[i * d + k]! * product[i]!;
  }
  entropy -= inverse * linear;
  const spread = massA * massB;
  for (let i = 0; i < n; i++) cross += (x[i]! * rows[i]! + ea[i]! * massB) * logs.a[i]!;
  for (let j = 0; j < m; j++) cross += (y[j]! * columns[j]! + eb[j]! * massA) * logs.b[j]!;
  let corrected = linear + squareA * massB + squareB * massA;
  for (let k = 0; k < d; k++) corrected -= 2 * momentA[k]! * momentB[k]!;
  let sum = entropy;
  if (spread > 0) {
    const whole = mass + spread;
    sum += massB * logA + massA * logB + mass * Math.log(whole / mass) + spread * Math.log(whole / spread);
  }
  return { linear: corrected, logs: sum, mass: mass + spread, cross, forbidden: false };
}
