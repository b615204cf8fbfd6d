import type { Cost } from '../costs/cost.ts';
import type { Marginal } from '../marginals/marginal.ts';

/** How a side of the plan is tied to its marginal: equal to it, penalised by rho·KL(π_1 | a), or below it. */
export type MarginalConstraint = 'exact' | { readonly kl: number } | 'at-most';

/**
 * min ∫ c dπ + ε·KL(π | source ⊗ target) + marginal penalties, KL(p | q) = ∫ log(dp/dq) dp − ∫dp + ∫dq.
 * Potentials f, g are in units of cost: π = source ⊗ target · exp((f ⊕ g − c)/ε).
 */
export interface EntropicProblem {
  readonly kind: 'entropic';
  readonly source: Marginal;
  readonly target: Marginal;
  readonly cost: Cost;
  /** ε > 0 in units of cost, resolved: never relative. */
  readonly epsilon: number;
  readonly marginals: { readonly source: MarginalConstraint; readonly target: MarginalConstraint };
  /** The factor that made the target's mass equal to the source's when they differed by at most 1e-7; 1 otherwise. */
  readonly targetRescaling: number;
  readonly warnings: readonly string[];
}

/** The same without ε: min ∫ c dπ over the plans with these marginals. */
export interface TransportProblem {
  readonly kind: 'transport';
  readonly source: Marginal;
  readonly target: Marginal;
  readonly cost: Cost;
  readonly targetRescaling: number;
  readonly warnings: readonly string[];
}
