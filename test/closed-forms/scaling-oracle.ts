/** A Gaussian side on the line: mass·N(mean, variance), tied with penalty r (∞ = exact). */
export interface LineSide {
  readonly mass: number;
  readonly mean: number;
  readonly variance: number;
  readonly penalty: number;
}

/** What scaling iterations find. */
export interface LinePlan {
  readonly mass: number;
  readonly means: readonly [number, number];
  readonly variances: readonly [number, number];
  readonly cross: number;
  readonly linear: number;
  readonly kl: number;
  readonly value: number;
}

/**
 * The (un)balanced entropic plan of two Gaussians on a regular grid, by scaling iterations u = (K(νv))^{−τ₁}, v = (Kᵀ(μu))^{−τ₂} for cost
 * ½|x − y|². Sums over a grid are spectrally accurate for Gaussians, so nothing here is shared with closed forms.
 */
export function scalingPlan(source: LineSide, target: LineSide, epsilon: number, size = 200, reach = 9): LinePlan {
  const x = Float64Array.from({ length: size }, (_, i) => -reach + (2 * reach * i) / (size - 1));
  const mu = weights(x, source);
  const nu = weights(x, target);
  const kernel = new Float64Array(size * size);
  for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) kernel[i * size + j] = Math.exp(-((x[i]! - x[j]!) ** 2) / (2 * epsilon));
  const [powerX, powerY] = [source, target].map(({ penalty }) =>
    penalty === Number.POSITIVE_INFINITY ? 1 : penalty / (penalty + epsilon),
  );
  let u = new Float64Array(size).fill(1);
  let v = new Float64Array(size).fill(1);
  for (let change = 1, iteration = 0; change > 1e-15 && iteration < 2000; iteration++) {
    const before = u;
    u = scale(kernel, nu, v, powerX!);
    v = scale(kernel, mu, u, powerY!);
    change = Math.max(...u.map((value, i) => mu[i]! * Math.abs(value - before[i]!)));
  }
  return summarise(x, mu, nu, kernel, u, v, source, target, epsilon);
}

function weights(x: Float64Array, { mass, mean, variance }: LineSide): Float64Array {
  const density = x.map((value) => Math.exp(-((value - mean) ** 2) / (2 * variance)));
  const total = density.reduce((sum, value) => sum + value, 0);
  return density.map((value) => (mass * value) / total);
}

function scale(kernel: Float64Array, weight: Float64Array, factor: Float64Array, power: number): Float64Array<ArrayBuffer> {
  const size = weight.length;
  const out = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    let sum = 0;
    for (let j = 0; j < size; j++) sum += kernel[i * size + j]! * weight[j]! * factor[j]!;
    out[i] = sum ** -power;
  }
  return out;
}

function summarise(
  x: Float64Array,
  mu: Float64Array,
  nu: Float64Array,
  kernel: Float64Array,
  u: Float64Array,
  v: Float64Array,
  source: LineSide,
  target: LineSide,
  epsilon: number,
): LinePlan {
  const size = x.length;
  const [p, q] = [new Float64Array(size), new Float64Array(size)];
  let [mass, linear, product, entropy] = [0, 0, 0, 0];
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const density = u[i]! * v[j]! * kernel[i * size + j]!;
      const w = mu[i]! * nu[j]! * density;
      p[i]! += w;
      q[j]! += w;
      mass += w;
      linear += (w * (x[i]! - x[j]!) ** 2) / 2;
      product += w * x[i]! * x[j]!;
      if (w > 0) entropy += w * Math.log(density);
    }
  }
  const kl = entropy - mass + source.mass * target.mass;
  const penalties = [
    [source, p, mu],
    [target, q, nu],
  ] as const;
  const paid = penalties.reduce(
    (sum, [{ penalty }, actual, wanted]) => sum + (penalty === Number.POSITIVE_INFINITY ? 0 : penalty * divergence(actual, wanted)),
    0,
  );
  const mean = (w: Float64Array): number => w.reduce((sum, value, i) => sum + value * x[i]!, 0) / mass;
  const square = (w: Float64Array): number => w.reduce((sum, value, i) => sum + value * x[i]! ** 2, 0) / mass;
  const means = [mean(p), mean(q)] as const;
  return {
    mass,
    means,
    variances: [square(p) - means[0] ** 2, square(q) - means[1] ** 2],
    cross: product / mass - means[0] * means[1],
    linear,
    kl,
    value: linear + epsilon * kl + paid,
  };
}

/** Σ p log(p/q) − p + q. */
function divergence(p: Float64Array, q: Float64Array): number {
  return p.reduce((sum, value, i) => sum + (value > 0 ? value * Math.log(value / q[i]!) : 0) - value + q[i]!, 0);
}
