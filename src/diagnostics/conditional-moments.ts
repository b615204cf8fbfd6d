import { conditionalGaussian } from '../closed-forms/gaussian-joint.ts';
import type { Coupling } from '../couplings/coupling.ts';
import type { DiscreteCoupling } from '../discrete/discrete-coupling.ts';
import type { SinkhornBridge } from '../discrete/sinkhorn-bridge.ts';
import { gaussianMarginal } from '../marginals/gaussian-marginal.ts';
import { mixtureMarginal } from '../marginals/mixture-marginal.ts';
import { applyAffine } from '../numerics/affine.ts';
import { type Moments, weightedMoments } from '../numerics/moments.ts';
import { type Points, row, takeRows, wrapPoints } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import type { EntropicBenchmark } from './entropic-benchmark.ts';

/** What has conditional laws: a coupling, or a benchmark that knows them in closed form. */
export type ConditionalLaw = Coupling | EntropicBenchmark;

/** Rows simulated at once. */
const BLOCK = 20_000;

/** Mean and covariance of y given each row of x: exact where the kind of coupling knows them, otherwise of `samples` draws. */
export function conditionalMoments(law: ConditionalLaw, x: Points, samples: number, random: RandomSource): Moments[] {
  return exactMoments(law, x) ?? sampledMoments(law, x, samples, random);
}

function exactMoments(law: ConditionalLaw, x: Points): Moments[] | undefined {
  if ('conditional' in law) return Array.from({ length: x.count }, (_, i) => mixtureMoments(law.conditional(row(x, i))));
  switch (law.kind) {
    case 'gaussian-coupling':
    case 'gaussian-bridge':
    case 'gaussian-chain':
      return gaussianMoments(law, x);
    case 'independent-coupling': {
      const moments = { mean: law.target.mean(), covariance: law.target.covariance() };
      return Array.from({ length: x.count }, () => moments);
    }
    case 'discrete-coupling':
      return planMoments(law as DiscreteCoupling, x);
    case 'sinkhorn-bridge':
      return planMoments((law as Coupling as SinkhornBridge).coupling, x);
    default:
      return undefined;
  }
}

function gaussianMoments(law: Coupling, x: Points): Moments[] {
  const m = law.moments();
  const kernel = conditionalGaussian(m.targetMean, m.sourceMean, m.targetCovariance, m.crossCovariance.transpose(), m.sourceCovariance);
  const means = applyAffine(kernel, x);
  return Array.from({ length: x.count }, (_, i) => ({ mean: row(means, i), covariance: kernel.covariance }));
}

/** Rows of the plan, for support points of positive mass; undefined when one row of x is none. */
function planMoments(coupling: DiscreteCoupling, x: Points): Moments[] | undefined {
  const { points, weights } = coupling.source;
  const places = new Map<string, number>();
  for (let i = 0; i < points.count; i++) if (weights[i]! > 0) places.set(row(points, i).join(), i);
  const found = Array.from({ length: x.count }, (_, i) => places.get(row(x, i).join()));
  if (found.includes(undefined)) return undefined;
  const plan = coupling.plan();
  const known = new Map<number, Moments>();
  return found.map((i) => {
    const moments = known.get(i!) ?? weightedMoments(coupling.target.points, Float64Array.from(plan.getRow(i!)));
    known.set(i!, moments);
    return moments;
  });
}

function mixtureMoments({ weights, means, covariances }: ReturnType<EntropicBenchmark['conditional']>): Moments {
  const mixture = mixtureMarginal({ weights, components: means.map((mean, k) => gaussianMarginal({ mean, covariance: covariances[k]! })) });
  return { mean: mixture.mean(), covariance: mixture.covariance() };
}

function sampledMoments(law: ConditionalLaw, x: Points, samples: number, random: RandomSource): Moments[] {
  const atOnce = Math.max(1, Math.floor(BLOCK / samples));
  const out: Moments[] = [];
  for (let first = 0; first < x.count; first += atOnce) {
    const inputs = Math.min(atOnce, x.count - first);
    const repeated = takeRows(
      x,
      Int32Array.from({ length: inputs * samples }, (_, i) => first + Math.floor(i / samples)),
    );
    const y = law.sampleConditional(repeated, random);
    const size = samples * y.dimension;
    for (let i = 0; i < inputs; i++) out.push(weightedMoments(wrapPoints(y.data.subarray(i * size, (i + 1) * size), y.dimension)));
  }
  return out;
}
