import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError, ShapeError } from '../../src/errors.ts';
import { type Activation, initialParameters, type MlpArchitecture } from '../../src/kernels/mlp-architecture.ts';
import { createMlpEngine, type MlpEngine } from '../../src/kernels/mlp-engine.ts';
import { decodeBase64 } from '../../src/kernels/wasm-module.ts';
import { randomSource } from '../../src/numerics/random.ts';

const ADAM = { learningRate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

const architectures = fc.record({
  inputs: fc.integer({ min: 1, max: 13 }),
  hidden: fc.oneof(
    fc.array(fc.integer({ min: 1, max: 37 }), { maxLength: 3 }),
    fc.tuple(fc.integer({ min: 1, max: 37 }), fc.integer({ min: 1, max: 3 })).map(([width, depth]) => new Array<number>(depth).fill(width)),
  ),
  outputs: fc.integer({ min: 1, max: 9 }),
  activation: fc.constantFrom<Activation>('silu', 'leaky-relu', 'tanh'),
  residual: fc.boolean(),
});

function problem(architecture: MlpArchitecture, count: number, seed: number) {
  const random = randomSource(seed);
  return {
    parameters: initialParameters(architecture, random.uniform),
    x: random.fillNormal(new Float32Array(count * architecture.inputs)),
    y: random.fillNormal(new Float32Array(count * architecture.outputs)),
    w: Float32Array.from({ length: count }, () => random.uniform() + 0.1),
  };
}

/** Largest difference, relative to the largest entry. */
function distance(a: Float32Array, b: Float32Array): number {
  const size = Math.max(1e-3, ...a.map(Math.abs));
  return Math.max(...a.map((x, i) => Math.abs(x - b[i]!))) / size;
}

describe('WebAssembly against plain TypeScript', () => {
  it('agrees on forward, gradient and Adam for random shapes', () => {
    fc.assert(
      fc.property(architectures, fc.integer({ min: 1, max: 29 }), fc.integer(), (architecture, count, seed) => {
        const { parameters, x, y, w } = problem(architecture, count, seed);
        const engines = (['wasm', 'typescript'] as const).map((kind) =>
          createMlpEngine(architecture, { kind, maxBatch: 29, emaDecay: 0.9 }),
        );
        const outs = engines.map((engine) => {
          engine.setParameters(parameters);
          const out = new Float32Array(count * architecture.outputs);
          engine.forward(x, count, out);
          const { loss, gradient } = engine.gradient(x, y, w, count);
          const losses = [1, 2, 3].map(() => engine.trainStep(x, y, w, count, { ...ADAM, clipNorm: 0.5 }));
          return { out, loss, gradient, losses, after: engine.parameters(), average: engine.averaged()! };
        });
        const [a, b] = outs as [(typeof outs)[0], (typeof outs)[0]];
        expect(distance(a.out, b.out)).toBeLessThan(3e-6);
        expect(Math.abs(a.loss - b.loss)).toBeLessThan(1e-5 * b.loss);
        expect(distance(b.gradient, a.gradient)).toBeLessThan(1e-5);
        a.losses.forEach((loss, i) => {
          expect(Math.abs(loss - b.losses[i]!)).toBeLessThan(1e-3 * b.losses[i]! + 1e-6);
        });
        // Adam divides by √v: where a gradient is rounding itself, its sign is not determined, and a step is at most the rate.
        const significant = b.gradient.map((g) => (Math.abs(g) > 1e-4 ? 1 : 0));
        expect(
          distance(
            a.after.map((p, i) => p * significant[i]!),
            b.after.map((p, i) => p * significant[i]!),
          ),
        ).toBeLessThan(5e-3);
        expect(
          distance(
            a.average.map((p, i) => p * significant[i]!),
            b.average.map((p, i) => p * significant[i]!),
          ),
        ).toBeLessThan(5e-3);
      }),
      { numRuns: 60, seed: 5 },
    );
  });

  it('evaluates any count in blocks', () => {
    const architecture: MlpArchitecture = { inputs: 3, hidden: [10], outputs: 2, activation: 'silu' };
    const { parameters, x } = problem(architecture, 23, 1);
    const blocks = [4, 7, 64].map((maxBatch) => {
      const engine = createMlpEngine(architecture, { kind: 'wasm', maxBatch });
      engine.setParameters(parameters);
      const out = new Float32Array(46);
      engine.forward(x, 23, out);
      return Array.from(out);
    });
    expect(blocks[1]).toEqual(blocks[0]);
    expect(blocks[2]).toEqual(blocks[0]);
  });
});

describe('the gradient', () => {
  it('agrees with central differences', () => {
    for (const activation of ['silu', 'tanh', 'leaky-relu'] as const) {
      const architecture: MlpArchitecture = { inputs: 2, hidden: [5, 3], outputs: 2, activation };
      const { parameters, x, y, w } = problem(architecture, 6, 9);
      const engine = createMlpEngine(architecture, { kind: 'typescript' });
      engine.setParameters(parameters);
      const { gradient } = engine.gradient(x, y, w, 6);
      const lossAt = (i: number, h: number): number => {
        const moved = Float32Array.from(parameters);
        moved[i]! += h;
        engine.setParameters(moved);
        return engine.gradient(x, y, w, 6).loss;
      };
      gradient.forEach((g, i) => {
        expect((lossAt(i, 1e-2) - lossAt(i, -1e-2)) / 2e-2).toBeCloseTo(g, 2);
      });
    }
  });
});

describe('Adam', () => {
  it('is the published recursion with bias correction, on a single weight', () => {
    for (const kind of ['wasm', 'typescript'] as const) {
      const engine = createMlpEngine({ inputs: 1, hidden: [], outputs: 1, activation: 'silu' }, { kind, emaDecay: 0.5 });
      engine.setParameters(Float32Array.of(0.3, 0));
      let [p, m, v, average] = [0.3, 0, 0, 0];
      for (let step = 1; step <= 5; step++) {
        // loss (2p + c − 1)², the bias c follows its own recursion
        const bias = engine.parameters()[1]!;
        const g = 2 * (2 * p + bias - 1) * 2;
        engine.trainStep(Float32Array.of(2), Float32Array.of(1), undefined, 1, ADAM);
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        p -= (1e-2 * (m / (1 - 0.9 ** step))) / (Math.sqrt(v / (1 - 0.999 ** step)) + 1e-8);
        average = 0.5 * average + 0.5 * p;
        expect(engine.parameters()[0]).toBeCloseTo(p, 5);
        expect(engine.averaged()![0]).toBeCloseTo(average / (1 - 0.5 ** step), 5);
      }
    }
  });
});

describe('an engine', () => {
  const architecture: MlpArchitecture = { inputs: 3, hidden: [9, 5], outputs: 2, activation: 'leaky-relu' };

  it.each(['wasm', 'typescript'] as const)('%s: goes on from its state with the same bits, and equal runs are equal', (kind) => {
    const { parameters, x, y } = problem(architecture, 11, 3);
    const [a, b, c] = [0, 1, 2].map(() => createMlpEngine(architecture, { kind, emaDecay: 0.9 }));
    a!.setParameters(parameters);
    b!.setParameters(parameters);
    for (let i = 0; i < 4; i++) for (const engine of [a!, b!]) engine.trainStep(x, y, undefined, 11, ADAM);
    c!.restore(a!.state());
    for (const engine of [a!, b!, c!]) engine.trainStep(x, y, undefined, 11, ADAM);
    expect(Array.from(b!.parameters())).toEqual(Array.from(a!.parameters()));
    expect(Array.from(c!.parameters())).toEqual(Array.from(a!.parameters()));
    expect(Array.from(c!.averaged()!)).toEqual(Array.from(a!.averaged()!));
  });

  it.each(['wasm', 'typescript'] as const)(
    '%s: inputs that rows share, and visiting parameters, give the bits of full rows and own ones',
    (kind) => {
      for (const hidden of [[], [19], [12, 12]]) {
        const net: MlpArchitecture = { inputs: 9, hidden, outputs: 3, activation: 'silu', residual: true };
        const { parameters, x } = problem(net, 71, 12);
        const [engine, other] = [0, 1].map(() => createMlpEngine(net, { kind })) as [MlpEngine, MlpEngine];
        engine.setParameters(parameters);
        other.setParameters(parameters.map((p) => p - 0.1));
        const kept = other.parameters();
        const [full, alone, visiting] = [0, 1, 2].map(() => new Float32Array(213)) as [Float32Array, Float32Array, Float32Array];
        for (const count of [1, 6, 8]) {
          const shared = x.slice(0, count);
          for (let i = 1; i < 71; i++) x.set(shared, 9 * i);
          const own = Float32Array.from({ length: 71 * (9 - count) }, (_, at) => {
            const i = Math.floor(at / (9 - count));
            return x[9 * i + count + (at % (9 - count))]!;
          });
          engine.forward(x, 71, full);
          engine.forward(own, 71, alone, { shared });
          other.forward(own, 71, visiting, { shared, parameters });
          expect(alone).toEqual(full);
          expect(visiting).toEqual(full);
          expect(other.parameters()).toEqual(kept);
        }
        const all = { shared: new Float32Array(9) };
        expect(() => engine.forward(x, 1, full, all)).toThrow(/share 9 of 9 inputs/);
        expect(() => engine.forward(x, 1, full, { parameters: new Float32Array(3) })).toThrow(ShapeError);
      }
    },
  );

  it('refuses bad sizes by name', () => {
    expect(() => createMlpEngine({ ...architecture, hidden: [3, 0] })).toThrow(DomainError);
    expect(() => createMlpEngine({ ...architecture, activation: 'relu' as never })).toThrow(/activation/);
    const engine = createMlpEngine(architecture, { maxBatch: 4 });
    expect(() => engine.trainStep(new Float32Array(15), new Float32Array(10), undefined, 5, ADAM)).toThrow(ShapeError);
    expect(() => engine.gradient(new Float32Array(2), new Float32Array(4), undefined, 2)).toThrow(/inputs/);
  });
});

it('decodes base64 without the host', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(decodeBase64(Buffer.from(bytes).toString('base64'))).toEqual(Uint8Array.from(bytes));
    }),
  );
});
