import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openTransportEngine } from '../../src/kernels/open-transport-engine.ts';
import { randomSource } from '../../src/numerics/random.ts';

interface Listing {
  readonly rows: number;
  readonly columns: number;
  readonly seed: number;
  readonly single: boolean;
}

/** The large entries as text, row by row, and what a plain search over the same numbers finds. */
function listed({ rows, columns, seed, single }: Listing, kind: 'wasm' | 'typescript', stopAfter = Number.POSITIVE_INFINITY) {
  const engine = openTransportEngine({ bytes: 8 * (rows + 16) * (columns + 16) * 3 + 65536, kind, threads: 1 });
  const random = randomSource(seed);
  const width = engine.width(columns);
  const K = single ? engine.f32(engine.height(rows) * width) : engine.f64(engine.height(rows) * width);
  const [v, w] = [engine.f64(width), engine.f64(width)];
  // Powers of two: products are exact in either precision, so that both engines decide alike.
  const power = (): number => 2 ** Math.floor(12 * random.uniform() - 10);
  for (let j = 0; j < columns; j++) [v[j], w[j]] = [power(), power()];
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) K[i * width + j] = power();
  const byRow = Float64Array.from({ length: rows }, power);
  const byColumn = Float64Array.from({ length: rows }, power);
  const found: string[] = [];
  engine.largeEntries(K, v, w, byRow, byColumn, (i, count, places, values) => {
    for (let p = 0; p < count; p++) found.push(`${i} ${places[p]} ${values[p]}`);
    return i < stopAfter;
  });
  const expected: string[] = [];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const entry = K[i * width + j]!;
      if (entry * v[j]! > byRow[i]! || entry * w[j]! > byColumn[i]!) expected.push(`${i} ${j} ${entry * v[j]!}`);
    }
  }
  engine.release();
  return { found, expected };
}

describe('large entries of a stored kernel', () => {
  const cases = fc.record({
    rows: fc.integer({ min: 1, max: 20 }),
    columns: fc.constantFrom(1, 2, 3, 5, 8, 13, 31, 64),
    seed: fc.nat(),
    single: fc.boolean(),
  });

  it.each(['wasm', 'typescript'] as const)('%s lists those above a threshold, in order, and no others', (kind) => {
    fc.assert(
      fc.property(cases, (listing) => {
        const { found, expected } = listed(listing, kind);
        expect(found).toEqual(expected);
      }),
      { seed: 3, numRuns: 60 },
    );
  });

  it.each(['wasm', 'typescript'] as const)('%s stops when told', (kind) => {
    const { found, expected } = listed({ rows: 9, columns: 30, seed: 1, single: false }, kind, 3);
    expect(found).toEqual(expected.filter((line) => Number(line.split(' ')[0]) <= 3));
    expect(found.length).toBeGreaterThan(0);
  });
});
