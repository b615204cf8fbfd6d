import { AndersonAscent } from './anderson-ascent.ts';
import type { DebiasedMap } from './barycenter-dual.ts';
import type { Climber } from './bounded-ascent.ts';
import { DebiasedNewton } from './debiased-newton.ts';

/** Steps at the wanted ε before Newton's method is tried, and the error below which it is. */
const STEPS = 40;
const NEAR = 1e-2;

/**
 * The way to a debiased barycenter: Anderson's acceleration of the fixed-point map, which gets near from anywhere and crawls where ε undoes
 * many bins of blur; then, on the last level of problems of some hundred bins, Newton's method.
 */
export class DebiasedAscent implements Climber {
  private readonly map: DebiasedMap;
  private readonly epsilon: number;
  private readonly anderson: AndersonAscent;
  private newton: DebiasedNewton | undefined;
  private level = Number.POSITIVE_INFINITY;
  private steps = 0;
  private next = STEPS;

  /** `epsilon` is that of the last level. */
  constructor(map: DebiasedMap, epsilon: number) {
    this.map = map;
    this.epsilon = epsilon;
    this.anderson = new AndersonAscent(map);
  }

  get name(): string {
    return this.newton === undefined ? 'anderson' : 'newton';
  }

  get point(): Climber['point'] {
    return (this.newton ?? this.anderson).point;
  }

  setLevel(epsilon: number): void {
    this.level = epsilon;
    this.map.setLevel(epsilon);
  }

  restart(): void {
    this.newton = undefined;
    this.steps = 0;
    this.next = STEPS;
    this.anderson.restart();
  }

  step(): void {
    const { map, anderson, epsilon } = this;
    if (this.newton !== undefined) {
      const { newton } = this;
      if (newton.step()) return;
      // No further from here: on with the other, for as long again.
      this.newton = undefined;
      if (newton.point.error < anderson.point.error) {
        anderson.point.z.set(newton.point.z);
        anderson.restart();
      }
      this.next = 2 * this.steps;
    }
    anderson.step();
    this.steps++;
    if (this.level !== epsilon || this.steps < this.next || !(anderson.point.error < NEAR) || !DebiasedNewton.fits(map)) return;
    this.newton = new DebiasedNewton(map, epsilon, anderson.point.z);
  }
}
