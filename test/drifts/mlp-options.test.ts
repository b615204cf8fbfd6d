import { describe, expect, test } from 'vitest';
import { type MlpOptions, mlp } from '../../src/drifts/mlp.ts';
import { packModelState, unpackModelState } from '../../src/drifts/model-state.ts';
import { FormatError } from '../../src/errors.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { driftContext, driftModelLaws, knownBatch, probe } from '../laws/drift-model-laws.ts';

const SINUSOIDAL = { kind: 'sinusoidal', count: 4, scale: 10 } as const;
driftModelLaws('mlp, residual, sinusoidal time', () => mlp({ hidden: [16, 16], residual: true, timeFeatures: SINUSOIDAL, ema: 0 }), {
  steps: 600,
});

driftModelLaws('mlp, units of noise', () => mlp({ hidden: [16, 16], timeFeatures: 4, outputScale: 'noise' }), { steps: 600 });

const context = driftContext({ dimension: 2, steps: 3, batchSize: 600 });
/** A model after some training. */
function trained(options: MlpOptions, steps = 20) {
  const model = mlp({ hidden: [48, 48], ...options }).make(context);
  const random = randomSource(8);
  model.begin();
  for (let i = 0; i < steps; i++) model.step(knownBatch(context, 600, random, { noise: 0.3 }), 1e-2);
  return model;
}

describe('options of mlp', () => {
  test('threads change no bit of training, evaluation or state', () => {
    const [one, two] = [trained({ threads: 1 }), trained({ threads: 2 })];
    expect(two.save()).toEqual(one.save());
    expect(probe(two, 3)).toEqual(probe(one, 3));
    two.dispose!();
    expect(probe(two.freeze(), 3)).toEqual(probe(one.freeze(), 3));
    two.dispose!();
  });

  test('evaluation gives the bits of any number of rows, alone and in blocks', () => {
    const model = trained({ residual: true });
    const x = randomSource(3).fillNormal(new Float64Array(2 * 5000));
    const out = new Float64Array(x.length);
    model.evaluate(1, x, out);
    for (const i of [0, 2047, 2048, 4999]) {
      const single = new Float64Array(2);
      model.evaluate(1, x.slice(2 * i, 2 * i + 2), single);
      expect(Array.from(single)).toEqual([out[2 * i], out[2 * i + 1]]);
    }
  });

  test.each(['forward', 'backward'] as const)(
    'units of noise: what grows towards the end of a %s direction is constant to the net',
    (direction) => {
      const steps = 4;
      const ours = driftContext({ dimension: 1, steps, direction });
      const size = (k: number): number => 1 / Math.sqrt(direction === 'forward' ? 1 - k / steps : (k + 1) / steps);
      const make = (options: MlpOptions) => mlp({ hidden: [12], timeFeatures: 2, ...options }).make(ours);
      const [noise, constant] = [make({ outputScale: 'noise' }), make({})];
      const random = randomSource(6);
      for (let i = 0; i < 30; i++) {
        const batch = knownBatch(ours, 64, random);
        const sizes = Float32Array.from(batch.transitions, size);
        const grown = { ...batch, targets: batch.targets.map((y, j) => y * sizes[j]!), weights: sizes.map((s) => 1 / (s * s)) };
        expect(noise.step(grown, 1e-2)).toBeCloseTo(constant.step(batch, 1e-2), 4);
      }
      probe(noise, steps).forEach((values, k) => {
        values.forEach((value, i) => {
          expect(value).toBeCloseTo(size(k) * probe(constant, steps)[k]![i]!, 3);
        });
      });
    },
  );

  test('orthogonal weights are other weights', () => {
    const [uniform, orthogonal] = [trained({}, 0), trained({ initialWeights: 'orthogonal' }, 0)];
    expect(orthogonal.bytes()).not.toEqual(uniform.bytes());
    expect(probe(orthogonal, 3)).toEqual(probe(uniform, 3));
    orthogonal.load(uniform.save());
    expect(orthogonal.bytes()).toEqual(uniform.bytes());
  });

  test('units of noise need a direction', () => {
    const both = { ...driftContext({ dimension: 1, steps: 2, direction: 'forward' }), labels: Float64Array.of(0, 0.5, 0.5, 1) };
    expect(() => mlp({ outputScale: 'noise' }).make(both)).toThrow(/one network for both has two; use networks: 'two'/);
  });

  test('without an average a half-step ends with the last weights', () => {
    const model = trained({ ema: 0 });
    const last = model.bytes();
    model.finish();
    expect(model.bytes()).toEqual(last);
    const averaged = trained({ ema: 0.5 });
    const before = averaged.bytes();
    averaged.finish();
    expect(averaged.bytes()).not.toEqual(before);
  });

  test('a tiny clipNorm leaves the direction of a step: Adam divides by its length', () => {
    // With ε far below the clipped gradients one step of Adam is the same; what differs is the moments.
    const [free, clipped] = [trained({ clipNorm: 0 }, 1), trained({ clipNorm: 0.01 }, 1)];
    const moment = (model: { save(): Uint8Array }): number => {
      const { arrays } = unpackAny(model.save());
      return Math.hypot(...arrays['firstMoment']!);
    };
    expect(moment(clipped)).toBeCloseTo(0.1 * 0.01, 8);
    expect(moment(free)).toBeGreaterThan(0.002);
  });

  test('a description makes the same model again', () => {
    const spec = mlp({
      hidden: [8, 8],
      residual: true,
      outputScale: 'noise',
      initialWeights: 'orthogonal',
      timeFeatures: SINUSOIDAL,
      ema: 0.9,
      clipNorm: 1,
      threads: 2,
    });
    const { kind, ...options } = JSON.parse(JSON.stringify(spec.description)) as { kind: string } & MlpOptions;
    expect(kind).toBe('mlp');
    expect(mlp(options).description).toEqual(spec.description);
    expect('threads' in spec.description).toBe(false);
  });

  test.each<[MlpOptions, RegExp]>([
    [{ ema: 1 }, /ema must be in \[0, 1\)/],
    [{ clipNorm: -1 }, /clipNorm must be > 0/],
    [{ threads: 0 }, /threads must be a whole number/],
    [{ residual: 1 as never }, /residual must be true or false, got 1/],
    [{ outputScale: 'large' as never }, /outputScale is 'large'; use 'constant' or 'noise'/],
    [{ initialWeights: 'zero' as never }, /initialWeights is 'zero'; use 'uniform' or 'orthogonal'/],
    [{ timeFeatures: { kind: 'wave' as never, count: 3 } }, /timeFeatures\.kind/],
  ])('refuses %j', (options, message) => {
    expect(() => mlp(options)).toThrow(message);
  });
});

