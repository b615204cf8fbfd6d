import { inverse, Matrix } from 'ml-matrix';
import { beforeAll, describe, expect, test } from 'vitest';
import { jointFromKernel } from '../../src/closed-forms/gaussian-joint.ts';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import { logLikelihood } from '../../src/diffusion/flow-likelihood.ts';
import { type ScoreModel, scoreModel } from '../../src/diffusion/score-model.ts';
import type { ScoreSampling } from '../../src/diffusion/score-sampling.ts';
import { linear } from '../../src/drifts/linear.ts';
import { mlp } from '../../src/drifts/mlp.ts';
import { DomainError } from '../../src/errors.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { mixtureMarginal } from '../../src/marginals/mixture-marginal.ts';
import { weightedMoments } from '../../src/numerics/moments.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/brownian.ts';
import { ornsteinUhlenbeck } from '../../src/references/ornstein-uhlenbeck.ts';
import type { Reference } from '../../src/references/reference.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { varianceExploding } from '../../src/references/variance-exploding.ts';
import { subVariancePreserving, variancePreserving } from '../../src/references/variance-preserving.ts';

const data = gaussianMarginal({
  mean: [-0.5, 1],
  covariance: [
    [1, 0.3],
    [0.3, 0.5],
  ],
});

/** From the data to exactly where the reference takes it, so that the reversal is the whole truth. */
function noising(reference: Reference) {
  const { targetMean, targetCovariance } = jointFromKernel(data.mean(), data.covariance(), reference.transition(0, 1, 2));
  return bridgeProblem({ source: data, target: gaussianMarginal({ mean: targetMean, covariance: targetCovariance }), reference });
}

const references: readonly (readonly [string, Reference])[] = [
  ['Brownian', brownian({ sigma: 1 })],
  ['Ornstein–Uhlenbeck', ornsteinUhlenbeck({ rate: 0.7, sigma: 1, mean: 0.3 })],
  ['VE', varianceExploding({ sigmaMin: 0.1, sigmaMax: 3 })],
  ['VP', variancePreserving({ betaMin: 0.1, betaMax: 8 })],
  ['sub-VP', subVariancePreserving({ betaMin: 0.1, betaMax: 8 })],
];

const exactly = { drift: linear(), cache: { paths: 8000, draws: 'matched' }, batchSize: 8000, seed: 1 } as const;
const train = (reference: Reference, steps: number) =>
  scoreModel(noising(reference), { ...exactly, grid: timeGrid.uniform({ steps }), innerSteps: 2 * steps });

const methods: readonly ScoreSampling[] = [
  { method: 'euler' },
  { method: 'euler', noiseFreeLastStep: true },
  { method: 'ancestral' },
  { method: 'predictor-corrector', snr: 0.1, correctorSteps: 2, noiseFreeLastStep: true },
  { method: 'flow' },
];

/** Bounds on mean and covariance: 4.5 standard errors of 20 000 draws are .032 and .045; the rest is what 60 steps leave. */
const bias = (how: ScoreSampling): number => (how.method === 'ancestral' ? 0.09 : how.method === 'flow' ? 0.002 : 0.03);

describe('a score model of Gaussian data', () => {
  for (const [name, reference] of references) {
    describe(name, () => {
      let model: ScoreModel;
      beforeAll(async () => {
        model = await train(reference, 60);
      });

      for (const how of methods) {
        test(`generates the data: ${JSON.stringify(how)}`, () => {
          const n = 20_000;
          const { x, y } = model.sample(n, { ...how, random: randomSource(3) });
          expect([x.count, y.count]).toEqual([n, n]);
          const { mean, covariance } = weightedMoments(x);
          mean.forEach((m, k) => {
            expect(Math.abs(m - data.mean()[k]!)).toBeLessThan(0.032 + 0.01);
          });
          Matrix.sub(covariance, data.covariance())
            .to1DArray()
            .forEach((error) => {
              expect(Math.abs(error)).toBeLessThan(0.045 + bias(how));
            });
        });
      }

      test('knows the log-density of the data', () => {
        const x = data.sample(50, randomSource(4));
        const exact = data.logDensity!(x);
        model.logLikelihood(x).forEach((value, i) => {
          expect(Math.abs(value - exact[i]!)).toBeLessThan(0.015);
        });
      });
    });
  }
});

