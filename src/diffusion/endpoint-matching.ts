import { type EndpointDrift, endpointDrift } from '../closed-forms/endpoint-step.ts';
import { applyAffine, flatten } from '../numerics/affine.ts';
import { drawGaussian } from '../numerics/gaussian-draws.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { squareRoot, trace } from '../numerics/spd.ts';
import type { Reference } from '../references/reference.ts';
import { type Chain, runChain, startChain } from './chain.ts';
import { allocateRows, fillRows, normalised, type RegressionScheme, type SchemeContext } from './regression-target.ts';

/**
 * End-point matching (DSBM-IPF): draws X_t from the reference bridge between the ends of simulated paths and regresses the drift of that
 * bridge towards its end at the node t where the step starts, backward −f + ggᵀP_t⁻¹(Φ_t X_0 + m_t − X_t), forward
 * f + ggᵀΨ_tᵀK_t⁻¹(X_T − Ψ_t X_t − z_t). In the first half-step X_t is drawn from X_0 by the reference itself, without simulation: exact
 * denoising score matching. Weights are the reciprocal variance of the target's noise, which grows without bound towards the end.
 *
 * @see [shi2023]
 */
export function endpointMatching({ problem, grid, draws }: SchemeContext): RegressionScheme {
  const { reference, dimension } = problem;
  const startOf = (k: number, direction: Chain['direction']): number =>
    Math.min(grid.times[direction === 'forward' ? k : k + 1]!, reference.horizon);
  const each = <T>(direction: Chain['direction'], make: (t: number, k: number) => T): T[] =>
    Array.from({ length: grid.steps }, (_, k) => make(startOf(k, direction), k));
  return {
    noise: (direction) => each(direction, (t, k) => reference.diffusionCovariance(t, dimension).mul(grid.durations[k]!)),
    weights: (direction) => normalised(Float64Array.from(each(direction, (t) => 1 / targetVariance(reference, t, direction, dimension)))),
    *rows(current, paths, random, first) {
      const learned = current.direction === 'forward' ? 'backward' : 'forward';
      const start = startChain(current, paths, random.split('start'), draws);
      const far = first ? undefined : runChain(current, start, random.split('noise'), draws);
      const [source, target] = current.direction === 'forward' ? [start, far] : [far!, start];
      const rows = allocateRows(grid.steps, paths, dimension);
      const interiors = random.split('interior');
      for (let k = 0; k < grid.steps; k++) {
        const t = startOf(k, learned);
        const { mean, noise } = interior(reference, t, source, target, interiors.split(k));
        const drift = endpointDrift(reference, t, learned, dimension);
        for (const [copy, sign] of [1, -1].entries()) {
          const x = sum(mean, sign, noise);
          fillRows(rows, k, copy, x, towards(drift, learned === 'forward' ? target! : source, x));
        }
        yield;
      }
      return rows;
    },
  };
}

/** The mean of X_t between the ends, or from the source alone when there is no target, and a draw of its noise. */
function interior(
  reference: Reference,
  t: number,
  source: Points,
  target: Points | undefined,
  random: RandomSource,
): { readonly mean: Points; readonly noise: Points } {
  const d = source.dimension;
  const zero = new Float64Array(d);
  const law = target === undefined ? undefined : reference.bridge(0, t, reference.horizon, d);
  const alone = law === undefined ? reference.transition(0, t, d) : undefined;
  const noise = drawGaussian(zero, flatten(squareRoot((law ?? alone!).covariance)), source.count, random);
  const alongSource = applyAffine({ matrix: law?.fromStart ?? alone!.matrix, offset: (law ?? alone!).offset }, source);
  const mean = law === undefined ? alongSource : sum(alongSource, 1, applyAffine({ matrix: law.fromEnd, offset: zero }, target!));
  return { mean, noise };
}

/** The drift of the reference bridge at x towards `end`. */
function towards({ fromEnd, fromPoint, offset }: EndpointDrift, end: Points, x: Points): Points {
  return sum(
    applyAffine({ matrix: fromEnd, offset }, end),
    1,
    applyAffine({ matrix: fromPoint, offset: new Float64Array(x.dimension) }, x),
  );
}

/** x + factor·y. */
function sum(x: Points, factor: number, y: Points): Points {
  const out = allocatePoints(x.count, x.dimension);
  for (let i = 0; i < out.data.length; i++) out.data[i] = x.data[i]! + factor * y.data[i]!;
  return out;
}

/** tr(ggᵀP_t⁻¹ggᵀ) backward, tr(ggᵀΨᵀK_t⁻¹Ψggᵀ) forward: the variance of the target given the end it does not know. */
function targetVariance(reference: Reference, t: number, direction: Chain['direction'], dimension: number): number {
  const { fromEnd, fromPoint } = endpointDrift(reference, t, direction, dimension);
  if (direction === 'forward') {
    const { covariance } = reference.transition(t, reference.horizon, dimension);
    return trace(fromEnd.mmul(covariance).mmul(fromEnd.transpose()));
  }
  const pull = fromPoint.clone().add(reference.driftCoefficients(t, dimension).matrix);
  return trace(pull.mmul(reference.transition(0, t, dimension).covariance).mmul(pull.transpose()));
}
