import { describe, expect, test } from 'vitest';
import type { DriftModel, DriftModelContext, DriftModelSpec, RegressionBatch } from '../../src/drifts/drift-model.ts';
import { FormatError } from '../../src/errors.ts';
import { type RandomSource, randomSource } from '../../src/numerics/random.ts';

/** A context of `steps` transitions over [0, 1] around the given centre. */
export function driftContext(options: {
  readonly dimension: number;
  readonly steps: number;
  readonly center?: number;
  readonly scale?: number;
  readonly batchSize?: number;
  readonly direction?: 'forward' | 'backward';
  readonly seed?: number;
}): DriftModelContext {
  const { dimension, steps, center = 0, scale = 1, batchSize = 64, direction = 'backward', seed = 3 } = options;
  return {
    dimension,
    direction,
    labels: Float64Array.from({ length: steps }, (_, k) => (direction === 'forward' ? k : k + 1) / steps),
    horizon: 1,
    durations: new Float64Array(steps).fill(1 / steps),
    center: new Float64Array(dimension).fill(center),
    scale: new Float64Array(dimension).fill(scale),
    driftScale: 1.5,
    batchSize,
    random: randomSource(seed).split('drift model'),
  };
}

/** A drift that differs from transition to transition, affine in x: y_r = slope_k·x_{r+1} + r + k, coordinates taken cyclically. */
export function knownDrift(k: number, x: Float64Array, dimension: number): Float64Array {
  return Float64Array.from({ length: dimension }, (_, r) => (0.5 - 0.25 * k) * x[(r + 1) % dimension]! + 0.2 * r + 0.1 * k);
}

/** A batch of {@link knownDrift} with noise, over the transitions listed. */
export function knownBatch(
  context: DriftModelContext,
  count: number,
  random: RandomSource,
  options: { readonly noise?: number; readonly transitions?: readonly number[] } = {},
): RegressionBatch {
  const { dimension, labels, center, scale } = context;
  const { noise = 0, transitions = Array.from(labels, (_, k) => k) } = options;
  const batch = {
    count,
    transitions: new Int32Array(count),
    inputs: new Float32Array(count * dimension),
    targets: new Float32Array(count * dimension),
    weights: new Float32Array(count).fill(1),
  };
  for (let i = 0; i < count; i++) {
    const k = transitions[random.integer(transitions.length)]!;
    const x = Float64Array.from({ length: dimension }, (_, c) => center[c]! + scale[c]! * random.normal());
    const y = knownDrift(k, x, dimension).map((value) => value + noise * random.normal());
    batch.transitions[i] = k;
    batch.inputs.set(x, i * dimension);
    batch.targets.set(y, i * dimension);
  }
  return batch;
}

/** Values of the model at fixed points, for every transition. */
export function probe(
  model: Pick<DriftModel, 'evaluate' | 'dimension'>,
  steps: number,
  random: RandomSource = randomSource(99),
): Float64Array[] {
  const x = random.fillNormal(new Float64Array(7 * model.dimension));
  return Array.from({ length: steps }, (_, k) => {
    const out = new Float64Array(x.length);
    model.evaluate(k, x, out);
    return out;
  });
}