describe('each method is the one it is named after', () => {
  const reference = variancePreserving({ betaMin: 0.1, betaMax: 8 });
  const steps = 12;
  const grid = timeGrid.uniform({ steps });
  let model: ScoreModel;
  beforeAll(async () => {
    model = await train(reference, steps);
  });

  /** Mean and covariance of the exact score's generator: x ↦ A x + a with noise V, from t_N down. */
  const propagate = (step: (k: number) => { matrix: Matrix; offset: Matrix; noise: Matrix }) => {
    const { target } = noising(reference);
    let mean = Matrix.columnVector(Array.from(target.mean()));
    let covariance = target.covariance();
    for (let k = steps - 1; k >= 0; k--) {
      const { matrix, offset, noise } = step(k);
      mean = matrix.mmul(mean).add(offset);
      covariance = matrix.mmul(covariance).mmul(matrix.transpose()).add(noise);
    }
    return { mean, covariance };
  };
  /** s(x) = −S⁻¹(x − m) of the data under the reference at node k. */
  const exactScore = (k: number) => {
    const { matrix, covariance } = reference.transition(0, grid.times[k]!, 2);
    const tau = matrix.get(0, 0);
    const mean = Matrix.columnVector(Array.from(data.mean())).mul(tau);
    const slope = inverse(
      data
        .covariance()
        .mul(tau * tau)
        .add(covariance),
    ).mul(-1);
    return { slope, constant: slope.mmul(mean).mul(-1) };
  };
  const expectMoments = (how: ScoreSampling, exact: { mean: Matrix; covariance: Matrix }) => {
    const n = 50_000;
    const { mean, covariance } = weightedMoments(model.sample(n, { ...how, random: randomSource(5) }).x);
    // 4.5 standard errors of the draws, and as much of the regression.
    mean.forEach((m, k) => {
      expect(Math.abs(m - exact.mean.get(k, 0))).toBeLessThan(0.03);
    });
    Matrix.sub(covariance, exact.covariance)
      .to1DArray()
      .forEach((error) => {
        expect(Math.abs(error)).toBeLessThan(0.04);
      });
    return exact.covariance.get(0, 0);
  };
  /** ᾱ of the chain that DDPM writes down, at node k. */
  const alphaBar = (k: number) => reference.transition(0, grid.times[k]!, 1).matrix.get(0, 0) ** 2;

  test('ancestral: the posterior of Ho et al. (2020), equations 6 and 7', () => {
    const eye = Matrix.eye(2);
    const exact = propagate((k) => {
      const [before, after] = [alphaBar(k), alphaBar(k + 1)];
      const [alpha, beta] = [after / before, 1 - after / before];
      const ofData = (Math.sqrt(before) * beta) / (1 - after);
      const ofPoint = (Math.sqrt(alpha) * (1 - before)) / (1 - after);
      const { slope, constant } = exactScore(k + 1);
      // E[x₀ | x] = (x + (1 − ᾱ) s)/√ᾱ.
      const scale = ofData / Math.sqrt(after);
      return {
        matrix: Matrix.mul(eye, ofPoint + scale).add(Matrix.mul(slope, scale * (1 - after))),
        offset: Matrix.mul(constant, scale * (1 - after)),
        noise: Matrix.mul(eye, ((1 - before) / (1 - after)) * beta),
      };
    });
    const variance = expectMoments({ method: 'ancestral' }, exact);
    expect(Math.abs(variance - data.covariance().get(0, 0))).toBeGreaterThan(0.15);
  });

  const eulerStep = (k: number, noiseFree: boolean) => {
    const { slope, constant } = exactScore(k + 1);
    const g = reference.diffusionCovariance(grid.times[k + 1]!, 1).get(0, 0);
    const gamma = grid.durations[k]!;
    return {
      matrix: Matrix.eye(2)
        .mul(1 + (gamma * g) / 2)
        .add(Matrix.mul(slope, gamma * g)),
      offset: Matrix.mul(constant, gamma * g),
      noise: Matrix.eye(2).mul(noiseFree && k === 0 ? 0 : gamma * g),
    };
  };

  test('euler: the learned chain itself, whose moments are known', () => {
    const noisy = propagate((k) => eulerStep(k, false));
    const quiet = propagate((k) => eulerStep(k, true));
    expectMoments({ method: 'euler' }, noisy);
    expectMoments({ method: 'euler', noiseFreeLastStep: true }, quiet);
    expect(noisy.covariance.get(0, 0) - quiet.covariance.get(0, 0)).toBeGreaterThan(0.05);
    const { sourceMean, sourceCovariance } = model.moments();
    expectMoments({ method: 'euler' }, { mean: Matrix.columnVector(Array.from(sourceMean)), covariance: sourceCovariance });
  });

  test('predictor-corrector: Langevin steps before every step of the chain', () => {
    const snr = 0.3;
    const exact = propagate((k) => {
      const { slope, constant } = exactScore(k + 1);
      const eta = 2 * snr * snr * (1 - alphaBar(k + 1));
      const euler = eulerStep(k, true);
      const corrected = Matrix.eye(2).add(Matrix.mul(slope, eta));
      const [twice, shift] = [corrected.mmul(corrected), corrected.mmul(constant).add(constant).mul(eta)];
      const noise = corrected
        .mmul(corrected.transpose())
        .add(Matrix.eye(2))
        .mul(2 * eta);
      return {
        matrix: euler.matrix.mmul(twice),
        offset: euler.matrix.mmul(shift).add(euler.offset),
        noise: euler.matrix.mmul(noise).mmul(euler.matrix.transpose()).add(euler.noise),
      };
    });
    expectMoments({ method: 'predictor-corrector', snr, correctorSteps: 2, noiseFreeLastStep: true }, exact);
    const none = model.sample(5, { method: 'predictor-corrector', correctorSteps: 0, random: randomSource(6) });
    expect(none).toEqual(model.sample(5, { method: 'euler', random: randomSource(6) }));
  });

  test('flow: random in its start only, and right to second order in the step', async () => {
    const [one, other] = [6, 7].map((seed) => model.sample(4, { method: 'flow', random: randomSource(seed) }));
    expect(one!.x.data).not.toEqual(other!.x.data);
    const x = data.sample(200, randomSource(4));
    const exact = data.logDensity!(x);
    const errors: number[] = [];
    for (const count of [8, 32]) {
      const cache = { paths: 30_000, draws: 'matched' } as const;
      const grid = timeGrid.uniform({ steps: count });
      const finer = await scoreModel(noising(ornsteinUhlenbeck({ rate: 0.7, sigma: 1 })), {
        ...exactly,
        cache,
        grid,
        batchSize: 60_000,
        innerSteps: count,
      });
      errors.push(Math.sqrt(finer.logLikelihood(x).reduce((sum, value, i) => sum + (value - exact[i]!) ** 2, 0) / x.count));
    }
    expect(errors[0]! / errors[1]!).toBeGreaterThan(6);
  });
});