describe('the state of a model', () => {
  test('goes on bit by bit, in another process or model', () => {
    const [model, copy] = [trained({ residual: true }), mlp({ hidden: [48, 48], residual: true }).make(context)];
    copy.load(model.save());
    const random = [randomSource(1), randomSource(1)];
    for (let i = 0; i < 5; i++) {
      const losses = [model, copy].map((each, j) => each.step(knownBatch(context, 100, random[j]!), 1e-2));
      expect(losses[1]).toBe(losses[0]);
    }
    model.finish();
    copy.finish();
    expect(copy.save()).toEqual(model.save());
  });

  test('tells its architecture, version and arrays in a manifest', () => {
    const bytes = trained({ hidden: [5] }).save();
    expect(new TextDecoder().decode(bytes.subarray(0, 8))).toBe('VIADRIFT');
    const length = new DataView(bytes.buffer).getUint32(8, true);
    const manifest = JSON.parse(new TextDecoder().decode(bytes.subarray(12, 12 + length)));
    expect(manifest).toMatchObject({ format: 'viaduct drift model', version: 1, counters: { step: 20, averageStep: 20 } });
    expect(manifest.identity.architecture).toEqual({ inputs: 11, hidden: [5], outputs: 2, activation: 'silu', residual: false });
    expect(manifest.arrays.map(({ name }: { name: string }) => name)).toEqual(['parameters', 'firstMoment', 'secondMoment', 'average']);
    expect(bytes.length).toBe(12 + length + 4 * 4 * (11 * 5 + 5 + 5 * 2 + 2));
  });

  test.each<[MlpOptions, RegExp]>([
    [{ hidden: [48, 47] }, /their architecture\.hidden is \[48,47\], here it is \[48,48\]/],
    [{ activation: 'tanh' }, /their architecture\.activation is "tanh"/],
    [{ residual: true }, /their architecture\.residual is true, here it is false/],
    [{ timeFeatures: 3 }, /their architecture\.inputs is 6, here it is 11/],
    [{ timeFeatures: { kind: 'fourier', count: 8, scale: 2 } }, /their timeFeatures is \{.*"scale":2\}, here it is 8/],
    [{ outputScale: 'noise' }, /outputScale/],
    [{ ema: 0 }, /their ema is 0, here it is 0\.99/],
  ])('of %j is refused by name', (options, message) => {
    const bytes = trained(options, 1).save();
    expect(() => trained({}, 0).load(bytes)).toThrow(FormatError);
    expect(() => trained({}, 0).load(bytes)).toThrow(message);
  });

  test('of another version, cut or foreign is refused', () => {
    const model = trained({}, 1);
    const bytes = model.save();
    const changed = (change: (text: string) => string): Uint8Array => {
      const length = new DataView(bytes.buffer).getUint32(8, true);
      const out = bytes.slice();
      out.set(new TextEncoder().encode(change(new TextDecoder().decode(bytes.subarray(12, 12 + length)))), 12);
      return out;
    };
    expect(() => model.load(changed((text) => text.replace('"version":1', '"version":7')))).toThrow(/of version 7, this is version 1/);
    expect(() => model.load(changed((text) => text.replace('{', '[')))).toThrow(/not JSON/);
    expect(() => model.load(changed((text) => text.replace('secondMoment', 'secondmoment')))).toThrow(/no secondMoment/);
    for (const end of [0, 5, 30, bytes.length - 4]) expect(() => model.load(bytes.slice(0, end))).toThrow(FormatError);
    expect(() => model.load(new Uint8Array(bytes.length))).toThrow(/there is no manifest/);
    expect(model.save()).toEqual(bytes);
  });

  test('reads from the middle of a larger file', () => {
    const state = { identity: { a: 1 }, counters: { n: 2 }, arrays: { x: Float32Array.of(1.5, Number.NaN), y: new Float32Array(0) } };
    const bytes = packModelState(state);
    const file = new Uint8Array(bytes.length + 9);
    file.set(bytes, 3);
    const { counters, arrays } = unpackModelState('p', { a: 1 }, file.subarray(3, 3 + bytes.length));
    expect({ counters, arrays }).toEqual({ counters: state.counters, arrays: state.arrays });
  });
});

/** Reads a state as whose it says it is. */
function unpackAny(bytes: Uint8Array) {
  const length = new DataView(bytes.buffer).getUint32(8, true);
  const { identity } = JSON.parse(new TextDecoder().decode(bytes.subarray(12, 12 + length)));
  return unpackModelState('test', identity, bytes);
}
