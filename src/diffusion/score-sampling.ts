import { inverse, Matrix } from 'ml-matrix';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { requireRandom } from '../couplings/simulation.ts';
import { DomainError } from '../errors.ts';
import { type Affine, applyAffine, type GaussianKernel } from '../numerics/affine.ts';
import { carryAlong, type Flow } from '../numerics/flow.ts';
import { sampleKernel } from '../numerics/gaussian-draws.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { inverseSpd, trace } from '../numerics/spd.ts';
import { requireInteger, requireKnownOptions, requirePositive } from '../numerics/vectors.ts';
import { type Chain, stepChain, transitionOrder } from './chain.ts';
import { between, type NodeDrift } from './probability-flow.ts';

/** How a score model generates. */
export type ScoreMethod = 'ancestral' | 'euler' | 'predictor-corrector' | 'flow';

/** Options of `sample` of a score model. */
export interface ScoreSampling {
  /**
   * - `'euler'`: the learned chain, X_k ~ N(X_{k+1} + γb(X_{k+1}), γggᵀ)
   * - `'ancestral'`: the reference between the point and the source expected from it, X_k ~ q(x_k | x_0 = E[X_0 | X_{k+1}], x_{k+1})
   * - `'predictor-corrector'`: before every step of the chain, Langevin steps X ← X + ηs(X) + √(2η) z at its node
   * - `'flow'`: the probability flow by Runge–Kutta steps, random in its start only
   *
   * @defaultValue `'euler'`
   */
  readonly method?: ScoreMethod;
  /** @defaultValue a fixed stream: the same draws at every call */
  readonly random?: RandomSource;
  /** Langevin steps at every node. @defaultValue 1 */
  readonly correctorSteps?: number;
  /** r of η = 2r²d / tr(P_t⁻¹), P_t the noise of the reference up to t: the signal-to-noise ratio of a Langevin step. @defaultValue 0.16 */
  readonly snr?: number;
  /** Leaves out the noise of the step that ends at t = 0; `ancestral` and `flow` have none. @defaultValue false */
  readonly noiseFreeLastStep?: boolean;
}

/** Runge–Kutta steps between two nodes: the flow is known to O(γ²) only, so that more would not show. */
const FLOW_STEPS = 2;

/** What a score is taken against. */
type Ground = Pick<BridgeProblem, 'reference' | 'dimension'>;

/** The score s = (f_ref + b)/ggᵀ of a learned backward chain at the node where transition k starts, t_{k+1}. */
function scoreAtNodes({ reference, dimension }: Ground, { grid, drift }: Chain): NodeDrift {
  const nodes = Array.from({ length: grid.steps + 1 }, (_, node) => {
    if (node === 0) return undefined;
    const t = Math.min(grid.times[node]!, reference.horizon);
    return {
      own: reference.driftCoefficients(t, dimension),
      precision: inverseSpd(reference.diffusionCovariance(t, dimension), 'reference: diffusion'),
    };
  });
  return (node, x) => {
    const { own, precision } = nodes[node]!;
    const out = applyAffine(own, x);
    const learned = new Float64Array(x.data.length);
    drift.evaluate(node - 1, x.data, learned);
    for (let p = 0; p < learned.length; p++) out.data[p]! += learned[p]!;
    return applyAffine({ matrix: precision, offset: new Float64Array(dimension) }, out);
  };
}

/** The probability flow f_ref − ½ggᵀs of a score known at nodes: linear in t between them, constant before the first. */
export function scoreFlow({ reference, dimension }: Ground, chain: Chain): Flow {
  const { times, steps } = chain.grid;
  const score = between(times, scoreAtNodes({ reference, dimension }, chain), 1, steps);
  return {
    dimension,
    times,
    velocity(t, x, k) {
      const at = Math.min(t, reference.horizon);
      const pull = reference.diffusionCovariance(at, dimension).mul(-0.5);
      const out = applyAffine(reference.driftCoefficients(at, dimension), x);
      const along = applyAffine({ matrix: pull, offset: new Float64Array(dimension) }, score(t, x, k)).data;
      for (let p = 0; p < along.length; p++) out.data[p]! += along[p]!;
      return out;
    },
  };
}

