import { DomainError } from '../errors.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';
import type { Marginal } from './marginal.ts';
import { sampledMarginal } from './sampled-marginal.ts';

/** Size and roughness of a shape. */
export interface ShapeOptions {
  /** Standard deviation of the Gaussian noise added to every coordinate, before scaling. */
  readonly noise?: number;
  /** Factor on all coordinates, noise included. @defaultValue 1 */
  readonly scale?: number;
}

/** Point i of n: the noise-free position. */
type Curve = (i: number, count: number, random: RandomSource) => readonly [number, number];

const turn = 2 * Math.PI;

/**
 * Two moons, taken in turn: a = πu, position (cos a, sin a) or (1 − cos a, ½ − sin a). Noise 0.05.
 *
 * Here and in the other shapes u is uniform on [0, 1), z standard normal in ℝ², and every point is scale · (position + noise · z): the
 * generator is stated because figures of papers cannot be compared without it.
 *
 * @example
 * ```ts
 * import { randomSource, shapes } from 'viaduct';
 * console.log(shapes.moons().sample(5, randomSource(1)).count); // → 5
 * ```
 */
export function moons(options: ShapeOptions = {}): Marginal {
  return shape('moons', options, 0.05, (i, _, random) => {
    const angle = Math.PI * random.uniform();
    return i % 2 === 0 ? [Math.cos(angle), Math.sin(angle)] : [1 - Math.cos(angle), 0.5 - Math.sin(angle)];
  });
}

/** An S: s = 3π(u − ½), position (sin s, sign(s)(cos s − 1)). Noise 0.05. */
export function sCurve(options: ShapeOptions = {}): Marginal {
  return shape('sCurve', options, 0.05, (_i, _n, random) => {
    const s = 3 * Math.PI * (random.uniform() - 0.5);
    return [Math.sin(s), Math.sign(s) * (Math.cos(s) - 1)];
  });
}

/** A swiss roll: s = 1.5π(1 + 2u), position (s cos s, s sin s)/10. Noise 0.05. */
export function swissRoll(options: ShapeOptions = {}): Marginal {
  return shape('swissRoll', options, 0.05, (_i, _n, random) => {
    const s = 1.5 * Math.PI * (1 + 2 * random.uniform());
    return [(s * Math.cos(s)) / 10, (s * Math.sin(s)) / 10];
  });
}

/** Eight Gaussians on the unit circle, modes taken in turn (stratified: point i belongs to mode i mod 8). Noise 0.1. */
export function eightGaussians(options: ShapeOptions = {}): Marginal {
  return shape('eightGaussians', options, 0.1, (i) => [Math.cos((turn * (i % 8)) / 8), Math.sin((turn * (i % 8)) / 8)]);
}

/** The eight black squares of a 4 × 4 checkerboard on [−1, 1]², taken in turn, uniform inside. Noise 0. */
export function checkerboard(options: ShapeOptions = {}): Marginal {
  return shape('checkerboard', options, 0, (i, _, random) => {
    const square = i % 8;
    const column = square >> 1;
    const line = 2 * (square & 1) + (column & 1);
    return [(column + random.uniform()) / 2 - 1, (line + random.uniform()) / 2 - 1];
  });
}

/** Two circles of radius 1 and ½, taken in turn, angle 2πu. Noise 0.05. */
export function circles(options: ShapeOptions = {}): Marginal {
  return shape('circles', options, 0.05, (i, _, random) => {
    const angle = turn * random.uniform();
    const radius = i % 2 === 0 ? 1 : 0.5;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
}

/** Five blades: (r, s) = (1 + 0.3 z_1, 0.1 z_2) turned by 2π(i mod 5)/5 + 0.25 e^r. Noise 0. */
export function pinwheel(options: ShapeOptions = {}): Marginal {
  return shape('pinwheel', options, 0, (i, _, random) => {
    const r = 1 + 0.3 * random.normal();
    const s = 0.1 * random.normal();
    const angle = (turn * (i % 5)) / 5 + 0.25 * Math.exp(r);
    return [r * Math.cos(angle) - s * Math.sin(angle), r * Math.sin(angle) + s * Math.cos(angle)];
  });
}

/** Two arms, taken in turn: s = 3π√u, position ±(s cos s, s sin s)/(3π). Noise 0.02. */
export function spirals(options: ShapeOptions = {}): Marginal {
  return shape('spirals', options, 0.02, (i, _, random) => {
    const s = 3 * Math.PI * Math.sqrt(random.uniform());
    const side = (i % 2 === 0 ? 1 : -1) / (3 * Math.PI);
    return [side * s * Math.cos(s), side * s * Math.sin(s)];
  });
}

function shape(name: string, options: ShapeOptions, defaultNoise: number, curve: Curve): Marginal {
  requireKnownOptions(`shapes.${name}`, options, ['noise', 'scale']);
  const { noise = defaultNoise, scale = 1 } = options;
  if (!(noise >= 0 && Number.isFinite(noise))) throw new DomainError(`shapes.${name}: noise must be ≥ 0, got ${noise}; pass 0.05, say`);
  if (!(scale > 0 && Number.isFinite(scale))) throw new DomainError(`shapes.${name}: scale must be > 0, got ${scale}; pass 1, say`);
  const draw = (count: number, random: RandomSource): Points => {
    const out = allocatePoints(count, 2);
    // Modes are taken in turn from a random start, so that single draws have the right law and large ones are stratified.
    const start = random.integer(40);
    for (let i = 0; i < count; i++) {
      const [x, y] = curve(start + i, count, random);
      out.data[2 * i] = scale * (x + noise * random.normal());
      out.data[2 * i + 1] = scale * (y + noise * random.normal());
    }
    return out;
  };
  return sampledMarginal({ dimension: 2, draw });
}
