import { AndersonMemory } from '../numerics/anderson-memory.ts';
import type { Climber } from './bounded-ascent.ts';

/** A fixed-point map x → T(x), with the residual and how it is measured. */
export interface FixedPointMap {
  readonly size: number;
  /** Fills `image` with T(z) and `weights` with those of the least squares; returns the error of z. */
  evaluate(z: Float64Array, image: Float64Array, weights: Float64Array): number;
}

/** Images that are combined: more of them cost more than the steps that they spare. */
const REMEMBERED = 10;

/** Growth of the error, against the best so far, at which an extrapolation is taken back. */
const GROWTH = 2;

/**
 * Anderson's acceleration of a fixed-point map. An extrapolation that makes things worse is taken back for the plain step.
 *
 * @see [anderson1965]
 */
export class AndersonAscent implements Climber {
  readonly name = 'anderson';
  readonly point: { z: Float64Array; error: number };
  private readonly map: FixedPointMap;
  private readonly weights: Float64Array;
  private readonly image: Float64Array;
  private readonly memory = new AndersonMemory(REMEMBERED);
  private best = Number.POSITIVE_INFINITY;

  constructor(map: FixedPointMap) {
    const vector = (): Float64Array => new Float64Array(map.size);
    this.map = map;
    this.point = { z: vector(), error: Number.POSITIVE_INFINITY };
    this.weights = vector();
    this.image = vector();
  }

  restart(): void {
    this.memory.clear();
    this.best = Number.POSITIVE_INFINITY;
    this.evaluate();
  }

  step(): void {
    const { point, memory } = this;
    this.best = Math.min(this.best, point.error);
    memory.add(point.z, this.image);
    const plain = this.image.slice();
    memory.extrapolate(this.weights, point.z);
    this.evaluate();
    if (memory.length === 1 || point.error <= GROWTH * this.best) return;
    memory.clear();
    point.z.set(plain);
    this.evaluate();
  }

  private evaluate(): void {
    this.point.error = this.map.evaluate(this.point.z, this.image, this.weights);
  }
}
