import { Matrix } from 'ml-matrix';
import { eigenSymmetric } from './spd.ts';
import { dot } from './vectors.ts';

/** Below this share of its norm a new direction is rounding: the space is exhausted. */
const EXHAUSTED = 1e-8;

/** An approximate eigenpair; the vector has norm 1. */
export interface RitzPair {
  readonly value: number;
  readonly vector: Float64Array;
}

/**
 * The largest Ritz pair of a symmetric operator after a few products, by Lanczos' method with full reorthogonalisation.
 *
 * @see [golub2013]
 */
export function largestRitzPair(product: (v: Float64Array) => Float64Array, start: Float64Array, products: number): RitzPair {
  const basis: Float64Array[] = [];
  const images: Float64Array[] = [];
  let next = start.slice();
  while (basis.length < Math.min(products, start.length)) {
    const before = norm(next);
    for (let turn = 0; turn < 2; turn++) {
      for (const q of basis) {
        const along = dot(q, next);
        for (let k = 0; k < q.length; k++) next[k]! -= along * q[k]!;
      }
    }
    const size = norm(next);
    if (!(size > EXHAUSTED * before)) break;
    const q = next.map((v) => v / size);
    basis.push(q);
    next = product(q).slice();
    images.push(next.slice());
  }
  const projected = Matrix.zeros(basis.length, basis.length);
  basis.forEach((p, i) => {
    images.forEach((image, j) => {
      projected.set(i, j, dot(p, image));
    });
  });
  const { values, vectors } = eigenSymmetric(projected);
  const top = values.length - 1;
  const vector = new Float64Array(start.length);
  basis.forEach((q, i) => {
    const share = vectors.get(i, top);
    for (let k = 0; k < q.length; k++) vector[k]! += share * q[k]!;
  });
  return { value: values[top]!, vector };
}

function norm(x: Float64Array): number {
  return Math.sqrt(dot(x, x));
}
