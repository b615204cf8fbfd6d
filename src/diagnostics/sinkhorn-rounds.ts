import { Matrix } from 'ml-matrix';
import { bridgeProblem } from '../couplings/bridge-problem.ts';
import type { CouplingMoments } from '../couplings/coupling.ts';
import type { EntropicProblem } from '../couplings/entropic-problem.ts';
import { staticProblem } from '../couplings/static-problem.ts';
import { sinkhorn } from '../discrete/sinkhorn.ts';
import { dataMarginal } from '../marginals/discrete-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { matchMoments } from '../numerics/matched-draws.ts';
import { type Points, row } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { trace } from '../numerics/spd.ts';
import { dot } from '../numerics/vectors.ts';
import type { Judged } from './judged.ts';
import { type Finding, inapplicable, theoremCheck } from './theorem-check.ts';

const ROUNDS = 'outer iterations against Sinkhorn rounds';
const FINAL = 'final law against the Sinkhorn bridge of samples';

/** Points of either side. */
const DRAWS = 600;
/** Correlation that the plan of so many draws may miss by chance, a share of 1/√n: their moments are matched. */
const CHANCE = 0.5;
/** L1 error at which a plan is solved, far below that. */
const TOLERANCE = 1e-6;

/**
 * The static problem between draws of the marginals: k outer iterations of a run are k rounds of Sinkhorn on it, started at the reference
 * (target first, from f = ½(1 − τ)|x|² − ζ·x with X_T | X_0 ~ N(τX_0 + ζ, κI)), and the bridge is its solution. Plans are compared by the
 * cross-covariance of the ends, relative to √(tr A tr B).
 *
 * @see [cuturi2013] [pooladian2024]
 */
export function sinkhornRounds(judged: Judged): Finding[] {
  const { run, bridge, problem, random } = judged;
  const { reference } = problem;
  if (reference.effectiveEpsilon === undefined) {
    return inapplicable([ROUNDS, FINAL], 'needs a static problem with a scalar cost, which no matrix-valued or simulated reference has');
  }
  const stream = random.split('sinkhorn');
  const [x, y] = [draws(problem.source, stream.split('source')), draws(problem.target, stream.split('target'))];
  const ends = staticProblem(bridgeProblem({ source: dataMarginal(x), target: dataMarginal(y), reference }));
  const final = run === undefined ? bridge.moments() : judged.moments(run.halfSteps.length);
  return [
    ...roundsOf(judged, ends, x),
    theoremCheck({
      name: FINAL,
      value: missed(sinkhorn(ends, { tolerance: TOLERANCE }).moments(), final),
      limit: 0.1,
      knowledge: 'samples',
      meaning: `The cross-covariance of the ends is that of the entropic plan between ${x.count} and ${y.count} draws of the marginals.`,
    }),
  ];
}

function roundsOf(judged: Judged, ends: EntropicProblem, x: Points): Finding[] {
  const { run, bridge, problem } = judged;
  if (run === undefined) return inapplicable([ROUNDS], `needs iterates, and a ${bridge.kind} has none`);
  if (run.startingPairs !== undefined)
    return inapplicable([ROUNDS], `needs iterates that start at the reference, and ${run.scheme} starts from pairs`);
  const rounds = Math.floor(run.halfSteps.length / 2);
  if (rounds === 0) return inapplicable([ROUNDS], 'needs one whole iteration, and this run has a single half-step');
  const { matrix, offset } = problem.reference.transition(0, problem.reference.horizon, problem.dimension);
  const f = Float64Array.from({ length: x.count }, (_, i) => {
    const at = row(x, i);
    return 0.5 * (1 - matrix.get(0, 0)) * dot(at, at) - dot(offset, at);
  });
  const misses = Array.from({ length: rounds }, (_, i) => {
    // The start is half a round already, and what is returned has the source right.
    const plan = sinkhorn(ends, { method: 'sinkhorn', tolerance: TOLERANCE, maxIterations: i, initial: { f } });
    return missed(plan.moments(), judged.moments(2 * (i + 1)));
  });
  return [
    theoremCheck({
      name: ROUNDS,
      value: Math.max(...misses),
      limit: 0.1,
      knowledge: 'samples',
      meaning: `Each outer iteration is a Sinkhorn round: the cross-covariances of ${rounds} against rounds between ${DRAWS} and ${DRAWS} draws, the worst.`,
    }),
  ];
}

/** Draws whose mean and covariance are those of the marginal, which removes most of the sampling error of a plan. */
function draws(marginal: Marginal, random: RandomSource): Points {
  return matchMoments(marginal.sample(DRAWS, random), { mean: marginal.mean(), covariance: marginal.covariance() });
}

function missed(plan: CouplingMoments, learned: CouplingMoments): number {
  const gap = Matrix.sub(plan.crossCovariance, learned.crossCovariance).norm();
  const scale = Math.sqrt(trace(plan.sourceCovariance) * trace(plan.targetCovariance));
  // A single point has no covariance with anything.
  return gap === 0 ? 0 : Math.max(0, gap / scale - CHANCE / Math.sqrt(DRAWS));
}
