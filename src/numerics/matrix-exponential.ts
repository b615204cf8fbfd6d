import { inverse, Matrix } from 'ml-matrix';

/** Coefficients of the [13/13] Padé approximant of exp (Higham 2005). */
const PADE = [
  64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600, 670442572800, 33522128640,
  1323241920, 40840800, 960960, 16380, 182, 1,
] as const;

/** Largest 1-norm at which that approximant has full double precision. */
const RADIUS = 5.371920351148152;

/**
 * e^M by scaling and squaring of the [13/13] Padé approximant; relative error a few 1e-15 times the condition of the problem.
 *
 * @see [higham2005]
 */
export function matrixExponential(m: Matrix): Matrix {
  const norm = m.clone().abs().transpose().to2DArray();
  const size = Math.max(...norm.map((column) => column.reduce((sum, x) => sum + x, 0)));
  const halvings = size > RADIUS ? Math.ceil(Math.log2(size / RADIUS)) : 0;
  const a = Matrix.mul(m, 0.5 ** halvings);
  const a2 = a.mmul(a);
  const a4 = a2.mmul(a2);
  const a6 = a4.mmul(a2);
  const identity = Matrix.eye(m.rows);
  const even = sum([PADE[12], a6], [PADE[10], a4], [PADE[8], a2]);
  const odd = sum([PADE[13], a6], [PADE[11], a4], [PADE[9], a2]);
  const v = a6.mmul(even).add(sum([PADE[6], a6], [PADE[4], a4], [PADE[2], a2], [PADE[0], identity]));
  const u = a.mmul(a6.mmul(odd).add(sum([PADE[7], a6], [PADE[5], a4], [PADE[3], a2], [PADE[1], identity])));
  let out = inverse(Matrix.sub(v, u)).mmul(Matrix.add(v, u));
  for (let i = 0; i < halvings; i++) out = out.mmul(out);
  return out;
}

function sum(...terms: readonly (readonly [number, Matrix])[]): Matrix {
  const [first, ...rest] = terms;
  const out = Matrix.mul(first![1], first![0]);
  for (const [c, m] of rest) out.add(Matrix.mul(m, c));
  return out;
}
