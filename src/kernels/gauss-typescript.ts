import type { BoxedCoordinates, GaussEngine } from './gauss-engine.ts';

/** The engine in plain TypeScript. */
export function typescriptGaussEngine(): GaussEngine {
  return {
    kind: 'typescript',
    threads: () => 1,
    reset() {},
    f64: (length) => new Float64Array(length),
    i32: (length) => new Int32Array(length),
    moments(points, w, q, M) {
      M.fill(0);
      eachTerm(points, q, (p, at, term) => {
        M[at]! += w[p]! * term;
      });
    },
    evaluate(points, C, q, out) {
      out.fill(0);
      eachTerm(points, q, (p, at, term) => {
        out[p]! += C[at]! * term;
      });
    },
    contract({ groups, sources, matrices, scales }, q, inner, src, M, dst, factors) {
      const size = q * inner;
      dst.fill(0, 0, (groups.length - 1) * size);
      for (let g = 0; g + 1 < groups.length; g++) {
        for (let o = groups[g]!; o < groups[g + 1]!; o++) {
          const number = matrices[o]!;
          const [from, matrix, to] = [sources[o]! * size, factors === undefined ? number * q * q : 0, g * size];
          const factor = (b: number, a: number): number =>
            factors === undefined ? 1 : factors.values[number * q + (factors.along === 'columns' ? a : b)]!;
          for (let i = 0; i < inner; i++) {
            for (let a = 0; a < q; a++) {
              let sum = 0;
              for (let b = 0; b < q; b++) sum += src[from + b * inner + i]! * M[matrix + b * q + a]! * factor(b, a);
              dst[to + i * q + a]! += scales[o]! * sum;
            }
          }
        }
      }
    },
    release() {},
  };
}

/** Visits point, place among the coefficients and T_k T_l T_m, for all points and the terms that count. */
function eachTerm(
  { dimension, boxes, starts, t }: BoxedCoordinates,
  q: number,
  visit: (p: number, at: number, term: number) => void,
): void {
  const stride = t.length / dimension;
  const depth = dimension > 2 ? q : 1;
  const [X, Y, Z] = [new Float64Array(q).fill(1), new Float64Array(q), new Float64Array(q)];
  for (let b = 0; b < boxes; b++) {
    for (let p = starts[b]!; p < starts[b + 1]!; p++) {
      if (dimension > 2) chebyshev(t[p]!, X);
      chebyshev(t[p + (dimension - 2) * stride]!, Y);
      chebyshev(t[p + (dimension - 1) * stride]!, Z);
      for (let k = 0; k < depth; k++) {
        for (let l = 0; l < q - k; l++) {
          const at = ((b * depth + k) * q + l) * q;
          const run = 2 * Math.ceil((q - k - l) / 2);
          for (let m = 0; m < run; m++) visit(p, at + m, X[k]! * Y[l]! * Z[m]!);
        }
      }
    }
  }
}

/** T_k(t) for all k. */
function chebyshev(t: number, out: Float64Array): void {
  out[0] = 1;
  out[1] = t;
  for (let k = 2; k < out.length; k++) out[k] = 2 * t * out[k - 1]! - out[k - 2]!;
}
