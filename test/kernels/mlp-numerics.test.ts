import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adamFactors, integerPower } from '../../src/kernels/adam.ts';
import { type Activation, initialParameters, type MlpArchitecture } from '../../src/kernels/mlp-architecture.ts';
import { createMlpEngine, type MlpEngine } from '../../src/kernels/mlp-engine.ts';
import { referenceGradient, referenceLoss, referenceRow } from './mlp-reference.ts';

const KINDS = ['wasm', 'typescript'] as const;
const ACTIVATIONS = ['silu', 'leaky-relu', 'tanh'] as const satisfies readonly Activation[];
const ADAM = { learningRate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/** Lehmer generator: numbers in (0, 1) that no other part of the library makes. */
function lehmer(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

function problem(architecture: MlpArchitecture, count: number, seed: number) {
  const uniform = lehmer(seed);
  const fill = (length: number) => Float32Array.from({ length }, () => 4 * uniform() - 2);
  return {
    parameters: initialParameters(architecture, uniform),
    x: fill(count * architecture.inputs),
    y: fill(count * architecture.outputs),
    w: Float32Array.from({ length: count }, () => uniform() + 0.1),
  };
}

function started(architecture: MlpArchitecture, kind: MlpEngine['kind'], parameters: Float32Array, options: object = {}): MlpEngine {
  const engine = createMlpEngine(architecture, { kind, ...options });
  engine.setParameters(parameters);
  return engine;
}

/** Largest difference over the root mean square of the reference. */
function error(values: ArrayLike<number>, reference: ArrayLike<number>): number {
  const exact = Array.from(reference);
  const size = Math.sqrt(exact.reduce((sum, x) => sum + x * x, 0) / exact.length) + 1e-30;
  return Math.max(...exact.map((x, i) => Math.abs(x - values[i]!))) / size;
}

describe.each(KINDS)('%s', (kind) => {
  it('evaluates the definition to single precision', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 11 }),
        fc.array(fc.constantFrom(1, 4, 9, 19), { maxLength: 3 }),
        fc.integer({ min: 1, max: 10 }),
        fc.constantFrom(...ACTIVATIONS),
        fc.integer({ min: 1, max: 41 }),
        fc.integer({ min: 1, max: 1e6 }),
        (inputs, hidden, outputs, activation, count, seed) => {
          const architecture = { inputs, hidden, outputs, activation, residual: seed % 2 === 0 };
          const { parameters, x } = problem(architecture, count, seed);
          const out = new Float32Array(count * outputs);
          started(architecture, kind, parameters, { maxBatch: 17 }).forward(x, count, out);
          const exact = Array.from({ length: count }, (_, i) =>
            referenceRow(architecture, parameters, Array.from(x.subarray(i * inputs, (i + 1) * inputs))),
          ).flat();
          // Outputs are sums of at most 20 terms of size about 1.
          exact.forEach((value, i) => {
            expect(Math.abs(out[i]! - value)).toBeLessThan(4e-6);
          });
        },
      ),
      { numRuns: 40, seed: 11 },
    );
  });

  it.each(ACTIVATIONS)('%s: saturates cleanly and passes NaN on', (activation) => {
    const engine = started({ inputs: 1, hidden: [1], outputs: 1, activation }, kind, Float32Array.of(1, 0, 1, 0));
    const x = Float32Array.of(-1e30, -200, -90, -20, -1, -0.1, 0, 1e-3, 0.1, 1, 20, 90, 200, 1e30, Number.NaN);
    const out = new Float32Array(x.length);
    engine.forward(x, x.length, out);
    x.forEach((value, i) => {
      const [exact] = referenceRow(engine.architecture, [1, 0, 1, 0], [value]) as [number];
      if (Number.isNaN(value)) expect(out[i]).toBeNaN();
      else expect(Math.abs(out[i]! - exact)).toBeLessThanOrEqual(3e-7 * Math.max(1, Math.abs(exact)));
    });
  });

  it.each(ACTIVATIONS)('%s: its gradient is that of the loss, by central differences in doubles', (activation) => {
    for (const [hidden, count] of [
      [[5, 3], 7],
      [[4, 4], 7],
      [[], 5],
      [[9], 1],
      [[2, 2, 2], 12],
      [[3, 3], 37],
      [[9, 9, 5, 5], 6],
      [[4, 7, 7, 7], 3],
    ] as const) {
      // Layer 0 never adds, though inputs are 3, too.
      const architecture: MlpArchitecture = { inputs: 3, hidden, outputs: 2, activation, residual: hidden.length > 1 };
      const { parameters, x, y, w } = problem(architecture, count, 77);
      for (const weights of [undefined, w]) {
        const { loss, gradient } = started(architecture, kind, parameters).gradient(x, y, weights, count);
        expect(loss / referenceLoss(architecture, parameters, x, y, weights, count)).toBeCloseTo(1, 5);
        expect(error(gradient, referenceGradient(architecture, parameters, x, y, weights, count))).toBeLessThan(3e-6);
      }
    }
  });

  it('clips the whole gradient to the given norm, and only a longer one', () => {
    const architecture: MlpArchitecture = { inputs: 3, hidden: [6], outputs: 2, activation: 'tanh' };
    const { parameters, x, y } = problem(architecture, 8, 5);
    const { gradient } = started(architecture, kind, parameters).gradient(x, y, undefined, 8);
    const norm = Math.hypot(...gradient);
    // After one step from zero, m = (1 − β₁)·clipped gradient.
    const moment = (clipNorm: number) => {
      const engine = started(architecture, kind, parameters);
      engine.trainStep(x, y, undefined, 8, { ...ADAM, clipNorm });
      return engine.state().firstMoment.map((m) => m / (1 - ADAM.beta1));
    };
    expect(
      error(
        moment(norm / 3),
        gradient.map((g) => g / 3),
      ),
    ).toBeLessThan(1e-6);
    expect(error(moment(norm * 1.01), gradient)).toBeLessThan(1e-6);
  });

  it('takes the steps of Adam and averages as published', () => {
    const architecture: MlpArchitecture = { inputs: 4, hidden: [7], outputs: 3, activation: 'silu' };
    const { parameters, x, y } = problem(architecture, 10, 21);
    const engine = started(architecture, kind, parameters, { emaDecay: 0.99 });
    const oracle = started(architecture, 'typescript', parameters);
    const p = Float64Array.from(parameters);
    const [m, v, average] = [0, 0, 0].map(() => new Float64Array(p.length)) as [Float64Array, Float64Array, Float64Array];
    for (let step = 1; step <= 30; step++) {
      // The oracle's gradient at the engine's own parameters: only the optimiser is compared.
      oracle.setParameters(engine.parameters());
      const { gradient } = oracle.gradient(x, y, undefined, 10);
      engine.trainStep(x, y, undefined, 10, ADAM);
      gradient.forEach((g, i) => {
        m[i] = 0.9 * m[i]! + 0.1 * g;
        v[i] = 0.999 * v[i]! + 0.001 * g * g;
        p[i]! -= (1e-2 * m[i]!) / (1 - 0.9 ** step) / (Math.sqrt(v[i]! / (1 - 0.999 ** step)) + 1e-8);
        average[i] = 0.99 * average[i]! + 0.01 * p[i]!;
      });
    }
    expect(error(engine.state().firstMoment, m)).toBeLessThan(1e-5);
    expect(error(engine.state().secondMoment, v)).toBeLessThan(1e-5);
    expect(error(engine.parameters(), p)).toBeLessThan(1e-5);
    expect(
      error(
        engine.averaged()!,
        average.map((a) => a / (1 - 0.99 ** 30)),
      ),
    ).toBeLessThan(1e-5);
  });

  it('fits a smooth function', () => {
    const architecture: MlpArchitecture = { inputs: 1, hidden: [16, 16], outputs: 1, activation: 'tanh' };
    const { parameters } = problem(architecture, 1, 3);
    const engine = started(architecture, kind, parameters);
    const x = Float32Array.from({ length: 50 }, (_, i) => i / 25 - 1);
    const y = x.map((t) => Math.sin(3 * t));
    let loss = 1;
    for (let step = 0; step < 600; step++) loss = engine.trainStep(x, y, undefined, 50, ADAM);
    expect(loss).toBeLessThan(1e-3);
  });
});

