import { initialParameters, type MlpArchitecture } from '../src/kernels/mlp-architecture.ts';
import { createMlpEngine } from '../src/kernels/mlp-engine.ts';
import { randomSource } from '../src/numerics/random.ts';

/** Training steps and evaluated rows per second of the embedded engine, one thread: the best of five rounds of about half a second. */
const cases: readonly [MlpArchitecture, number][] = [
  [{ inputs: 18, hidden: [128, 128], outputs: 2, activation: 'leaky-relu' }, 512],
  [{ inputs: 6, hidden: [256, 256], outputs: 5, activation: 'silu' }, 128],
  [{ inputs: 12, hidden: [64, 64], outputs: 4, activation: 'silu' }, 256],
];

for (const [architecture, batch] of cases) {
  const random = randomSource(1);
  const engine = createMlpEngine(architecture, { maxBatch: batch, emaDecay: 0.995 });
  engine.setParameters(initialParameters(architecture, random.uniform));
  const x = random.fillNormal(new Float32Array(batch * architecture.inputs));
  const y = random.fillNormal(new Float32Array(batch * architecture.outputs));
  const rate = (work: () => void): number => {
    let best = 0;
    for (let round = 0; round < 5; round++) {
      const start = performance.now();
      let count = 0;
      while (performance.now() - start < 500) {
        work();
        count++;
      }
      best = Math.max(best, (1000 * count) / (performance.now() - start));
    }
    return best;
  };
  const options = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clipNorm: 1 };
  const steps = rate(() => engine.trainStep(x, y, undefined, batch, options));
  const rows = batch * rate(() => engine.forward(x, batch, y));
  const name = `${[architecture.inputs, ...architecture.hidden, architecture.outputs].join('-')} ${architecture.activation}, batch ${batch}`;
  console.log(`${name}: ${steps.toFixed(0)} training steps/s, ${(rows / 1e6).toFixed(2)} million rows/s (${engine.kind})`);
}
