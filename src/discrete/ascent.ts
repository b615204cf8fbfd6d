import type { SemiDual, SemiDualPoint } from './semi-dual.ts';

/** Steps that leave more than a share of the least error so far: with so many of them in single precision, the rest is taken for noise. */
export interface Patience {
  readonly share: number;
  readonly steps: number;
}

/** The patience of steps that gain little each. */
export const SMALL_STEPS: Patience = { share: 0.9, steps: 20 };

/** A way to climb the semi-dual: it holds a point and moves it. */
export interface Ascent {
  readonly point: SemiDualPoint;
  /** Evaluates the point after its G or the level was changed from outside; `anew` when what was learned about the dual is void. */
  restart(anew: boolean): void;
  step(): void;
  readonly patience: Patience;
  /** How messages and `stats` name it. */
  readonly name: string;
}

/**
 * Sinkhorn's iteration, G ← G + ω τ log(wanted/c), with relaxation ω: 1 is Sinkhorn, above 1 over-relaxed. With penalised sides each step
 * also takes the best translation (f + λ, g − λ), which the iteration alone finds only slowly.
 *
 * @see [cuturi2013] [thibault2021] [sejourne2022]
 */
export class SinkhornAscent implements Ascent {
  readonly name: string;
  readonly patience: Patience = SMALL_STEPS;
  readonly point: SemiDualPoint;
  private readonly dual: SemiDual;
  private readonly omega: number;

  constructor(dual: SemiDual, omega = 1) {
    this.dual = dual;
    this.omega = omega;
    this.point = dual.allocate();
    this.name = omega === 1 ? 'sinkhorn' : 'over-relaxed';
  }

  restart(): void {
    this.dual.evaluate(this.point);
  }

  step(): void {
    const { dual, point, omega } = this;
    const rate = omega * dual.tau;
    for (let j = 0; j < dual.target.count; j++) point.G[j]! += rate * point.logRatio[j]!;
    dual.evaluate(point);
    const shift = translation(dual, point);
    if (shift === 0) return;
    for (let j = 0; j < dual.target.count; j++) point.G[j]! -= shift;
    dual.evaluate(point);
  }
}

/**
 * λ/ε of the best (f + λ, g − λ): ρ₁ρ₂/(ρ₁ + ρ₂) · log(⟨a, e^{−f/ρ₁}⟩ / ⟨b, e^{−g/ρ₂}⟩) with two penalties; 0 when both sides are exact.
 *
 * @see [sejourne2022]
 */
export function translation({ source, target, epsilon }: SemiDual, { F, G }: SemiDualPoint): number {
  if (source.exact && target.exact) return 0;
  const logMass = ({ weights, logs, rho, count, exact, mass }: SemiDual['source'], potential: Float64Array): number => {
    if (exact) return Math.log(mass);
    let top = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) top = Math.max(top, (-epsilon / rho) * (potential[i]! - logs[i]!));
    let sum = 0;
    for (let i = 0; i < count; i++) sum += weights[i]! * Math.exp((-epsilon / rho) * (potential[i]! - logs[i]!) - top);
    return top + Math.log(sum);
  };
  const stiffness = 1 / (1 / source.rho + 1 / target.rho);
  return (stiffness * (logMass(source, F) - logMass(target, G))) / epsilon;
}
