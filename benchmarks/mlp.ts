// Training and evaluation speed of the MLP engines, one thread.
// Run: npm run build:kernels && npx esbuild benchmarks/mlp.ts --bundle --platform=node --format=esm | node --input-type=module
import { initialParameters, type MlpArchitecture } from '../src/kernels/mlp-architecture.ts';
import { createMlpEngine, type MlpEngine } from '../src/kernels/mlp-engine.ts';

const CASES: readonly { readonly architecture: MlpArchitecture; readonly batch: number }[] = [
  { architecture: { inputs: 18, hidden: [128, 128], outputs: 2, activation: 'leaky-relu' }, batch: 512 },
  { architecture: { inputs: 6, hidden: [256, 256], outputs: 5, activation: 'silu' }, batch: 128 },
  { architecture: { inputs: 12, hidden: [64, 64], outputs: 4, activation: 'silu' }, batch: 256 },
];
// With clipping and averaging, as drift models train.
const ADAM = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clipNorm: 1 };
const AVERAGING = 0.995;

/** Calls a second: the best of five spells of `spell` milliseconds. */
function rate(call: () => void, spell: number): number {
  let best = 0;
  for (let trial = 0; trial < 5; trial++) {
    const start = performance.now();
    let calls = 0;
    let elapsed = 0;
    do {
      call();
      calls++;
      elapsed = performance.now() - start;
    } while (elapsed < spell);
    best = Math.max(best, (1000 * calls) / elapsed);
  }
  return best;
}

/** Multiplications and additions of one training step. */
function operations({ inputs, hidden, outputs }: MlpArchitecture, batch: number): number {
  const sizes = [inputs, ...hidden, outputs];
  return 2 * batch * sizes.slice(1).reduce((sum, m, l) => sum + (l === 0 ? 2 : 3) * m * sizes[l]!, 0);
}

function measure(engine: MlpEngine, batch: number, spell: number): { steps: number; points: number } {
  const { architecture } = engine;
  let seed = 1;
  const uniform = () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  engine.setParameters(initialParameters(architecture, uniform));
  const x = Float32Array.from({ length: batch * architecture.inputs }, () => 2 * uniform() - 1);
  const y = Float32Array.from({ length: batch * architecture.outputs }, () => 2 * uniform() - 1);
  const out = new Float32Array(y.length);
  return {
    steps: rate(() => engine.trainStep(x, y, undefined, batch, ADAM), spell),
    points: batch * rate(() => engine.forward(x, batch, out), spell),
  };
}

for (const { architecture, batch } of CASES) {
  const name = [architecture.inputs, ...architecture.hidden, architecture.outputs].join('-');
  for (const kind of ['wasm', 'typescript'] as const) {
    const engine = createMlpEngine(architecture, { maxBatch: batch, kind, emaDecay: AVERAGING });
    const { steps, points } = measure(engine, batch, kind === 'wasm' ? 500 : 200);
    const speed = (steps * operations(architecture, batch)) / 1e9;
    console.log(
      `${name} ${architecture.activation} batch ${batch} ${kind}: ${steps.toFixed(0)} steps/s (${speed.toFixed(1)} GFLOP/s), ` +
        `${(points / 1e6).toFixed(2)} M points/s forward`,
    );
  }
}
