import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { linear } from '../../src/drifts/linear.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { driftContext, driftModelLaws, knownBatch, knownDrift, probe } from '../laws/drift-model-laws.ts';

driftModelLaws('linear', linear, { steps: 20 });

describe('linear', () => {
  test('finds an affine drift exactly, whatever the centre and scale of the inputs', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        fc.double({ min: -50, max: 50, noNaN: true }),
        fc.double({ min: 0.1, max: 20, noNaN: true }),
        (dimension, steps, center, scale) => {
          const context = driftContext({ dimension, steps, center, scale });
          const model = linear().make(context);
          model.begin();
          model.step(knownBatch(context, 60 * steps, randomSource(1)), 0);
          model.finish();
          for (let k = 0; k < steps; k++) {
            const x = Float64Array.from({ length: dimension }, (_, c) => center + scale * (c - 1));
            const out = new Float64Array(dimension);
            model.evaluate(k, x, out);
            const expected = knownDrift(k, x, dimension);
            // Inputs and targets are single precision: 6e-8 of their size.
            const size = 1 + Math.abs(center) + 3 * scale;
            out.forEach((value, r) => {
              expect(Math.abs(value - expected[r]!)).toBeLessThan(2e-6 * size);
            });
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  test('data of one transition do not leak into another', () => {
    const context = driftContext({ dimension: 2, steps: 3 });
    const model = linear().make(context);
    model.begin();
    model.step(knownBatch(context, 100, randomSource(1), { transitions: [1] }), 0);
    model.finish();
    const [first, second, third] = probe(model, 3);
    expect(first!.every((value) => value === 0)).toBe(true);
    expect(third!.every((value) => value === 0)).toBe(true);
    expect(second!.some((value) => value !== 0)).toBe(true);
  });

  test('is the least-squares solution: residuals are orthogonal to 1 and to x', () => {
    const context = driftContext({ dimension: 2, steps: 1 });
    const model = linear().make(context);
    const batch = knownBatch(context, 200, randomSource(1), { noise: 3 });
    model.begin();
    model.step(batch, 0);
    model.finish();
    const out = new Float64Array(400);
    model.evaluate(0, Float64Array.from(batch.inputs), out);
    for (let r = 0; r < 2; r++) {
      for (const regressor of [() => 1, (i: number) => batch.inputs[2 * i]!, (i: number) => batch.inputs[2 * i + 1]!]) {
        let sum = 0;
        for (let i = 0; i < 200; i++) sum += (out[2 * i + r]! - batch.targets[2 * i + r]!) * regressor(i);
        expect(Math.abs(sum)).toBeLessThan(1e-9 * 200);
      }
    }
  });

  test('inputs that do not vary get slope 0 and the mean as offset', () => {
    const context = driftContext({ dimension: 2, steps: 1 });
    const model = linear().make(context);
    const inputs = Float32Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 1.25 : Math.sin(i)));
    const targets = Float32Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? i % 3 : 2 * Math.sin(i)));
    model.begin();
    model.step({ count: 20, transitions: new Int32Array(20), inputs, targets, weights: new Float32Array(20).fill(1) }, 0);
    model.finish();
    const { matrix } = model.affine(0)!;
    expect(matrix.get(0, 0)).toBe(0);
    expect(matrix.get(1, 0)).toBe(0);
    expect(matrix.get(1, 1)).toBeCloseTo(2, 6);
  });

  test('splitting the rows into batches changes nothing but rounding', () => {
    const context = driftContext({ dimension: 3, steps: 2 });
    const batch = knownBatch(context, 100, randomSource(1), { noise: 1 });
    const [whole, parts] = [linear().make(context), linear().make(context)];
    for (const model of [whole, parts]) model.begin();
    whole.step(batch, 0);
    for (const [from, to] of [
      [0, 30],
      [30, 31],
      [31, 100],
    ] as const) {
      parts.step(
        {
          count: to - from,
          transitions: batch.transitions.slice(from, to),
          inputs: batch.inputs.slice(3 * from, 3 * to),
          targets: batch.targets.slice(3 * from, 3 * to),
          weights: batch.weights.slice(from, to),
        },
        0,
      );
    }
    for (const model of [whole, parts]) model.finish();
    probe(whole, 2).forEach((values, k) => {
      values.forEach((value, i) => {
        expect(value).toBeCloseTo(probe(parts, 2)[k]![i]!, 9);
      });
    });
  });
});
