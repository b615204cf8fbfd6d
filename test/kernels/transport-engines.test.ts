import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openTransportEngine } from '../../src/kernels/open-transport-engine.ts';
import type { TransportEngine } from '../../src/kernels/transport-engine.ts';
import { type Outcome, runCase, type TransportCase } from './transport-case.ts';

const SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 11, 13, 16, 17, 23, 31, 37, 64, 131, 257];

/** Largest difference relative to the larger of 1 and the array's largest number; 0 between equal infinities. */
function difference(x: Float64Array, y: Float64Array): number {
  const scale = x.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 1);
  return x.reduce((most, value, k) => Math.max(most, Object.is(value, y[k]) ? 0 : Math.abs(value - y[k]!) / scale), 0);
}

/** |y/eˣ − 1| with eˣ to 200 bits: the series of eˣ at x/2¹⁶, squared sixteen times. */
function relativeError(y: number, x: number): number {
  const bits = 300n;
  // 2¹²⁰·value is a whole number for the values used here.
  const fixed = (value: number): bigint => BigInt(value * 2 ** 120) << (bits - 120n);
  const t = fixed(x) >> 16n;
  let [term, value] = [1n << bits, 1n << bits];
  for (let k = 1n; k < 30n; k++) value += term = (term * t) / (k << bits);
  for (let k = 0; k < 16; k++) value = (value * value) >> bits;
  return Math.abs(Number(((fixed(y) - value) << 80n) / value)) / 2 ** 80;
}

function expectClose(actual: Outcome, expected: Outcome): void {
  for (const [name, values] of Object.entries(expected)) {
    const tolerance = name.startsWith('f32') ? 2e-5 : 1e-12;
    const found = difference(values, actual[name]!);
    // NaN fails as well.
    if (!(found <= tolerance)) expect.fail(`${name}: ${found} > ${tolerance}`);
  }
}

describe('WebAssembly kernels against plain TypeScript', () => {
  const problem: fc.Arbitrary<TransportCase> = fc.record({
    rows: fc.constantFrom(...SIZES),
    columns: fc.constantFrom(...SIZES),
    dimension: fc.constantFrom(0, 1, 2, 3, 4, 7),
    inverse: fc.constantFrom(0.5, 10, 300),
    holes: fc.constant(0),
    seed: fc.nat(),
  });

  it('agree in every operation, on every shape', () => {
    fc.assert(
      fc.property(problem, (p) => expectClose(runCase(p, { kind: 'wasm' }), runCase(p, { kind: 'typescript' }))),
      { seed: 1, numRuns: 150 },
    );
  });

  it('agree on forbidden pairs, zero weights and potentials −∞, without NaN', () => {
    const holed = problem.map((p) => ({ ...p, holes: 0.3 }));
    fc.assert(
      fc.property(holed, (p) => {
        const [wasm, plain] = [runCase(p, { kind: 'wasm' }), runCase(p, { kind: 'typescript' })];
        // A row of weight a > 0 whose products are all 0 has no scaling: a/0, and sums that are no numbers.
        const scaled = (name: string) => name.includes('divide');
        for (const [name, values] of Object.entries(wasm))
          if (!scaled(name))
            expect(
              values.every((x) => !Number.isNaN(x)),
              name,
            ).toBe(true);
        const kept = (of: Outcome) => Object.fromEntries(Object.entries(of).filter(([name]) => !name.includes('divide sum')));
        expectClose(kept(wasm), kept(plain));
      }),
      { seed: 2, numRuns: 100 },
    );
  });

  it('agree on shapes of several blocks', () => {
    for (const dimension of [0, 2]) {
      const p = { rows: 541, columns: 467, dimension, inverse: 20, holes: 0, seed: 5 };
      expectClose(runCase(p, { kind: 'wasm' }), runCase(p, { kind: 'typescript' }));
    }
  });
});

