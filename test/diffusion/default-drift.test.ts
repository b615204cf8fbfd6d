import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { bridgeMatching } from '../../src/diffusion/bridge-matching.ts';
import { gaussianField } from '../../src/diffusion/default-drift.ts';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import { restoreBridge } from '../../src/diffusion/restore-bridge.ts';
import { scoreModel } from '../../src/diffusion/score-model.ts';
import { mlp } from '../../src/drifts/mlp.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { discreteMarginal } from '../../src/marginals/discrete-marginal.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { moons } from '../../src/marginals/shapes.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/brownian.ts';
import type { Reference } from '../../src/references/reference.ts';
import { simulatedReference } from '../../src/references/simulated-reference.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { variancePreserving } from '../../src/references/variance-preserving.ts';

const source = gaussianMarginal({ mean: [-0.3, 0.1], covariance: [[1, 0.3], [0.3, 0.7]] }); // biome-ignore format: a matrix
const target = gaussianMarginal({ mean: [0.5, 0], covariance: [[0.6, -0.1], [-0.1, 1.1]] }); // biome-ignore format: a matrix
const x = [
  [0.2, -1],
  [1.4, 0.3],
];
const references: readonly Reference[] = [brownian({ sigma: 0.8 }), variancePreserving({ betaMin: 0.2, betaMax: 4 })];
const quick = { iterations: 1, innerSteps: 5, batchSize: 64, cache: 200, grid: timeGrid.uniform({ steps: 4 }) };

describe('what a drift is learned on top of', () => {
  test.each(references)('between Gaussians the base is the Gaussian bridge, both ways: $kind', (reference) => {
    const problem = bridgeProblem({ source, target, reference });
    const base = gaussianField(problem, 'gaussian bridge of the moments')!;
    const exact = gaussianBridge(problem);
    for (const t of [0.1, 0.5, 0.95]) {
      base.drift(t, x).data.forEach((value, i) => {
        expect(value).toBeCloseTo(exact.drift(t, x).data[i]!, 10);
      });
      base.backwardDrift(t, x).data.forEach((value, i) => {
        expect(value).toBeCloseTo(exact.backwardDrift(t, x).data[i]!, 10);
      });
    }
  });

  test.each(references)('a score model starts at the score of the Gaussian reference: $kind', (reference) => {
    const base = gaussianField(bridgeProblem({ source, target, reference }), 'reference from the moments')!;
    const t = 0.4;
    const { matrix, offset, covariance } = reference.transition(0, t, 2);
    const law = gaussianMarginal({
      mean: Float64Array.from({ length: 2 }, (_, i) => matrix.get(i, 0) * -0.3 + matrix.get(i, 1) * 0.1 + offset[i]!),
      covariance: matrix.mmul(source.covariance()).mmul(matrix.transpose()).add(covariance),
    });
    const step = 1e-5;
    for (const row of x) {
      row.forEach((_, c) => {
        const moved = (h: number) => row.map((value, k) => (k === c ? value + h : value));
        const [up, down] = [law.logDensity([moved(step)])[0]!, law.logDensity([moved(-step)])[0]!];
        const score = (up - down) / (2 * step);
        const noise = reference.diffusionCovariance(t, 2).get(0, 0);
        const expected = noise * score - reference.drift(t, [row]).data[c]!;
        expect(base.backwardDrift(t, [row]).data[c]).toBeCloseTo(expected, 5);
      });
    }
    expect(base.drift(t, x).data).toEqual(reference.drift(t, x).data);
  });

  test('every scheme has it by default, and its bytes are enough to make the run again', async () => {
    const problem = bridgeProblem({ source, target: moons(), reference: brownian({ sigma: 1 }) });
    const runs = [await diffusionBridge(problem, quick), await bridgeMatching(problem, quick)];
    const { iterations: _, ...once } = quick;
    runs.push(await scoreModel(problem, once));
    expect(runs.map((run) => run.options.drift.description['base'])).toEqual([
      'gaussian bridge of the moments',
      'gaussian bridge of the moments',
      'reference from the moments',
    ]);
    for (const run of runs) expect(restoreBridge(problem, run.toBytes()).digest).toBe(run.digest);
    const one = await bridgeMatching(problem, { ...quick, networks: 'one' });
    expect(one.options.drift.kind).not.toBe('sum');
  });

  test('a network alone where the moments are singular or the reference has no density', async () => {
    const line = discreteMarginal({ points: Array.from({ length: 9 }, (_, i) => [i / 9, 0]) });
    const flat = await diffusionBridge(bridgeProblem({ source, target: line, reference: brownian({ sigma: 1 }) }), quick);
    expect(flat.options.drift.kind).toBe('mlp');
    const wild = simulatedReference({
      dimension: 2,
      drift: (_t, y) => ({ ...y, data: y.data.map(Math.sin) }),
      diffusion: () => 1,
      horizon: 1,
    });
    const run = await diffusionBridge(bridgeProblem({ source, target, reference: wild }), quick);
    expect(run.options.drift.kind).toBe('mlp');
  });

  test('untrained, it is the Gaussian bridge and a network alone is the reference', async () => {
    const problem = bridgeProblem({ source, target, reference: brownian({ sigma: 1 }) });
    const still = { ...quick, learningRate: 1e-12, grid: timeGrid.uniform({ steps: 40 }) };
    const [based, alone] = [await diffusionBridge(problem, still), await diffusionBridge(problem, { ...still, drift: mlp() })];
    const options = { samples: 20_000, random: randomSource(1) };
    expect(based.moments(options).targetMean[0]).toBeCloseTo(0.5, 1);
    expect(alone.moments(options).targetMean[0]).toBeCloseTo(-0.3, 1);
  });
});
