import { endpointKernels } from '../closed-forms/endpoint-step.ts';
import { jointFromKernel } from '../closed-forms/gaussian-joint.ts';
import { type RegressionTarget, reverseKernel } from '../closed-forms/population-step.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { DomainError } from '../errors.ts';
import type { GaussianKernel } from '../numerics/affine.ts';
import { requireInteger, requireKnownOptions } from '../numerics/vectors.ts';
import type { Scheme } from '../references/reference.ts';
import type { TimeGrid } from '../references/time-grid.ts';
import { gaussianEnds } from './gaussian-bridge.ts';
import { chainCoupling, type GaussianChain } from './gaussian-chain.ts';

/** What is regressed, and which time label a net carries. */
export interface PopulationDsbOptions {
  readonly target: RegressionTarget;
  /**
   * `'point'`: a net is labelled by the transition it parameterises; `'next'`: by the point that follows in the simulation, clamped at the
   * ends, as the original code does, which is another scheme with another limit. @defaultValue `'point'`
   */
  readonly timeLabel?: 'point' | 'next';
  /** How the reference is discretised. @defaultValue `'euler'` */
  readonly scheme?: Scheme;
}

/** DSB with infinite data. */
export interface PopulationDsb {
  /** The chain after that many half-steps; 0 is the discretised reference from the source. */
  iterate(halfSteps: number): GaussianChain;
}

const TARGETS: readonly RegressionTarget[] = ['mean', 'drift', 'simple', 'moment', 'endpoint'];

/**
 * Computes DSB with infinite data: every half-step's regression solved exactly, so that what remains is the bias of the scheme.
 *
 * `iterate(0)` is the discretised reference from the source; odd iterates run backward from the target, even ones forward from the source.
 * Iterates are kept, so that walking through them is linear work.
 *
 * @throws DomainError for an unknown target or label, and for `endpoint` with the exact scheme
 * @example
 * ```ts
 * import { bridgeProblem, brownian, gaussianMarginal, populationDsb, timeGrid } from 'viaduct';
 * const problem = bridgeProblem({
 *   source: gaussianMarginal({ mean: [-0.1], covariance: 1 }),
 *   target: gaussianMarginal({ mean: [0.1], covariance: 1 }),
 *   reference: brownian({ sigma: 1 }),
 * });
 * const dsb = populationDsb(problem, timeGrid.uniform({ steps: 20 }), { target: 'mean' });
 * console.log(dsb.iterate(1).covariances[0]!.get(0, 0).toFixed(5)); // → 0.76911
 * ```
 * @see [debortoli2021]
 */
export function populationDsb(problem: BridgeProblem, grid: TimeGrid, options: PopulationDsbOptions): PopulationDsb {
  requireKnownOptions('populationDsb', options, ['target', 'timeLabel', 'scheme']);
  const { target, timeLabel = 'point', scheme = 'euler' } = options;
  if (!TARGETS.includes(target)) throw new DomainError(`populationDsb: unknown target '${target}'; use ${TARGETS.join(', ')}`);
  if (timeLabel !== 'point' && timeLabel !== 'next') {
    throw new DomainError(`populationDsb: unknown timeLabel '${String(timeLabel)}'; use 'point' or 'next'`);
  }
  if (target === 'endpoint' && scheme !== 'euler') {
    throw new DomainError("populationDsb: target 'endpoint' learns drifts, which are run by Euler; leave scheme out");
  }
  const ends = gaussianEnds('populationDsb', problem);
  const chain = problem.reference.discretise(grid, { scheme });
  const kernels = Array.from({ length: grid.steps }, (_, k) => chain.kernel(k, problem.dimension));
  const iterates = [chainCoupling('populationDsb', problem, grid, kernels, 'forward', ends.source)];
  return Object.freeze({
    iterate(halfSteps: number) {
      requireInteger('populationDsb.iterate: halfSteps', halfSteps, 0);
      while (iterates.length <= halfSteps) {
        const last = iterates.at(-1)!;
        const first = iterates.length === 1;
        const learned = target === 'endpoint' ? learnEndpoint(problem, last, first) : populationStep(last, target);
        const direction = last.direction === 'forward' ? 'backward' : 'forward';
        const labelled = timeLabel === 'next' ? lateLabels(learned, direction) : learned;
        const start = direction === 'forward' ? ends.source : ends.target;
        iterates.push(chainCoupling('populationDsb', problem, grid, labelled, direction, start));
      }
      return iterates[halfSteps]!;
    },
  });
}

/** The kernels of the other direction that perfect regression learns from a chain, in forward order. */
export function populationStep(chain: GaussianChain, target: Exclude<RegressionTarget, 'endpoint'>): GaussianKernel[] {
  const moments = chain.means.map((mean, k) => ({ mean, covariance: chain.covariances[k]! }));
  return chain.kernels.map((kernel, k) => {
    const [before, after] = chain.direction === 'forward' ? [moments[k]!, moments[k + 1]!] : [moments[k + 1]!, moments[k]!];
    return reverseKernel(kernel, before, after, target);
  });
}

/** The same for the end-point target; the first half-step knows the reference's end points exactly, without simulation. */
function learnEndpoint(problem: BridgeProblem, chain: GaussianChain, first: boolean): GaussianKernel[] {
  const { reference, dimension } = problem;
  const { means, covariances, crossCovariance, grid } = chain;
  const joint = first
    ? jointFromKernel(means[0]!, covariances[0]!, reference.transition(0, reference.horizon, dimension))
    : {
        sourceMean: means[0]!,
        sourceCovariance: covariances[0]!,
        targetMean: means.at(-1)!,
        targetCovariance: covariances.at(-1)!,
        crossCovariance,
      };
  return endpointKernels(reference, grid, joint, chain.direction === 'forward' ? 'backward' : 'forward');
}

/** Every learned mean queried with the label of the point that follows; variances keep their place. */
function lateLabels(learned: readonly GaussianKernel[], direction: 'forward' | 'backward'): GaussianKernel[] {
  const shift = direction === 'forward' ? 1 : -1;
  return learned.map((kernel, k) => {
    const late = learned[Math.min(Math.max(k + shift, 0), learned.length - 1)]!;
    return { matrix: late.matrix, offset: late.offset, covariance: kernel.covariance };
  });
}
