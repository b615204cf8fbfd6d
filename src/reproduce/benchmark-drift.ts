import type { EntropicBenchmark } from '../diagnostics/entropic-benchmark.ts';
import { allocatePoints, type Points, row } from '../numerics/points.ts';
import { eigenSymmetric } from '../numerics/spd.ts';
import { dot } from '../numerics/vectors.ts';

/** A component of the potential in its principal axes. */
interface Component {
  readonly logWeight: number;
  readonly mean: Float64Array;
  readonly variances: Float64Array;
  /** Principal axes, one after another. */
  readonly axes: readonly Float64Array[];
}

/** Components of less weight than this at a point are left out there. */
const NEGLIGIBLE = 1e-12;

/**
 * The benchmark's drift ε∇log Σ_k w_k N(x; μ_k, Σ_k + (1 − t)εI), as its own `drift` gives it, but with the covariances diagonalised once and
 * for all times: the floors evaluate it some million times.
 */
export function benchmarkDrift(benchmark: EntropicBenchmark, epsilon: number): (t: number, x: Points) => Points {
  const components = componentsOf(benchmark, epsilon);
  const d = benchmark.source.dimension;
  return (t, x) => {
    const out = allocatePoints(x.count, d);
    const widths = components.map(({ variances }) => variances.map((v) => v + (1 - t) * epsilon));
    const constants = widths.map((w, k) => components[k]!.logWeight - 0.5 * w.reduce((sum, v) => sum + Math.log(v), 0));
    const pulls = components.map(() => new Float64Array(d));
    const centred = new Float64Array(d);
    const logs = new Float64Array(components.length);
    for (let i = 0; i < x.count; i++) {
      const at = row(x, i);
      components.forEach(({ mean, axes }, k) => {
        for (let c = 0; c < d; c++) centred[c] = mean[c]! - at[c]!;
        let square = 0;
        for (let c = 0; c < d; c++) {
          const along = dot(axes[c]!, centred);
          pulls[k]![c] = along / widths[k]![c]!;
          square += along * pulls[k]![c]!;
        }
        logs[k] = constants[k]! - 0.5 * square;
      });
      const top = Math.max(...logs);
      const total = logs.reduce((sum, log) => sum + Math.exp(log - top), 0);
      const into = row(out, i);
      components.forEach(({ axes }, k) => {
        const share = Math.exp(logs[k]! - top) / total;
        if (share < NEGLIGIBLE) return;
        for (let a = 0; a < d; a++) {
          const [axis, length] = [axes[a]!, epsilon * share * pulls[k]![a]!];
          for (let c = 0; c < d; c++) into[c]! += length * axis[c]!;
        }
      });
    }
    return out;
  };
}

/** From π*(·|0): S_k = (I/ε + Σ_k⁻¹)⁻¹ has the axes of Σ_k, m_k = S_k Σ_k⁻¹ μ_k, ω_k ∝ w_k N(0; μ_k, Σ_k + εI). */
function componentsOf(benchmark: EntropicBenchmark, epsilon: number): Component[] {
  const d = benchmark.source.dimension;
  const { weights, means, covariances } = benchmark.conditional(new Float64Array(d));
  return covariances.map((covariance, k) => {
    const { values, vectors } = eigenSymmetric(covariance);
    const axes = Array.from({ length: d }, (_, a) => Float64Array.from(vectors.getColumn(a)));
    const variances = Float64Array.from(values, (s) => 1 / (1 / s - 1 / epsilon));
    const mean = new Float64Array(d);
    let logDensity = 0;
    axes.forEach((axis, a) => {
      const along = (variances[a]! / values[a]!) * dot(axis, means[k]!);
      for (let c = 0; c < d; c++) mean[c]! += along * axis[c]!;
      const wide = variances[a]! + epsilon;
      logDensity -= 0.5 * ((along * along) / wide + Math.log(wide));
    });
    return { logWeight: Math.log(weights[k]!) - logDensity, mean, variances, axes };
  });
}