/** Pairs (generated, prior): row i of `x` was generated from row i of `y`. */
export function scoreSample(
  path: string,
  problem: Ground,
  chain: Chain,
  count: number,
  options: ScoreSampling,
): { readonly x: Points; readonly y: Points } {
  requireKnownOptions(path, options, ['method', 'random', 'correctorSteps', 'snr', 'noiseFreeLastStep']);
  requireInteger(`${path}: count`, count, 1);
  if (options.random !== undefined) requireRandom(path, options.random);
  const { method = 'euler', noiseFreeLastStep = false, snr = 0.16 } = options;
  const correctorSteps = requireInteger(`${path}: correctorSteps`, options.correctorSteps ?? 1, 0);
  requirePositive(`${path}: snr`, snr);
  const random = options.random?.split() ?? randomSource(0).split('generate');
  const y = chain.start.sample(count, random.split('start'));
  const noise = random.split('noise');
  if (method === 'flow') {
    return { x: carryAlong(scoreFlow(problem, chain), y, { direction: 'backward', steps: FLOW_STEPS }).points, y };
  }
  if (method === 'ancestral') return { x: ancestral(problem, chain, y, noise), y };
  if (method !== 'euler' && method !== 'predictor-corrector') {
    throw new DomainError(`${path}: unknown method '${String(method)}'; use 'ancestral', 'euler', 'predictor-corrector' or 'flow'`);
  }
  const corrector = method === 'euler' ? undefined : langevin(problem, chain, snr, correctorSteps);
  let x = y;
  for (const k of transitionOrder(chain.grid.steps, 'backward')) {
    if (corrector !== undefined) x = corrector(k + 1, x, noise);
    x = stepChain(chain, k, x, noise, { still: noiseFreeLastStep && k === 0 });
  }
  return { x, y };
}

/** By Tweedie E[X_0 | X_t = x] = Φ⁻¹(x + P s(x) − m); the step is the reference's between there and x. */
function ancestral({ reference, dimension }: Ground, chain: Chain, y: Points, random: RandomSource): Points {
  const { times, steps } = chain.grid;
  const score = scoreAtNodes({ reference, dimension }, chain);
  let x = y;
  for (const k of transitionOrder(steps, 'backward')) {
    const t = Math.min(times[k + 1]!, reference.horizon);
    const past = reference.transition(0, t, dimension);
    const step = reference.bridge(0, times[k]!, t, dimension);
    const back = inverse(past.matrix);
    const forward = step.fromStart.mmul(back);
    // fromStart·Φ⁻¹(x + P s − m) + fromEnd·x + offset, as an affine map of x and one of s.
    const kernel: GaussianKernel = {
      matrix: Matrix.add(forward, step.fromEnd),
      offset: step.offset.map((value, r) => value - past.offset.reduce((sum, m, c) => sum + forward.get(r, c) * m, 0)),
      covariance: step.covariance,
    };
    const pull: Affine = { matrix: forward.mmul(past.covariance), offset: new Float64Array(dimension) };
    const toward = applyAffine(pull, score(k + 1, x)).data;
    x = sampleKernel(kernel, x, random);
    for (let p = 0; p < toward.length; p++) x.data[p]! += toward[p]!;
  }
  return x;
}

/** Langevin steps at a node. Their length depends on the node only, so that no draw depends on the draws beside it. */
function langevin(problem: Ground, chain: Chain, snr: number, steps: number): (node: number, x: Points, random: RandomSource) => Points {
  const { reference, dimension } = problem;
  const score = scoreAtNodes(problem, chain);
  return (node, x, random) => {
    const { covariance } = reference.transition(0, Math.min(chain.grid.times[node]!, reference.horizon), dimension);
    const eta = (2 * snr * snr * dimension) / trace(inverseSpd(covariance, 'reference: noise of the past'));
    let here = x;
    for (let n = 0; n < steps; n++) {
      const out = allocatePoints(x.count, dimension);
      const slope = score(node, here).data;
      random.fillNormal(out.data);
      for (let p = 0; p < slope.length; p++) out.data[p] = here.data[p]! + eta * slope[p]! + Math.sqrt(2 * eta) * out.data[p]!;
      here = out;
    }
    return here;
  };
}