describe.each(['wasm', 'typescript'] as const)('the %s engine', (kind) => {
  const open = (bytes = 1e5): TransportEngine => openTransportEngine({ bytes, kind });
  const vector = (engine: TransportEngine, length: number, values: readonly number[], padding = 0): Float64Array => {
    const array = engine.f64(length).fill(padding);
    array.set(values);
    return array;
  };

  it('computes a 2 × 2 problem by hand', () => {
    const engine = open();
    const costs = engine.storedCosts(Float64Array.of(0, 1, 1, 0), 2, 2);
    const [n, m] = [engine.height(2), engine.width(2)];
    const [G, K, F0] = [engine.f64(m), engine.f64(n * m), engine.f64(n)];
    engine.absorb(costs, G, Math.log(4), K, F0);
    expect([K[0], K[1], K[m], K[m + 1]]).toEqual([1, expect.closeTo(0.25, 15), expect.closeTo(0.25, 15), 1]);
    expect(F0[0]).toBeCloseTo(0, 15);
    const [a, v, u, sum] = [vector(engine, n, [0.5, 0.5]), vector(engine, m, [1, 3]), engine.f64(n), engine.f64(m)];
    engine.fused(K, v, a, u, sum, 'divide');
    expect(u[0]).toBeCloseTo(0.5 / 1.75, 15);
    expect(u[1]).toBeCloseTo(0.5 / 3.25, 15);
    expect(sum[0]).toBeCloseTo(0.5 / 1.75 + 0.125 / 3.25, 15);
    const F = vector(engine, n, [0, 0], Number.NEGATIVE_INFINITY);
    const [rows, columns] = [engine.f64(n), engine.f64(m)];
    expect(engine.marginals(costs, F, G, Math.log(4), rows, columns)).toBeCloseTo(0.5, 15);
    expect(rows[1]).toBeCloseTo(1.25, 15);
    expect(columns[0]).toBeCloseTo(1.25, 15);
    engine.softMinRows(costs, G, Math.log(4), rows);
    expect(rows[0]).toBeCloseTo(-Math.log(1.25), 15);
    engine.release();
  });

  it('keeps outliers at a million exact: costs come from differences', () => {
    const engine = open();
    const costs = engine.pointCosts(Float64Array.of(1e6, 1e6), Float64Array.of(1e6 + 2 ** -10, 1e6), 2, 3);
    const [n, m] = [engine.height(1), engine.width(1)];
    const [G, rows] = [engine.f64(m), engine.f64(n)];
    engine.softMinRows(costs, G, 1024, rows);
    expect(rows[0]).toBeCloseTo(3 * 2 ** -10, 15);
    engine.release();
  });

  it.each([1, 3, 5, 50])('stores the costs of points in %i dimensions to the bit of the pairwise formula', (d) => {
    const [rows, columns] = [5, 11];
    const [x, y] = [rows, columns].map((count, side) => Float64Array.from({ length: count * d }, (_, k) => Math.sin(k + 7 * side))) as [
      Float64Array,
      Float64Array,
    ];
    const engine = open();
    const { data } = engine.storedPointCosts(engine.pointCosts(x, y, d, 0.3));
    const width = engine.width(columns);
    for (let i = 0; i < engine.height(rows); i++) {
      for (let j = 0; j < width; j++) {
        let sum = 0;
        for (let k = 0; k < d; k++) sum += (x[i * d + k]! - y[j * d + k]!) ** 2;
        expect(data[i * width + j]).toBe(i < rows && j < columns ? 0.3 * sum : Number.POSITIVE_INFINITY);
      }
    }
    engine.release();
  });

  it('has rows and columns without finite pair', () => {
    const engine = open();
    const inf = Number.POSITIVE_INFINITY;
    const costs = engine.storedCosts(Float64Array.of(inf, inf, 0, inf), 2, 2);
    const [n, m] = [engine.height(2), engine.width(2)];
    const [G, K, F0, out] = [engine.f64(m), engine.f64(n * m), engine.f64(n), engine.f64(m)];
    engine.absorb(costs, G, 1, K, F0);
    expect([...F0.subarray(0, 2)]).toEqual([inf, expect.closeTo(0, 15)]);
    expect([K[0], K[1], K[m], K[m + 1]]).toEqual([0, 0, 1, 0]);
    engine.softMinRows(costs, G, 1, F0);
    expect([...F0.subarray(0, 2)]).toEqual([inf, expect.closeTo(0, 15)]);
    engine.softMinColumns(costs, vector(engine, n, [0, 0], -inf), 1, out);
    expect([...out.subarray(0, 2)]).toEqual([expect.closeTo(0, 15), inf]);
    const zero = { x: engine.f64(n), y: engine.f64(m), ea: vector(engine, n, [1, 0]), eb: vector(engine, m, [1]) };
    const logs = { a: engine.f64(n), b: engine.f64(m) };
    expect(engine.roundedSums(costs, engine.f64(n), G, 1, zero, logs)).toMatchObject({ mass: 0, linear: 0, forbidden: true });
    engine.release();
  });

  it('reports sums that overflow as +∞, not as numbers', () => {
    const engine = open();
    const costs = engine.storedCosts(Float64Array.of(0), 1, 1);
    const [n, m] = [engine.height(1), engine.width(1)];
    const [F, G, a] = [vector(engine, n, [800], Number.NEGATIVE_INFINITY), engine.f64(m), vector(engine, n, [1])];
    const [q, sum, rows] = [engine.f64(n), engine.f64(m), engine.f64(n)];
    engine.marginals(costs, F, G, 1, rows, sum);
    expect(rows[0]).toBe(Number.POSITIVE_INFINITY);
    engine.logFused(costs, F, G, 1, undefined, a, q, sum, 'multiply', true);
    expect(q[0]).toBe(Number.POSITIVE_INFINITY);
    engine.release();
  });

  it('has exponentials to 3e-16 of exact values', () => {
    const engine = open();
    const count = 512;
    const [x, y] = [engine.f64(count), engine.f64(count)];
    for (let k = 0; k < count; k++) x[k] = (k - 256) * 0.0837021;
    engine.exp(x, y);
    for (let k = 0; k < count; k++) expect(relativeError(y[k]!, x[k]!), `exp(${x[k]})`).toBeLessThanOrEqual(3e-16);
    engine.release();
  });

  it('has exponentials over the whole range, 0 and ∞ included', () => {
    const engine = open(1e6);
    const count = 8000;
    const [x, y] = [engine.f64(count), engine.f64(count)];
    for (let k = 0; k < count; k++) x[k] = (k - 4000) * 0.17703;
    engine.exp(x, y);
    for (let k = 0; k < count; k++) {
      const exact = Math.exp(x[k]!);
      if (exact > 1e-300) expect(Math.abs(y[k]! / exact - 1), `exp(${x[k]})`).toBeLessThanOrEqual(5e-16);
      else expect(y[k]).toBeLessThanOrEqual(1e-300);
    }
    x.set([Number.NEGATIVE_INFINITY, 0, 710, -800, -0, 1, -1, 709.5]);
    engine.exp(x, y);
    expect([...y.subarray(0, 5)]).toEqual([0, 1, Number.POSITIVE_INFINITY, 0, 1]);
    expect(y[7]! / Math.exp(709.5)).toBeCloseTo(1, 15);
    engine.release();
  });

  it('has kernels as exact as the rounding of their exponents, in f32 to 3e-7', () => {
    const count = 4096;
    const engine = open(1e6);
    const [n, m] = [engine.height(1), engine.width(count)];
    const c = Float64Array.from({ length: count }, (_, j) => j * 0.0417);
    const costs = engine.storedCosts(c, 1, count);
    const [G, F0, K, K32] = [engine.f64(m), engine.f64(n), engine.f64(n * m), engine.f32(n * m)];
    engine.absorb(costs, G, 1, K, F0);
    engine.absorb(costs, G, 1, K32, F0);
    c.forEach((t, j) => {
      expect(Math.abs(K[j]! / Math.exp(-t) - 1)).toBeLessThanOrEqual(6e-16 + 4e-16 * t);
      if (t < 59) expect(Math.abs(K32[j]! / Math.exp(-t) - 1)).toBeLessThanOrEqual(3e-7 + 1e-7 * t);
      if (t > 81) expect(K32[j]).toBe(0);
    });
    engine.release();
  });

  it('has logarithms to 3e-16·max(1, |log|), below the normal numbers and at 0 and ∞ too', () => {
    const engine = open(1e6);
    const count = 8000;
    const [x, y] = [engine.f64(count), engine.f64(count)];
    for (let k = 0; k < count; k++) x[k] = k < 4000 ? Math.exp((k - 2000) * 0.3541) : 0.5 + k / 5000;
    engine.log(x, y);
    for (let k = 0; k < count; k++) {
      const exact = Math.log(x[k]!);
      if (Number.isFinite(exact)) expect(Math.abs(y[k]! - exact)).toBeLessThanOrEqual(3e-16 * Math.max(1, Math.abs(exact)));
    }
    x.set([0, 1, Number.POSITIVE_INFINITY, Number.MIN_VALUE, 2 ** -1030, 2, 0.5, 4]);
    engine.log(x, y);
    expect([...y.subarray(0, 3)]).toEqual([Number.NEGATIVE_INFINITY, 0, Number.POSITIVE_INFINITY]);
    expect(y[3]).toBeCloseTo(-1074 * Math.LN2, 12);
    expect(y[4]).toBeCloseTo(-1030 * Math.LN2, 12);
    engine.release();
  });

  it('takes the L-BFGS step of a quadratic: exact after as many pairs as unknowns', () => {
    const engine = open();
    // f = ½ Σ h_k x_k², pairs along the axes: H is the inverse of diag(h) on them.
    const h = [2, 5, 0.5];
    const width = engine.width(3);
    const [S, Y, rho, c, wanted, out] = [3 * width, 3 * width, 3, width, width, width].map((length) => engine.f64(length)) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    h.forEach((value, k) => {
      S[k * width + k] = 1;
      Y[k * width + k] = value;
      rho[k] = 1 / value;
      c[k] = 2 * k + 2;
      wanted[k] = k + 1;
    });
    engine.lbfgsDirection({ S, Y, rho, newest: 1, count: 3 }, { c, wanted }, out);
    h.forEach((value, k) => expect(out[k]).toBeCloseTo(-(k + 1) / value, 14));
    expect([...out.subarray(3)].every((x) => x === 0)).toBe(true);
    engine.release();
  });

  it('hands out zeroed arrays as far as its memory goes, and again after a reset', () => {
    const engine = open(1024);
    const first = engine.f64(64).fill(7);
    expect(first.byteOffset % 64).toBe(kind === 'wasm' ? 0 : first.byteOffset % 64);
    engine.f32(128).fill(7);
    expect(() => engine.f64(1)).toThrow(RangeError);
    engine.reset();
    expect(engine.f64(128).every((x) => x === 0)).toBe(true);
    engine.release();
  });
});
