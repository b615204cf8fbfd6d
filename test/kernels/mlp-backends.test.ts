import { afterEach, describe, expect, it, vi } from 'vitest';
import { BackendUnavailableError, DomainError, ShapeError } from '../../src/errors.ts';
import { initialParameters, type MlpArchitecture } from '../../src/kernels/mlp-architecture.ts';
import { createMlpEngine } from '../../src/kernels/mlp-engine.ts';
import { randomSource } from '../../src/numerics/random.ts';

const ARCHITECTURE: MlpArchitecture = { inputs: 2, hidden: [3], outputs: 1, activation: 'tanh' };
const ADAM = { learningRate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const KINDS = ['wasm', 'typescript'] as const;

/** The engine maker as a program that has not compiled anything yet would load it, and the error class of that load. */
async function fresh() {
  vi.resetModules();
  const [engine, errors] = [await import('../../src/kernels/mlp-engine.ts'), await import('../../src/errors.ts')];
  return { create: engine.createMlpEngine, Unavailable: errors.BackendUnavailableError };
}

describe('the choice of engine', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('is WebAssembly where there is SIMD, and what was asked for', () => {
    expect(createMlpEngine(ARCHITECTURE).kind).toBe('wasm');
    for (const kind of KINDS) expect(createMlpEngine(ARCHITECTURE, { kind }).kind).toBe(kind);
  });

  it('compiles nothing before an engine is made, and once for all', async () => {
    const compile = vi.spyOn(WebAssembly, 'Module');
    const { create } = await fresh();
    expect(compile).not.toHaveBeenCalled();
    create(ARCHITECTURE, { kind: 'typescript' });
    expect(compile).not.toHaveBeenCalled();
    create(ARCHITECTURE);
    create(ARCHITECTURE);
    expect(compile).toHaveBeenCalledTimes(1);
    compile.mockRestore();
  });

  const forbidden = (): never => {
    throw new Error('content policy');
  };
  it.each<[string, object | undefined]>([
    ['without WebAssembly', undefined],
    ['without SIMD', { validate: () => false }],
    ['that forbids compiling', { validate: () => true, Module: forbidden }],
  ])('falls back to plain TypeScript in a runtime %s, and says so when WebAssembly is required', async (_, stub) => {
    const { create, Unavailable } = await fresh();
    vi.stubGlobal('WebAssembly', stub);
    const engine = create(ARCHITECTURE);
    expect(engine.kind).toBe('typescript');
    expect(engine.trainStep(Float32Array.of(1, 2), Float32Array.of(3), undefined, 1, ADAM)).toBe(9);
    expect(() => create(ARCHITECTURE, { kind: 'wasm' })).toThrow(Unavailable);
    expect(new Unavailable('')).toHaveProperty('code', new BackendUnavailableError('').code);
  });

  it('needs no host function to decode its bytes', async () => {
    const { create } = await fresh();
    for (const name of ['atob', 'Buffer', 'TextDecoder']) vi.stubGlobal(name, undefined);
    expect(create(ARCHITECTURE).kind).toBe('wasm');
  });
});

describe('initial parameters', () => {
  it('are uniform on ±1/√fan-in layer by layer, the last layer zero on request', () => {
    const architecture: MlpArchitecture = { inputs: 4, hidden: [25], outputs: 2, activation: 'silu' };
    const ends = initialParameters(architecture, () => 1 - 2 ** -53);
    expect(Array.from(ends.subarray(0, 125))).toEqual(Array.from({ length: 125 }, () => 0.5));
    expect(Array.from(ends.subarray(125))).toEqual(Array.from({ length: 52 }, () => Math.fround(0.2)));
    const last = initialParameters(architecture, () => 0, true);
    expect(Array.from(last.subarray(0, 125))).toEqual(Array.from({ length: 125 }, () => -0.5));
    expect(last.subarray(125).every((p) => p === 0)).toBe(true);
  });

  it('orthogonal: products of rows, or of columns where they are fewer, are those of an isometry; the mean square stays', () => {
    const architecture: MlpArchitecture = { inputs: 30, hidden: [40, 20], outputs: 3, activation: 'silu' };
    const { uniform } = randomSource(2);
    const p = initialParameters(architecture, uniform, true, 'orthogonal');
    const wide = (i: number, c: number): number => p[i * 40 + c]!;
    const tall = (i: number, c: number): number => p[31 * 40 + c * 20 + i]!;
    for (const [entry, count, size, fanIn] of [
      [wide, 30, 40, 30],
      [tall, 20, 40, 40],
    ] as const) {
      for (let i = 0; i < count; i++) {
        for (let j = 0; j <= i; j++) {
          let product = 0;
          for (let c = 0; c < size; c++) product += entry(i, c) * entry(j, c);
          expect(product).toBeCloseTo(i === j ? size / (3 * fanIn) : 0, 5);
        }
      }
    }
    // Biases and the last layer as ever.
    expect(Math.max(...p.subarray(1200, 1240).map(Math.abs))).toBeLessThan(1 / Math.sqrt(30));
    expect(p.subarray(31 * 40 + 41 * 20).every((value) => value === 0)).toBe(true);
  });
});

