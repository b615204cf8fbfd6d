import { Matrix } from 'ml-matrix';
import { DomainError, ShapeError } from '../errors.ts';
import type { Points } from '../numerics/points.ts';
import type { MatrixLike } from '../numerics/vectors.ts';
import { type Cost, summariseCosts } from './cost.ts';

/**
 * A cost given as a matrix C: n × m, C_ij the cost of moving point i of the source to point j of the target; +∞ forbids a pair.
 *
 * @throws ShapeError when rows differ in length; DomainError on NaN or −∞, naming the pair
 * @example
 * ```ts
 * import { costMatrix, entropicProblem, histogram, sinkhorn } from 'viaduct';
 * const half = histogram([0.5, 0.5]);
 * const problem = entropicProblem({ source: half, target: half, cost: costMatrix([[0, 1], [1, 0]]), epsilon: 1 });
 * console.log(sinkhorn(problem).value.linear.toFixed(10)); // → 0.2689414214
 * ```
 */
export function costMatrix(matrix: MatrixLike): Cost {
  const rows = Matrix.isMatrix(matrix) ? (matrix as Matrix).to2DArray() : (matrix as readonly (readonly number[])[]);
  const columns = rows?.[0]?.length ?? 0;
  if (!Array.isArray(rows) || columns === 0) throw new ShapeError('costMatrix: expected at least one row and one column; pass [[c, …], …]');
  const data = new Float64Array(rows.length * columns);
  rows.forEach((costs, i) => {
    if (costs?.length !== columns) {
      throw new ShapeError(`costMatrix: row ${i} has ${costs?.length ?? 'no'} entries, row 0 has ${columns}; make all rows equally long`);
    }
    for (let j = 0; j < columns; j++) {
      const c = costs[j];
      if (typeof c !== 'number' || Number.isNaN(c) || c === Number.NEGATIVE_INFINITY) {
        throw new DomainError(`costMatrix: entry (${i}, ${j}) is ${String(c)}; pass a finite number, or Infinity to forbid the pair`);
      }
      data[i * columns + j] = c;
    }
  });
  const view = (x: Points, y: Points): Float64Array => {
    if (x.count !== rows.length || y.count !== columns) {
      throw new ShapeError(
        `costMatrix: ${rows.length} × ${columns} costs for ${x.count} source and ${y.count} target points; pass one row a source point`,
      );
    }
    return data;
  };
  return Object.freeze({
    kind: 'matrix',
    name: 'costMatrix',
    pointwise: false,
    summary: summariseCosts(data),
    view,
    between: (x: Points, y: Points) => Float64Array.from(view(x, y)),
  });
}