describe('WebAssembly', () => {
  // Sizes around the tiles (4 × 8), strips (32 rows), the spacing of panels (from 128 rows) and eight panels.
  it.each([
    [31, [65], 9, 33],
    [8, [64, 72], 8, 128],
    [17, [129], 3, 131],
    [1, [1, 1], 1, 257],
    [40, [], 24, 64],
  ] as const)('agrees with plain TypeScript for %i → %j → %i, %i rows', (inputs, hidden, outputs, count) => {
    const architecture: MlpArchitecture = { inputs, hidden, outputs, activation: 'silu' };
    const { parameters, x, y, w } = problem(architecture, count, 13);
    const [a, b] = KINDS.map((kind) => started(architecture, kind, parameters, { maxBatch: count })) as [MlpEngine, MlpEngine];
    const [outA, outB] = [new Float32Array(y.length), new Float32Array(y.length)];
    a.forward(x, count, outA);
    b.forward(x, count, outB);
    expect(error(outA, outB)).toBeLessThan(2e-6);
    const [one, two] = [a.gradient(x, y, w, count), b.gradient(x, y, w, count)];
    expect(one.loss / two.loss).toBeCloseTo(1, 6);
    expect(error(one.gradient, two.gradient)).toBeLessThan(2e-5);
    // ε far above the rounding of the gradient, so that Adam does not magnify it.
    for (let step = 0; step < 4; step++) for (const engine of [a, b]) engine.trainStep(x, y, w, count, { ...ADAM, epsilon: 0.1 });
    expect(error(a.parameters(), b.parameters())).toBeLessThan(2e-5);
  });

  it('leaves nothing of a batch behind for a smaller one', () => {
    const architecture: MlpArchitecture = { inputs: 3, hidden: [6, 10], outputs: 3, activation: 'leaky-relu' };
    const { parameters, x, y } = problem(architecture, 30, 8);
    const [used, fresh] = [0, 1].map(() => started(architecture, 'wasm', parameters, { maxBatch: 30 })) as [MlpEngine, MlpEngine];
    used.gradient(
      x.map(() => Number.NaN),
      y,
      undefined,
      30,
    );
    used.forward(
      x.map(() => Number.POSITIVE_INFINITY),
      30,
      new Float32Array(90),
    );
    for (const count of [5, 1, 6]) {
      expect(used.gradient(x, y, undefined, count)).toEqual(fresh.gradient(x, y, undefined, count));
    }
  });

  it('sums in single precision, bias first, then input by input', () => {
    const architecture: MlpArchitecture = { inputs: 9, hidden: [13], outputs: 3, activation: 'leaky-relu' };
    const { parameters: p, x } = problem(architecture, 6, 99);
    const out = new Float32Array(18);
    started(architecture, 'wasm', p).forward(x, 6, out);
    const f = Math.fround;
    const affine = (values: readonly number[], at: number, m: number): number[] =>
      Array.from({ length: m }, (_, j) =>
        values.reduce((sum, value, k) => f(sum + f(value * p[at + k * m + j]!)), p[at + values.length * m + j]!),
      );
    for (let i = 0; i < 6; i++) {
      const hidden = affine(Array.from(x.subarray(9 * i, 9 * i + 9)), 0, 13).map((z) => (z > 0 ? z : f(f(0.01) * z)));
      expect(Array.from(out.subarray(3 * i, 3 * i + 3))).toEqual(affine(hidden, 130, 3));
    }
  });

  it('gives the bits of every machine', () => {
    const architecture: MlpArchitecture = { inputs: 5, hidden: [33, 12], outputs: 3, activation: 'silu' };
    const { parameters, x, y, w } = problem(architecture, 37, 2024);
    const engine = started(architecture, 'wasm', parameters, { maxBatch: 40, emaDecay: 0.9 });
    for (let step = 0; step < 25; step++) engine.trainStep(x, y, w, 37, { ...ADAM, clipNorm: 1 });
    expect([fnv(engine.parameters()), fnv(engine.averaged()!)]).toEqual(GOLDEN);
  });
});

/** Hash of the bits; recorded once, to be changed only with a deliberate change of the kernels. */
const GOLDEN = ['81138c1c', '5bf07840'];

/** FNV-1a of the bit patterns. */
function fnv(values: Float32Array): string {
  let hash = 0x811c9dc5;
  for (const byte of new Uint8Array(values.buffer)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16);
}

describe('the powers of the bias correction', () => {
  it('are products', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.5, max: 1, noNaN: true }), fc.integer({ min: 0, max: 5000 }), (x, n) => {
        const exact = x ** n;
        expect(Math.abs(integerPower(x, n) - exact)).toBeLessThanOrEqual(1e-12 * exact + 1e-300);
      }),
    );
    expect([integerPower(0, 0), integerPower(0, 3), integerPower(0.5, 10)]).toEqual([1, 0, 2 ** -10]);
  });

  it('make the first step the learning rate in length', () => {
    const { alpha1, alpha2, rate, correction } = adamFactors(ADAM, 1);
    expect((rate * alpha1) / Math.sqrt(correction * alpha2)).toBeCloseTo(ADAM.learningRate, 15);
  });
});
