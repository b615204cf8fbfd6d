import { type MixtureFrame, mixtureFrame } from '../closed-forms/mixture-frame.ts';
import { adamUpdater, parameterGradient, parametersOf, potentialFrom } from '../closed-forms/mixture-gradient.ts';
import type { MixturePotential } from '../closed-forms/mixture-potential.ts';
import { type DescentStep, descentStep, evaluatePotential, type PotentialFit, type WeightedPoints } from '../closed-forms/mixture-step.ts';
import { NotPositiveDefiniteError } from '../errors.ts';
import { AndersonMemory } from '../numerics/anderson-memory.ts';
import type { Iteration } from '../numerics/iterate.ts';
import { allocatePoints, type Points, row } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';

/** Both samples in end coordinates, and the start of the search. */
export interface FitProblem {
  readonly x: WeightedPoints;
  readonly y: WeightedPoints;
  readonly start: MixturePotential;
  readonly ridge: number;
}

/** A potential with its moments, and the way down from it. */
export interface FitState {
  readonly fit: PotentialFit;
  readonly step: DescentStep;
  /** Share of the step that was taken last: where the next search starts, doubled. */
  readonly taken: number;
  /** No shorter step lowers the objective in double precision. */
  readonly stuck: boolean;
}

/** Halvings of a step before the search gives up. */
const HALVINGS = 30;
/** Share of the promised decrease that a step has to deliver. */
const ARMIJO = 1e-4;

/** Images that the extrapolation combines. */
const MEMORY = 8;

/**
 * Monotone expectation–maximisation; the error is the decrease in nats that a whole step promises to first order. Steps are extrapolated from
 * the last ones in natural coordinates; an extrapolation that does not deliver what the plain step promises to first order is taken back.
 */
export function emIteration({ x, y, start, ridge }: FitProblem): Iteration<FitState> {
  const at = (fit: PotentialFit, taken: number): FitState => ({ fit, step: descentStep(fit, ridge), taken, stuck: false });
  const enough = (next: PotentialFit, { fit, step }: FitState, s: number): boolean =>
    next.objective <= fit.objective + ARMIJO * s * step.slope;
  const memory = new AndersonMemory(MEMORY);
  let frame: MixtureFrame | undefined;
  const extrapolated = ({ fit, step }: FitState): PotentialFit | undefined => {
    frame ??= mixtureFrame(fit);
    const image = frame.encode(step.at(1));
    memory.add(frame.encode(fit.potential), image);
    if (memory.length < 2) return undefined;
    memory.extrapolate(new Float64Array(image.length).fill(1), image);
    return finiteFit(() => frame!.decode(image), x, y, ridge);
  };
  return {
    path: 'mixtureBridge',
    initial: () => at(evaluatePotential(start, x, y, ridge), 1),
    step(state) {
      if (state.stuck) return state;
      if (start.components.length > 1) {
        const next = extrapolated(state);
        if (next !== undefined && enough(next, state, 1)) return at(next, 1);
        if (memory.length > 1) {
          memory.clear();
          frame = undefined;
        }
      }
      for (let halvings = 0, s = Math.min(1, 2 * state.taken); halvings < HALVINGS; halvings++, s /= 2) {
        const next = evaluatePotential(state.step.at(s), x, y, ridge);
        if (enough(next, state, s)) return at(next, s);
      }
      return { ...state, stuck: true };
    },
    error: ({ fit, step }) => (Number.isFinite(fit.objective) ? -step.slope : Number.NaN),
    roundingFloor: ({ fit }) => 1e-13 * fit.size,
  };
}

/** Where batches of Adam come from. */
export interface Batches {
  readonly x: (count: number, random: RandomSource) => Points;
  readonly y: (count: number, random: RandomSource) => Points;
}

/** How Adam runs. */
export interface AdamPlan {
  readonly batches: Batches;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Steps in all. */
  readonly steps: number;
  /** Steps between two looks of the driver. */
  readonly stride: number;
  readonly random: RandomSource;
}

/** What Adam changes. */
export interface AdamState {
  potential: MixturePotential;
  /** The last one whose loss on a batch was finite. */
  good: MixturePotential;
  /** A loss was not. */
  broken: boolean;
  done: number;
  /** Mean loss of the batches since the last look. */
  loss: number;
  /** Norm of their mean gradient. */
  gradient: number;
}

/** Adam on batches; one step of the iteration is `stride` of Adam's, the error the norm of their mean gradient. */
export function adamIteration({ start, y, ridge }: FitProblem, plan: AdamPlan): Iteration<AdamState> {
  const scale = sizeOf(y);
  const parameters = parametersOf(start, scale);
  const update = adamUpdater(parameters.values.length);
  const uniform = new Float64Array(plan.batchSize).fill(1 / plan.batchSize);
  const draw = (side: keyof Batches): WeightedPoints => ({
    points: plan.batches[side](plan.batchSize, plan.random),
    weights: uniform,
  });
  return {
    path: 'mixtureBridge',
    initial: () => ({ potential: start, good: start, broken: false, done: 0, loss: 0, gradient: Number.POSITIVE_INFINITY }),
    step(state) {
      const last = Math.min(plan.steps, state.done + plan.stride);
      const mean = new Float64Array(parameters.values.length);
      const many = last - state.done;
      state.loss = 0;
      for (; state.done < last; state.done++) {
        const fit = finiteFit(() => potentialFrom(parameters), draw('x'), draw('y'), ridge);
        if (fit === undefined) return { ...state, broken: true };
        state.good = fit.potential;
        const gradient = parameterGradient(fit, scale, ridge);
        const share = (1 + Math.cos((Math.PI * state.done) / plan.steps)) / 2;
        update(parameters.values, gradient, plan.learningRate * (0.01 + 0.99 * share));
        state.loss += fit.loss / many;
        for (let i = 0; i < mean.length; i++) mean[i]! += gradient[i]! / many;
      }
      state.gradient = Math.hypot(...mean);
      const next = attempt(() => potentialFrom(parameters));
      if (next === undefined) return { ...state, broken: true };
      state.potential = next;
      return state;
    },
    error: ({ gradient, broken }) => (broken ? Number.NaN : gradient),
  };
}

/** The fit of a potential; undefined where its covariances are none, or its loss is not finite. */
export function finiteFit(make: () => MixturePotential, x: WeightedPoints, y: WeightedPoints, ridge: number): PotentialFit | undefined {
  const fit = attempt(() => evaluatePotential(make(), x, y, ridge));
  return fit !== undefined && Number.isFinite(fit.objective) ? fit : undefined;
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof NotPositiveDefiniteError) return undefined;
    throw error;
  }
}

/** Draws rows of a weighted sample. */
export function rowsBy(sample: WeightedPoints, pick: (random: RandomSource) => number): Batches['x'] {
  return (count, random) => {
    const out = allocatePoints(count, sample.points.dimension);
    for (let i = 0; i < count; i++) row(out, i).set(row(sample.points, pick(random)));
    return out;
  };
}

/** Root mean square distance from the mean, per coordinate. */
function sizeOf({ points, weights }: WeightedPoints): number {
  const d = points.dimension;
  let squares = 0;
  const mean = new Float64Array(d);
  for (let i = 0; i < points.data.length; i++) {
    const w = weights[Math.floor(i / d)]!;
    mean[i % d]! += w * points.data[i]!;
    squares += w * points.data[i]! * points.data[i]!;
  }
  return Math.sqrt(Math.max(0, squares - mean.reduce((sum, m) => sum + m * m, 0)) / d) || 1;
}
