import { endpointKernels } from '../closed-forms/endpoint-step.ts';
import { jointFromKernel } from '../closed-forms/gaussian-joint.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { Coupling, CouplingMoments } from '../couplings/coupling.ts';
import { independentCoupling } from '../couplings/independent-coupling.ts';
import type { DiffusionBridge } from '../diffusion/diffusion-run.ts';
import { DomainError } from '../errors.ts';
import { chainCoupling } from '../gaussian/gaussian-chain.ts';
import { gaussianIpf } from '../gaussian/gaussian-ipf.ts';
import { populationDsb } from '../gaussian/population-dsb.ts';
import { populationImf } from '../gaussian/population-imf.ts';
import { momentsOf } from '../marginals/marginal-moments.ts';
import { type TimeGrid, timeGrid } from '../references/time-grid.ts';

/** What a scheme would do between Gaussians if nothing had to be learned: in continuous time, and on the run's grid with infinite data. */
export interface SchemeCounterpart {
  /** Half-steps to compare; 0 for a scheme without any, whose one answer is iterate 0. */
  readonly halfSteps: number;
  /** Moments after that many half-steps, in continuous time. */
  iterate(halfStep: number): CouplingMoments;
  /** The same on the run's grid with perfect regressions. */
  population(halfStep: number): CouplingMoments;
  /** The ends that the first half-step learns from, for target `endpoint`. */
  start(): CouplingMoments;
}

/** Pieces into which a step is cut where continuous time has no closed form; the error left after extrapolation is of second order. */
const REFINEMENT = 16;

/** The counterpart of a run's scheme. @throws DomainError where there is none: pairs from mini-batches follow no closed law */
export function schemeCounterpart(path: string, run: DiffusionBridge): SchemeCounterpart {
  const { problem, options, startingPairs } = run;
  const halfSteps = run.halfSteps.length;
  if (startingPairs === undefined) {
    const ipf = gaussianIpf(problem);
    const population = populationDsb(problem, options.grid, { target: options.target });
    return {
      halfSteps,
      iterate: (i) => ipf.iterate(i).moments(),
      population: (i) => population.iterate(i).moments(),
      start: () => referenceMoments(problem),
    };
  }
  if (startingPairs === 'minibatch') {
    throw new DomainError(
      `${path}: the pairs of ${run.scheme} came from mini-batches, whose law is not known; train with a Coupling, or 'independent' ones, to take its error apart`,
    );
  }
  const coupling: Coupling = startingPairs === 'independent' ? independentCoupling(problem.source, problem.target) : startingPairs;
  const start = coupling.moments();
  return halfSteps === 0 ? withoutHalfSteps(run, start) : iterativeMatching(run, start);
}

/** Bridge matching: iterative Markovian fitting from a coupling. */
function iterativeMatching({ problem, options, halfSteps }: DiffusionBridge, start: CouplingMoments): SchemeCounterpart {
  const population = populationImf(problem, options.grid, { coupling: start });
  const [coarse, fine] = [REFINEMENT, 2 * REFINEMENT].map((pieces) =>
    populationImf(problem, refined(options.grid, pieces), { coupling: start }),
  );
  return {
    halfSteps: halfSteps.length,
    iterate: (i) => extrapolated(coarse!.iterate(i).moments(), fine!.iterate(i).moments()),
    population: (i) => population.iterate(i).moments(),
    start: () => start,
  };
}

/** One projection of a coupling: in continuous time the bridge between its pairs has its law at every time, and its ends. */
function withoutHalfSteps({ problem, options }: DiffusionBridge, start: CouplingMoments): SchemeCounterpart {
  const ends = [REFINEMENT, 2 * REFINEMENT].map((pieces) => forwardChain(problem, refined(options.grid, pieces), start));
  return {
    halfSteps: 0,
    iterate: () => extrapolated(ends[0]!, ends[1]!),
    population: () => forwardChain(problem, options.grid, start),
    start: () => start,
  };
}

/** The forward chain of perfect regressions between the pairs of a joint law, run from the source. */
function forwardChain(problem: BridgeProblem, grid: TimeGrid, joint: CouplingMoments): CouplingMoments {
  const kernels = endpointKernels(problem.reference, grid, joint, 'forward');
  return chainCoupling('errorBudget', problem, grid, kernels, 'forward', momentsOf(problem.source)).moments();
}

/** The ends of the reference itself, not of its chain. */
function referenceMoments({ source, reference, dimension }: BridgeProblem): CouplingMoments {
  const { mean, covariance } = momentsOf(source);
  return jointFromKernel(mean, covariance, reference.transition(0, reference.horizon, dimension));
}

function refined({ durations }: TimeGrid, pieces: number): TimeGrid {
  return timeGrid.fromSteps(
    Float64Array.from({ length: pieces * durations.length }, (_, i) => durations[Math.floor(i / pieces)]! / pieces),
  );
}

/** 2·fine − coarse: Euler's error is of first order, and this removes it. */
function extrapolated(coarse: CouplingMoments, fine: CouplingMoments): CouplingMoments {
  const vector = (key: 'sourceMean' | 'targetMean'): Float64Array => fine[key].map((value, i) => 2 * value - coarse[key][i]!);
  const matrix = (key: 'sourceCovariance' | 'targetCovariance' | 'crossCovariance') => fine[key].clone().mul(2).sub(coarse[key]);
  return {
    sourceMean: vector('sourceMean'),
    targetMean: vector('targetMean'),
    sourceCovariance: matrix('sourceCovariance'),
    targetCovariance: matrix('targetCovariance'),
    crossCovariance: matrix('crossCovariance'),
  };
}