describe('a score model', () => {
  const problem = noising(brownian({ sigma: 1 }));
  const quick = { drift: linear(), grid: timeGrid.uniform({ steps: 5 }), innerSteps: 10, batchSize: 500, cache: 500, seed: 1 } as const;

  test('is the first half-step of target endpoint', async () => {
    const model = await scoreModel(problem, quick);
    const run = await diffusionBridge(problem, { ...quick, target: 'endpoint', iterations: 1 });
    expect(model.moments()).toEqual(run.iterate(1).moments());
    expect(model.halfSteps.map((h) => h.direction)).toEqual(['backward']);
    expect([model.kind, model.scheme]).toEqual(['diffusion-bridge', 'scoreModel']);
    expect(model.warnings).toEqual([]);
    expect(Object.isFrozen(model)).toBe(true);
    expect(JSON.stringify(model).length).toBeLessThan(400);
  });

  test('draws pairs as a coupling, and generates alike without a source of randomness', async () => {
    const model = await scoreModel(problem, quick);
    expect(model.sample(3, randomSource(1))).toEqual(model.direction('backward').sample(3, randomSource(1)));
    expect(model.sample(3, { method: 'flow' })).toEqual(model.sample(3, { method: 'flow' }));
    const random = randomSource(2);
    expect(model.sample(3, { random }).x.data).not.toEqual(model.sample(3, { random }).x.data);
  });

  test('the likelihood of the run as a bridge is that of its own flow, nearly', async () => {
    const model = await scoreModel(problem, {
      ...quick,
      grid: timeGrid.uniform({ steps: 40 }),
      innerSteps: 40,
      cache: 4000,
      batchSize: 4000,
    });
    const x = data.sample(20, randomSource(4));
    const own = model.logLikelihood(x);
    logLikelihood(model, x).forEach((value, i) => {
      expect(Math.abs(value - own[i]!)).toBeLessThan(0.02);
    });
  });

  test('of a network generates two clusters, and its likelihood is higher there', async () => {
    const clusters = mixtureMarginal({
      weights: [0.5, 0.5],
      components: [gaussianMarginal({ mean: [-2], covariance: 0.1 }), gaussianMarginal({ mean: [2], covariance: 0.1 })],
    });
    const reference = variancePreserving({ betaMin: 0.1, betaMax: 10 });
    const model = await scoreModel(bridgeProblem({ source: clusters, target: gaussianMarginal({ mean: [0], covariance: 1 }), reference }), {
      drift: mlp({ hidden: [32, 32] }),
      grid: timeGrid.uniform({ steps: 40 }),
      innerSteps: 1500,
      batchSize: 256,
      seed: 1,
    });
    for (const method of ['ancestral', 'euler', 'predictor-corrector', 'flow'] as const) {
      const { x } = model.sample(2000, { method, noiseFreeLastStep: true });
      const near = x.data.filter((value) => Math.abs(Math.abs(value) - 2) < 1).length / 2000;
      expect(near, method).toBeGreaterThan(0.93);
      const left = x.data.filter((value) => value < 0).length / 2000;
      expect(Math.abs(left - 0.5), method).toBeLessThan(0.08);
    }
    const at = [[-2], [0], [2]];
    const [a, b, c] = model.logLikelihood(at);
    const exact = clusters.logDensity!(at);
    expect(Math.abs(a! - exact[0]!)).toBeLessThan(0.4);
    expect(Math.abs(c! - exact[2]!)).toBeLessThan(0.4);
    expect(b!).toBeLessThan(-3);
  });

  test('says when the reference does not reach the target, and refuses what it does not know', async () => {
    const far = bridgeProblem({
      source: data,
      target: gaussianMarginal({ mean: [3, 0], covariance: 1 }),
      reference: brownian({ sigma: 1 }),
    });
    const model = await scoreModel(far, quick);
    expect(model.warnings.join(' ')).toMatch(/^scoreModel: the reference ends .*% \(BW²-UVP\) away.*diffusionBridge/);
    for (const [how, message] of [
      [{ method: 'ddim' }, /^scoreModel.sample: unknown method 'ddim'/],
      [{ snr: 0 }, /snr must be > 0/],
      [{ correctorSteps: -1 }, /correctorSteps must be a whole number/],
      [{ steps: 3 }, /unknown option 'steps'/],
    ] as const) {
      expect(() => model.sample(2, how as object)).toThrow(DomainError);
      expect(() => model.sample(2, how as object)).toThrow(message);
    }
    expect(() => model.sample(0)).toThrow(DomainError);
    await expect(scoreModel(far, { ...quick, iterations: 2 } as object)).rejects.toThrow(/^scoreModel: unknown option 'iterations'/);
    const none = await scoreModel(problem, { ...quick, signal: AbortSignal.abort() });
    expect(none.status).toBe('aborted');
    expect(() => none.sample(2)).toThrow(DomainError);
  });
});
