import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import { linear } from '../../src/drifts/linear.ts';
import { mlp } from '../../src/drifts/mlp.ts';
import { sum } from '../../src/drifts/sum.ts';
import { tensorflow } from '../../src/drifts/tensorflow.ts';
import type { TensorFlow } from '../../src/drifts/tensorflow-types.ts';
import { DomainError, ShapeError } from '../../src/errors.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { brownian } from '../../src/references/brownian.ts';
import type { DriftField } from '../../src/references/drift-field.ts';
import { timeGrid } from '../../src/references/time-grid.ts';

const bridgeOf = (dimension: number, horizon = 1) => {
  const unit = gaussianMarginal({ mean: new Array(dimension).fill(0), covariance: 1 });
  return bridgeProblem({ source: unit, target: unit, reference: brownian({ sigma: 1, horizon }) });
};
const train = (base: DriftField) =>
  diffusionBridge(bridgeOf(2), {
    drift: sum(base, linear()),
    grid: timeGrid.uniform({ steps: 4 }),
    iterations: 1,
    innerSteps: 4,
    cache: 50,
  });

describe('a base that does not fit the run', () => {
  test('another dimension, with or without an affine drift, or no drifts at all', async () => {
    const { drift, backwardDrift } = gaussianBridge(bridgeOf(3));
    const one = { data: new Float64Array(1), count: 1, dimension: 1 };
    const nothing = () => undefined as never;
    for (const base of [
      gaussianBridge(bridgeOf(3)),
      gaussianBridge(bridgeOf(1)),
      { drift: () => one, backwardDrift: () => one },
      { drift: nothing, backwardDrift: nothing },
    ]) {
      await expect(train(base)).rejects.toThrow(ShapeError);
      await expect(train(base)).rejects.toThrow(/^driftModels.sum: the base has no drifts of dimension 2; pass a base between/);
    }
    await expect(train({ drift, backwardDrift })).rejects.toThrow(/dimension 2, expected 3; pass/);
  });

  test('another horizon', async () => {
    for (const horizon of [0.5, 2]) {
      await expect(train(gaussianBridge(bridgeOf(2, horizon)))).rejects.toThrow(DomainError);
      await expect(train(gaussianBridge(bridgeOf(2, horizon)))).rejects.toThrow(
        `driftModels.sum: the base ends at ${horizon}, the run at 1; pass a base of the same horizon`,
      );
    }
  });
});

test('what is no LayersModel, and no list of sizes', () => {
  const tf = { variableGrads() {} } as unknown as TensorFlow;
  for (const model of [5, {}, null]) {
    expect(() => tensorflow({ tf, model: model as never })).toThrow(
      /^driftModels.tensorflow: model is no LayersModel but .*; pass tf.sequential/,
    );
  }
  for (const hidden of [5, '64', {}]) {
    expect(() => mlp({ hidden: hidden as never })).toThrow(/^driftModels.mlp: hidden is no list of sizes but .*; pass \[64, 64\], say$/);
    expect(() => tensorflow({ tf, hidden: hidden as never })).toThrow(/^driftModels.tensorflow: hidden is no list of sizes/);
  }
});
