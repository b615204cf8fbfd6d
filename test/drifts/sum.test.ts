import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/index.ts';
import { diffusionBridge } from '../../src/diffusion/index.ts';
import { driftModels } from '../../src/drifts/index.ts';
import { DomainError, FormatError } from '../../src/errors.ts';
import { gaussianBridge, populationDsb } from '../../src/gaussian/index.ts';
import { gaussianMarginal } from '../../src/marginals/index.ts';
import { type Points, points } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian, type DriftField, timeGrid } from '../../src/references/index.ts';
import { driftContext, driftModelLaws, knownBatch, probe } from '../laws/drift-model-laws.ts';

const problem = (sigma = 1) =>
  bridgeProblem({
    source: gaussianMarginal({ mean: [-0.3, 0.1], covariance: [[1, 0.3], [0.3, 0.7]] }), // biome-ignore format: a matrix
    target: gaussianMarginal({ mean: [0.5, 0], covariance: [[0.6, -0.1], [-0.1, 1.1]] }), // biome-ignore format: a matrix
    reference: brownian({ sigma }),
  });
const base = gaussianBridge(problem());
/** The same field without saying that it is affine. */
const opaque: DriftField = { drift: base.drift, backwardDrift: base.backwardDrift };

/** A field of every dimension. */
const pull =
  (rate: number): DriftField['drift'] =>
  (t, x) => {
    const made = points(x as Points);
    return { ...made, data: made.data.map((value) => rate * value + t) };
  };
const anywhere: DriftField = { drift: pull(0.4), backwardDrift: pull(-0.7) };

driftModelLaws('sum(field, linear())', () => driftModels.sum(anywhere, driftModels.linear()));
driftModelLaws('sum(field, mlp())', () => driftModels.sum(anywhere, driftModels.mlp({ hidden: [32] })));

describe('driftModels.sum', () => {
  test('starts at the base, in both directions', () => {
    for (const direction of ['forward', 'backward'] as const) {
      const context = driftContext({ dimension: 2, steps: 3, direction });
      const model = driftModels.sum(base, driftModels.mlp()).make(context);
      probe(model, 3).forEach((values, k) => {
        const at = { data: randomSource(99).fillNormal(new Float64Array(14)), count: 7, dimension: 2 };
        const field = direction === 'forward' ? base.drift(context.labels[k]!, at) : base.backwardDrift(context.labels[k]!, at);
        field.data.forEach((value, i) => {
          expect(values[i]).toBeCloseTo(value, 6);
        });
      });
    }
  });

  test('a field that hides that it is affine gives the same drift', () => {
    const context = driftContext({ dimension: 2, steps: 3 });
    const [a, b] = [base, opaque].map((field) => driftModels.sum(field, driftModels.linear()).make(context));
    expect(a!.affine(1)).toBeDefined();
    expect(b!.affine(1)).toBeUndefined();
    for (const model of [a!, b!]) {
      model.begin();
      for (let i = 0; i < 5; i++) model.step(knownBatch(context, 64, randomSource(i)), 0);
      model.finish();
    }
    probe(a!, 3).forEach((values, k) => {
      probe(b!, 3)[k]!.forEach((value, i) => {
        expect(values[i]).toBeCloseTo(value, 10);
      });
    });
  });

  test('another base is another state and another digest', () => {
    const context = driftContext({ dimension: 2, steps: 3 });
    const [a, b] = [base, gaussianBridge(problem(2))].map((field) => driftModels.sum(field, driftModels.linear()).make(context));
    expect(a!.bytes()).not.toEqual(b!.bytes());
    expect(() => b!.load(a!.save())).toThrow(FormatError);
  });

  test('what is neither a field nor a model is refused', () => {
    expect(() => driftModels.sum({} as DriftField, driftModels.mlp())).toThrow(DomainError);
    expect(() => driftModels.sum(base, {} as ReturnType<typeof driftModels.mlp>)).toThrow(DomainError);
  });

  test('with least squares a preconditioned run equals the plain one, which forgets the base', async () => {
    const grid = timeGrid.uniform({ steps: 6 });
    const run = (drift: ReturnType<typeof driftModels.linear>) =>
      diffusionBridge(problem(), {
        iterations: 2,
        grid,
        drift,
        batchSize: 1000,
        innerSteps: 60,
        cache: { paths: 10_000, draws: 'independent' },
        seed: 4,
      });
    const [plain, conditioned] = await Promise.all([run(driftModels.linear()), run(driftModels.sum(base, driftModels.linear()))]);
    const [a, b] = [plain.moments(), conditioned.moments()];
    for (const key of ['targetCovariance', 'crossCovariance'] as const) {
      a[key].to1DArray().forEach((value, i) => {
        expect(b[key].to1DArray()[i]).toBeCloseTo(value, 4);
      });
    }
  });

  test('a net on the Gaussian bridge is at the population value where the net alone is not yet', async () => {
    const grid = timeGrid.uniform({ steps: 8 });
    const exact = populationDsb(problem(), grid, { target: 'mean' }).iterate(2).moments().targetCovariance;
    const gap = async (drift: ReturnType<typeof driftModels.mlp>): Promise<number> => {
      const run = await diffusionBridge(problem(), { iterations: 1, grid, drift, batchSize: 128, innerSteps: 40, cache: 1000, seed: 1 });
      return run
        .moments({ samples: 20_000, random: randomSource(3) })
        .targetCovariance.clone()
        .sub(exact)
        .norm();
    };
    const [alone, sum] = [await gap(driftModels.mlp()), await gap(driftModels.sum(base, driftModels.mlp()))];
    expect(sum).toBeLessThan(0.15);
    expect(alone).toBeGreaterThan(1.5 * sum);
  });
});
