import type { Over } from '../kernels/separable-product.ts';
import { axisCoordinates } from '../marginals/grid-marginal.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import type { ConditionalLaw } from './conditional-law.ts';
import { type EntropicSolution, withPotentials } from './entropic-plan.ts';
import { SeparableKernel } from './separable-kernel.ts';

/** Potentials of all nodes; those without weight by the usual update from the other side. */
export function gridPotentials(solution: EntropicSolution): { f: Float64Array; g: Float64Array } {
  const { dense, epsilon, penalties } = solution;
  const { source, target, rows, columns } = dense;
  const [all, count] = [source.weights.length + target.weights.length, rows.length + columns.length];
  const complete = (values: Float64Array, nodes: Int32Array, soft: Float64Array, rho: number): Float64Array => {
    const damping = rho === Number.POSITIVE_INFINITY ? 1 : rho / (rho + epsilon);
    const out = soft.map((logSum) => -damping * epsilon * logSum);
    nodes.forEach((node, p) => {
      out[node] = values[p]!;
    });
    return out;
  };
  if (all === count) return { f: solution.f.slice(), g: solution.g.slice() };
  return withSeparable(solution, (kernel, F, G) => ({
    f: complete(solution.f, rows, kernel.logSumsEverywhere('columns', G), penalties.source),
    g: complete(solution.g, columns, kernel.logSumsEverywhere('rows', F), penalties.target),
  }));
}

/** The same law, with the means at all nodes together taken one axis at a time. `over`: the side of the partners. */
export function gridLaw(solution: EntropicSolution, over: Over, law: ConditionalLaw): ConditionalLaw {
  const { source, target } = solution.dense.grid!;
  const [asking, partners] = over === 'columns' ? [source, target] : [target, source];
  return {
    weights: law.weights,
    mean(x) {
      if (!samePoints(x, asking.points)) return law.mean(x);
      return withSeparable(solution, (kernel, F, G) => {
        const nodes = over === 'columns' ? solution.dense.columns : solution.dense.rows;
        const T = over === 'columns' ? G : F;
        const whole = kernel.logSumsEverywhere(over, T);
        const out = allocatePoints(x.count, x.dimension);
        let inner = 1;
        for (let k = x.dimension - 1; k >= 0; k--) {
          const [length, along] = [partners.shape[k]!, axisCoordinates(partners, k)];
          // Distances from the first node are ≥ 0, so that they go into the exponent.
          const first = along[0]!;
          const moved = T.map((t, p) =>
            p < nodes.length ? t + Math.log(along[Math.floor(nodes[p]! / inner) % length]! - first) : Number.NEGATIVE_INFINITY,
          );
          const sums = kernel.logSumsEverywhere(over, moved);
          for (let i = 0; i < x.count; i++) out.data[i * x.dimension + k] = first + Math.exp(sums[i]! - whole[i]!);
          inner *= length;
        }
        return out;
      });
    },
  };
}

function withSeparable<T>(solution: EntropicSolution, use: (kernel: SeparableKernel, F: Float64Array, G: Float64Array) => T): T {
  return withPotentials(solution, 0, ({ kernel }, { F, G }) => {
    if (!(kernel instanceof SeparableKernel)) throw new TypeError('grid answer: the problem has no separable kernel; ask only of grids');
    kernel.setLevel(solution.epsilon);
    return use(kernel, F, G);
  });
}

function samePoints(x: Points, y: Points): boolean {
  if (x.data === y.data) return true;
  return x.count === y.count && x.dimension === y.dimension && x.data.every((value, at) => value === y.data[at]);
}
