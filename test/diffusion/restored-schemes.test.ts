import { expect, test } from 'vitest';
import { theoremChecks } from '../../src/diagnostics/theorem-checks.ts';
import { bridgeMatching } from '../../src/diffusion/bridge-matching.ts';
import { restoreBridge } from '../../src/diffusion/restore-bridge.ts';
import { type ScoreModel, scoreModel } from '../../src/diffusion/score-model.ts';
import { sinkhornFlowMatching } from '../../src/diffusion/sinkhorn-flow-matching.ts';
import { linear } from '../../src/drifts/linear.ts';
import { mlp } from '../../src/drifts/mlp.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/brownian.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { planarGaussians } from '../laws/planar-gaussians.ts';

const problem = planarGaussians();
const short = { grid: timeGrid.uniform({ steps: 4 }), drift: linear(), innerSteps: 4, cache: 300, seed: 1 } as const;

test('a restored score model generates by every method, and knows its likelihood', async () => {
  const model = await scoreModel(problem, short);
  const again = restoreBridge(problem, model.toBytes()) as ScoreModel;
  for (const method of ['euler', 'ancestral', 'predictor-corrector', 'flow'] as const) {
    const draw = (of: ScoreModel) => of.sample(5, { method, random: randomSource(2) }).x.data;
    expect(draw(again), method).toEqual(draw(model));
  }
  expect(again.logLikelihood([[0.1, 0.2]])).toEqual(model.logLikelihood([[0.1, 0.2]]));
  expect(again.moments().sourceMean).toEqual(model.moments().sourceMean);
});

test('a checkpoint of another coupling of the same kind is refused by name', async () => {
  let kept: Uint8Array | undefined;
  const checkpoint = { load: () => kept, save: (bytes: Uint8Array) => void (kept = bytes) };
  const train = (sigma: number) =>
    bridgeMatching(problem, { ...short, iterations: 1, checkpoint, coupling: gaussianBridge(planarGaussians(brownian({ sigma }))) });
  const { digest } = await train(1);
  expect((await train(1)).digest).toBe(digest);
  await expect(train(2)).rejects.toThrow(/another one, its coupling differs/);
});

test('a network for which there is no memory says so in its own name', () => {
  const context = {
    dimension: 1,
    direction: 'forward',
    labels: new Float64Array(1),
    horizon: 1,
    durations: Float64Array.of(1),
    center: new Float64Array(1),
    scale: Float64Array.of(1),
    driftScale: 1,
    batchSize: 2 ** 27,
    random: randomSource(0),
  } as const;
  expect(() => mlp({ hidden: [64], threads: 1 }).make(context)).toThrow(/^driftModels\.mlp: no WebAssembly memory/);
});

test('restored bridge and flow matching know where their pairs came from, and theory judges them as before', async () => {
  const coupling = gaussianBridge(problem);
  const matched = await bridgeMatching(problem, { ...short, iterations: 1, coupling });
  const flow = await sinkhornFlowMatching(problem, { ...short, coupling });
  for (const run of [matched, flow]) {
    const again = restoreBridge(problem, run.toBytes(), { coupling });
    expect(again.startingPairs).toBe(coupling);
    expect(again.halfSteps.length).toBe(run.halfSteps.length);
    expect(await theoremChecks(again)).toEqual(await theoremChecks(run));
    expect(restoreBridge(problem, run.toBytes()).startingPairs).toBe('minibatch');
    const other = gaussianBridge(planarGaussians(brownian({ sigma: 2 })));
    expect(() => restoreBridge(problem, run.toBytes(), { coupling: other })).toThrow(/not trained from this coupling/);
  }
  expect(() => restoreBridge(problem, flow.toBytes(), { coupling }).iterate(1)).toThrow(/no half-steps/);
  const plain = await bridgeMatching(problem, { ...short, iterations: 1 });
  expect(restoreBridge(problem, plain.toBytes()).startingPairs).toBe('independent');
});