describe.each(KINDS)('%s refuses', (kind) => {
  const engine = createMlpEngine(ARCHITECTURE, { kind, maxBatch: 4, emaDecay: 0.5 });
  const [x, y] = [new Float32Array(8), new Float32Array(4)];

  it('arrays of wrong length', () => {
    expect(() => engine.setParameters(new Float32Array(12))).toThrow(/^mlp: parameters must have 13 values, got 12/);
    expect(() => engine.forward(x, 5, new Float32Array(5))).toThrow(ShapeError);
    expect(() => engine.forward(x, 4, new Float32Array(3))).toThrow(ShapeError);
    expect(() => engine.forward(x, 1.5, y)).toThrow(ShapeError);
    expect(() => engine.gradient(x, y, new Float32Array(3), 4)).toThrow(/weights/);
    for (const count of [0, 5, 1.5, Number.NaN]) expect(() => engine.gradient(x, y, undefined, count)).toThrow(ShapeError);
    const state = engine.state();
    expect(() => engine.restore({ ...state, secondMoment: new Float32Array(1) })).toThrow(ShapeError);
    expect(() => engine.restore({ ...state, average: new Float32Array(1) })).toThrow(ShapeError);
  });

  it.each([
    { learningRate: -1 },
    { learningRate: Number.NaN },
    { beta1: 1 },
    { beta2: -0.1 },
    { epsilon: 0 },
    { epsilon: 1e-50 },
    { clipNorm: 0 },
  ])('%j, and stays as it was', (bad) => {
    const before = engine.state();
    expect(() => engine.trainStep(x, y, undefined, 4, { ...ADAM, ...bad })).toThrow(DomainError);
    expect(engine.state()).toEqual(before);
  });

  it('options that make no sense', () => {
    for (const emaDecay of [-0.1, 1, Number.NaN]) expect(() => createMlpEngine(ARCHITECTURE, { kind, emaDecay })).toThrow(DomainError);
    for (const maxBatch of [0, 2.5]) expect(() => createMlpEngine(ARCHITECTURE, { kind, maxBatch })).toThrow(/maxBatch/);
    expect(() => createMlpEngine(ARCHITECTURE, { kind: 'gpu' as never })).toThrow(/kind/);
  });

  it('nothing when there are no rows to evaluate, and shares no memory with the caller', () => {
    engine.forward(x, 0, y);
    const taken = engine.parameters();
    taken.fill(7);
    engine.state().parameters.fill(7);
    expect(engine.parameters()).toEqual(new Float32Array(13));
    const given = new Float32Array(13).fill(1);
    engine.setParameters(given);
    given.fill(2);
    expect(engine.parameters()).toEqual(new Float32Array(13).fill(1));
  });

  it('to keep moments or averages after a reset', () => {
    engine.trainStep(
      x,
      y.map((_, i) => i + 1),
      undefined,
      4,
      ADAM,
    );
    expect(engine.averaged()).toBeDefined();
    const parameters = engine.parameters();
    engine.resetOptimiser();
    expect(engine.averaged()).toBeUndefined();
    expect(engine.state()).toEqual({
      parameters,
      firstMoment: new Float32Array(13),
      secondMoment: new Float32Array(13),
      step: 0,
      average: new Float32Array(13),
      averageStep: 0,
    });
  });
});
