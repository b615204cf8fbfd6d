import { Matrix } from 'ml-matrix';
import { NotPositiveDefiniteError } from '../errors.ts';
import { flatten } from '../numerics/affine.ts';
import { choleskyFactor } from '../numerics/cholesky.ts';
import { combine } from '../numerics/vectors.ts';
import { type MixturePotential, potentialComponent } from './mixture-potential.ts';
import { addOuter, applySpread, isDiagonal, type Spread, sandwichSpread, spreadEntries, wholeSpread } from './mixture-spread.ts';
import { type PotentialFit, sideMoments } from './mixture-step.ts';

/**
 * Free parameters of a potential, component after component: log α, the mean divided by `scale`, and the covariance as logarithms of its
 * diagonal, or as its Cholesky factor by rows with logarithms on the diagonal.
 */
export interface PotentialParameters {
  readonly dimension: number;
  readonly diagonal: boolean;
  readonly scale: number;
  readonly values: Float64Array;
}

/** The parameters of a potential. */
export function parametersOf({ dimension, components }: MixturePotential, scale: number): PotentialParameters {
  const diagonal = isDiagonal(components[0]!.covariance);
  const parts = components.map(({ logWeight, mean, covariance }) => [logWeight, ...mean.map((m) => m / scale), ...shapeOf(covariance)]);
  return { dimension, diagonal, scale, values: Float64Array.from(parts.flat()) };
}

/** The potential of parameters. */
export function potentialFrom({ dimension, diagonal, scale, values }: PotentialParameters): MixturePotential {
  const size = 1 + dimension + (diagonal ? dimension : (dimension * (dimension + 1)) / 2);
  const components = Array.from({ length: values.length / size }, (_, k) => {
    const own = values.subarray(k * size, (k + 1) * size);
    const mean = own.slice(1, 1 + dimension).map((m) => m * scale);
    const shape = own.subarray(1 + dimension);
    return potentialComponent(own[0]!, mean, diagonal ? shape.map(Math.exp) : covarianceOf(factorFrom(shape, dimension)));
  });
  return { dimension, components };
}

/**
 * The gradient of the objective of a fit in its parameters, from moments alone: with masses M, N and moments of the parts of x and y,
 * ∂/∂log α = M − N, ∂/∂r = M x̄ − N V⁻¹(ȳ − r), ∂/∂V = ½M E xxᵀ − ½N V⁻¹(E(y − r)(y − r)ᵀ − V)V⁻¹ − ½ ridge V⁻².
 */
export function parameterGradient({ potential, source, target }: PotentialFit, scale: number, ridge: number): Float64Array {
  const parts = potential.components.map(({ mean, covariance, precision }, k) => {
    const [x, y] = [sideMoments(source, k), sideMoments(target, k)];
    const gap = combine([1, y.mean], [-1, mean]);
    const pulled = applySpread(precision, gap);
    const ofMean = combine([x.mass, x.mean], [-y.mass, pulled]).map((g) => g * scale);
    const spread = addSpreads(addOuter(y.covariance, 1, gap), -1, covariance);
    const ofCovariance = addSpreads(
      addSpreads(scaleSpread(addOuter(x.covariance, 1, x.mean), 0.5 * x.mass), -0.5 * y.mass, sandwichSpread(precision, spread)),
      -0.5 * ridge,
      sandwichSpread(precision, identityLike(precision)),
    );
    return [x.mass - y.mass, ...ofMean, ...shapeGradient(covariance, ofCovariance)];
  });
  return Float64Array.from(parts.flat());
}

/** Adam on a vector of parameters in double precision, with one rate a call. */
export function adamUpdater(size: number): (values: Float64Array, gradient: Float64Array, rate: number) => void {
  const first = new Float64Array(size);
  const second = new Float64Array(size);
  let [left1, left2] = [1, 1];
  return (values, gradient, rate) => {
    left1 *= 0.9;
    left2 *= 0.999;
    for (let i = 0; i < size; i++) {
      first[i]! += 0.1 * (gradient[i]! - first[i]!);
      second[i]! += 0.001 * (gradient[i]! * gradient[i]! - second[i]!);
      values[i]! -= (rate * first[i]!) / (1 - left1) / (Math.sqrt(second[i]! / (1 - left2)) + 1e-8);
    }
  };
}

function shapeOf(covariance: Spread): number[] {
  if (isDiagonal(covariance)) return Array.from(covariance, Math.log);
  const factor = factorOf(covariance);
  const out: number[] = [];
  for (let r = 0; r < factor.rows; r++) for (let c = 0; c <= r; c++) out.push(r === c ? Math.log(factor.get(r, r)) : factor.get(r, c));
  return out;
}

/** Chain rule through V = diag(exp) or V = LLᵀ: ∂/∂L is the lower triangle of 2GL. */
function shapeGradient(covariance: Spread, g: Spread): number[] {
  if (isDiagonal(covariance)) return Array.from(covariance, (v, i) => v * spreadEntries(g)[i]!);
  const factor = factorOf(covariance);
  const moved = wholeSpread(g).mmul(factor);
  const out: number[] = [];
  for (let r = 0; r < factor.rows; r++) for (let c = 0; c <= r; c++) out.push(2 * moved.get(r, c) * (r === c ? factor.get(r, r) : 1));
  return out;
}

function factorFrom(shape: Float64Array, dimension: number): Matrix {
  const out = Matrix.zeros(dimension, dimension);
  for (let r = 0, i = 0; r < dimension; r++) {
    for (let c = 0; c <= r; c++, i++) out.set(r, c, r === c ? Math.exp(shape[i]!) : shape[i]!);
  }
  return out;
}

function factorOf(covariance: Matrix): Matrix {
  const d = covariance.rows;
  const factor = choleskyFactor(flatten(covariance), d);
  if (factor === undefined) throw new NotPositiveDefiniteError('mixtureBridge: a component has lost its covariance; lower learningRate');
  return Matrix.from1DArray(d, d, Array.from(factor));
}

function covarianceOf(factor: Matrix): Matrix {
  return factor.mmul(factor.transpose());
}

function addSpreads(s: Spread, w: number, r: Spread): Spread {
  return isDiagonal(s) ? s.map((x, i) => x + w * spreadEntries(r)[i]!) : Matrix.add(s, Matrix.mul(wholeSpread(r), w));
}

function scaleSpread(s: Spread, w: number): Spread {
  return isDiagonal(s) ? s.map((x) => w * x) : Matrix.mul(s, w);
}

function identityLike(s: Spread): Spread {
  return isDiagonal(s) ? new Float64Array(s.length).fill(1) : Matrix.eye(s.rows);
}
