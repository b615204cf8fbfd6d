import { describe, expect, it } from 'vitest';
import { initialParameters, type MlpArchitecture } from '../../src/kernels/mlp-architecture.ts';
import { createMlpEngine, type MlpEngine } from '../../src/kernels/mlp-engine.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { runInOwnProcess, sourceFile } from './own-process.ts';

const ADAM = { learningRate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clipNorm: 0.5 };

function batch({ inputs, outputs }: MlpArchitecture, count: number) {
  const random = randomSource(7);
  return {
    x: random.fillNormal(new Float32Array(count * inputs)),
    y: random.fillNormal(new Float32Array(count * outputs)),
    w: Float32Array.from({ length: count }, () => random.uniform() + 0.1),
  };
}

/** Evaluates until all threads have taken part in one pass: workers need some time to come up. */
function awaitThreads(engine: MlpEngine, threads: number): void {
  const { inputs, outputs } = engine.architecture;
  const [x, out] = [new Float32Array(2048 * inputs), new Float32Array(2048 * outputs)];
  const end = performance.now() + 20_000;
  while (engine.threads() < threads && performance.now() < end) engine.forward(x, 2048, out);
}

/** Everything that an engine answers over some training. */
function history(architecture: MlpArchitecture, count: number, threads: number): Float32Array[] {
  const engine = createMlpEngine(architecture, { kind: 'wasm', maxBatch: count, emaDecay: 0.9, threads });
  engine.setParameters(initialParameters(architecture, randomSource(5).uniform));
  if (threads > 1) awaitThreads(engine, threads);
  expect(engine.threads()).toBe(threads);
  const { x, y, w } = batch(architecture, count);
  const losses = Float32Array.from({ length: 12 }, (_, i) => engine.trainStep(x, y, i % 2 === 0 ? w : undefined, count - i, ADAM));
  const { loss, gradient } = engine.gradient(x, y, w, count);
  const out = new Float32Array(y.length);
  engine.forward(x, count, out);
  const { parameters, firstMoment, secondMoment } = engine.state();
  engine.release();
  return [losses, Float32Array.of(loss), gradient, out, parameters, firstMoment, secondMoment, engine.averaged()!];
}

describe('threads of a network', () => {
  it.each<[string, MlpArchitecture, number]>([
    ['layers of odd sizes', { inputs: 7, hidden: [45, 83], outputs: 3, activation: 'silu' }, 333],
    ['residual layers', { inputs: 4, hidden: [24, 24, 24], outputs: 9, activation: 'leaky-relu', residual: true }, 130],
    ['no hidden layer', { inputs: 5, hidden: [], outputs: 2, activation: 'tanh' }, 70],
  ])('change no bit: %s', (_, architecture, count) => {
    const alone = history(architecture, count, 1);
    for (const threads of [2, 3]) expect(history(architecture, count, threads)).toEqual(alone);
  });

  it('stay out of nets too small for them, and are taken for large ones', () => {
    const small = createMlpEngine({ inputs: 3, hidden: [16], outputs: 2, activation: 'silu' }, { maxBatch: 64 });
    const [x, out] = [new Float32Array(600), new Float32Array(400)];
    for (let k = 0; k < 100; k++) small.forward(x, 200, out);
    expect(small.threads()).toBe(1);
    expect(() => createMlpEngine(small.architecture, { threads: 0 })).toThrow(/threads must be a whole number/);
  });

  it('come back after a release', () => {
    const engine = createMlpEngine({ inputs: 3, hidden: [64, 64], outputs: 2, activation: 'silu' }, { threads: 2 });
    engine.setParameters(initialParameters(engine.architecture, randomSource(5).uniform));
    const { x, y } = batch(engine.architecture, 300);
    const [before, after] = [new Float32Array(y.length), new Float32Array(y.length)];
    engine.forward(x, 300, before);
    engine.release();
    engine.release();
    engine.forward(x, 300, after);
    expect(after).toEqual(before);
    engine.release();
  });
});

describe('a process with a network on threads', () => {
  it('ends by itself, with the engine in use or forgotten', () => {
    const contents = `
      import { createMlpEngine } from ${sourceFile('kernels/mlp-engine.ts')};
      const run = () => {
        const engine = createMlpEngine({ inputs: 2, hidden: [64, 64], outputs: 2, activation: 'silu' }, { threads: 2 });
        const [x, out] = [new Float32Array(4096), new Float32Array(4096)];
        const end = performance.now() + 20000;
        while (engine.threads() < 2 && performance.now() < end) engine.forward(x, 2048, out);
        return engine;
      };
      run();
      const kept = run();
      console.log(kept.threads());`;
    expect(runInOwnProcess(contents)).toEqual({ status: 0, stdout: '2', stderr: '' });
  });

  it('ends the threads of an engine that nobody holds any more', () => {
    const contents = `
      import { createMlpEngine } from ${sourceFile('kernels/mlp-engine.ts')};
      import { readdirSync } from 'node:fs';
      const threadsNow = () => readdirSync('/proc/self/task').length;
      const run = () => {
        const engine = createMlpEngine({ inputs: 2, hidden: [64, 64], outputs: 2, activation: 'silu' }, { threads: 3 });
        const [x, out] = [new Float32Array(4096), new Float32Array(4096)];
        const end = performance.now() + 20000;
        while (engine.threads() < 3 && performance.now() < end) engine.forward(x, 2048, out);
      };
      const before = threadsNow();
      for (let i = 0; i < 3; i++) run();
      const most = threadsNow();
      const end = performance.now() + 20000;
      while (threadsNow() > before && performance.now() < end) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      console.log(most > before, threadsNow() <= before);`;
    expect(runInOwnProcess(contents, ['--expose-gc'])).toEqual({ status: 0, stdout: 'true true', stderr: '' });
  });
});
