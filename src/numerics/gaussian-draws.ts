import { affineInto, applyAffine, flatten, type GaussianKernel, isDiagonal } from './affine.ts';
import { allocatePoints, type Points } from './points.ts';
import type { RandomSource } from './random.ts';
import { squareRoot } from './spd.ts';

/** mean + root·z, z standard normal; `root` row-major d × d. */
export function drawGaussian(mean: Float64Array, root: Float64Array, count: number, random: RandomSource): Points {
  const d = mean.length;
  // All normal numbers first, in the order of the rows, then one product.
  const z = random.fillNormal(new Float64Array(count * d));
  const out = allocatePoints(count, d);
  affineInto(root, mean, z, out.data);
  return out;
}

/** Adds root·z to every row in place. */
export function addGaussian(x: Points, root: Float64Array, random: RandomSource): void {
  const d = x.dimension;
  const z = new Float64Array(d);
  const diagonal = isDiagonal(root, d);
  for (let i = 0; i < x.data.length; i += d) {
    random.fillNormal(z);
    if (diagonal) {
      for (let r = 0; r < d; r++) x.data[i + r]! += root[r * d + r]! * z[r]!;
      continue;
    }
    for (let r = 0; r < d; r++) {
      let sum = 0;
      for (let k = 0; k < d; k++) sum += root[r * d + k]! * z[k]!;
      x.data[i + r]! += sum;
    }
  }
}

/** One draw of the kernel given each row of x. */
export function sampleKernel(kernel: GaussianKernel, x: Points, random: RandomSource): Points {
  const out = applyAffine(kernel, x);
  addGaussian(out, flatten(squareRoot(kernel.covariance)), random);
  return out;
}