/** The laws of every {@link DriftModelSpec}. `rate` is a learning rate at which a few hundred steps learn an affine drift. */
export function driftModelLaws(
  name: string,
  make: () => DriftModelSpec,
  options: { readonly rate?: number; readonly steps?: number } = {},
): void {
  const { rate = 1e-2, steps = 300 } = options;
  const context = driftContext({ dimension: 2, steps: 3 });
  const train = (model: DriftModel, count: number, seed: number): number[] => {
    const random = randomSource(seed);
    return Array.from({ length: count }, () => model.step(knownBatch(context, context.batchSize, random), rate));
  };

  describe(`drift model laws: ${name}`, () => {
    test('the description is plain frozen data', () => {
      const spec = make();
      expect(Object.isFrozen(spec)).toBe(true);
      expect(JSON.parse(JSON.stringify(spec.description))).toEqual(spec.description);
    });

    test('evaluate is deterministic, row by row, and leaves its input alone', () => {
      const model = make().make(context);
      model.begin();
      train(model, 20, 1);
      model.finish();
      const x = randomSource(5).fillNormal(new Float64Array(2 * 9));
      const kept = Float64Array.from(x);
      const [once, again] = [new Float64Array(18), new Float64Array(18)];
      model.evaluate(1, x, once);
      model.evaluate(1, x, again);
      expect(again).toEqual(once);
      expect(x).toEqual(kept);
      for (let i = 0; i < 9; i++) {
        const alone = new Float64Array(2);
        model.evaluate(1, x.slice(2 * i, 2 * i + 2), alone);
        alone.forEach((value, c) => {
          expect(value).toBeCloseTo(once[2 * i + c]!, 5);
        });
      }
    });

    test('same context, same batches, same bits', () => {
      const [a, b] = [make().make(context), make().make(driftContext({ dimension: 2, steps: 3 }))];
      for (const model of [a, b]) model.begin();
      expect(train(a, 10, 1)).toEqual(train(b, 10, 1));
      for (const model of [a, b]) model.finish();
      expect(a.save()).toEqual(b.save());
      expect(a.bytes()).toEqual(b.bytes());
    });

    test('training learns a regression', () => {
      const model = make().make(context);
      const before = model.step(knownBatch(context, context.batchSize, randomSource(8)), 0);
      model.begin();
      const random = randomSource(2);
      for (let i = 0; i < steps; i++) model.step(knownBatch(context, context.batchSize, random), rate * (1 - i / steps));
      model.finish();
      model.begin();
      const after = model.step(knownBatch(context, context.batchSize, randomSource(8)), 0);
      expect(after).toBeLessThan(0.02 * before);
    });

    test('the loss is that of the batch before the step: the weighted mean of squared errors', () => {
      const model = make().make(context);
      model.begin();
      train(model, 5, 1);
      model.finish();
      model.begin();
      const batch = knownBatch(context, 16, randomSource(4));
      for (let i = 0; i < batch.count; i++) batch.weights[i] = 1 + (i % 3);
      let expected = 0;
      for (let i = 0; i < batch.count; i++) {
        const out = new Float64Array(2);
        model.evaluate(batch.transitions[i]!, Float64Array.from(batch.inputs.subarray(2 * i, 2 * i + 2)), out);
        out.forEach((value, c) => {
          expected += (batch.weights[i]! * (value - batch.targets[2 * i + c]!) ** 2) / batch.count;
        });
      }
      // A model that fits exactly leaves nothing but the rounding of float32 targets.
      expect(Math.abs(model.step(batch, rate) - expected)).toBeLessThan(1e-4 * expected + 1e-12);
    });

    test('save and load go on with the same bits', () => {
      const model = make().make(context);
      model.begin();
      train(model, 10, 1);
      const saved = model.save();
      const kept = Uint8Array.from(saved);
      const copy = make().make(driftContext({ dimension: 2, steps: 3, seed: 77 }));
      copy.load(saved);
      expect(train(copy, 10, 6)).toEqual(train(model, 10, 6));
      expect(saved).toEqual(kept);
      for (const each of [model, copy]) each.finish();
      expect(probe(copy, 3)).toEqual(probe(model, 3));
      expect(copy.save()).toEqual(model.save());
    });

    test('bytes that are not its state are refused', () => {
      const model = make().make(context);
      expect(() => model.load(new Uint8Array(24))).toThrow(FormatError);
      const other = make().make(driftContext({ dimension: 3, steps: 3 }));
      expect(() => model.load(other.save())).toThrow(FormatError);
    });

    test('a frozen drift does not follow later training', () => {
      const model = make().make(context);
      model.begin();
      train(model, 20, 1);
      model.finish();
      const frozen = model.freeze();
      const values = probe(frozen, 3);
      expect(values).toEqual(probe(model, 3));
      model.begin();
      train(model, 20, 2);
      model.finish();
      expect(probe(frozen, 3)).toEqual(values);
      expect(probe(model, 3)).not.toEqual(values);
      expect(frozen.bytes()).not.toEqual(model.bytes());
    });

    test('begin keeps what was learned', () => {
      const model = make().make(context);
      model.begin();
      train(model, 50, 1);
      model.finish();
      const values = probe(model, 3);
      model.begin();
      expect(probe(model, 3)).toEqual(values);
    });

    test('affine(k), where there is one, is evaluate(k)', () => {
      const model = make().make(context);
      model.begin();
      train(model, 20, 1);
      model.finish();
      const x = randomSource(5).fillNormal(new Float64Array(8));
      for (let k = 0; k < 3; k++) {
        const map = model.affine(k);
        if (map === undefined) continue;
        const out = new Float64Array(8);
        model.evaluate(k, x, out);
        for (let i = 0; i < 4; i++) {
          for (let r = 0; r < 2; r++) {
            const expected = map.matrix.get(r, 0) * x[2 * i]! + map.matrix.get(r, 1) * x[2 * i + 1]! + map.offset[r]!;
            expect(out[2 * i + r]).toBeCloseTo(expected, 10);
          }
        }
      }
    });
  });
}
