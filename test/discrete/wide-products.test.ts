import { describe, expect, it } from 'vitest';
import { openTransportEngine } from '../../src/kernels/open-transport-engine.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { largestDifference } from './every-way.ts';

/** One fused pass in double arithmetic over a kernel in single precision, and the same by loops of the test's own. */
function wide(kind: 'wasm' | 'typescript', mode: 'divide' | 'multiply', n: number, m: number) {
  const engine = openTransportEngine({ kind, bytes: 8 * (n + 16) * (m + 64) + 1e5, threads: 1 });
  const random = randomSource(n + 1000 * m);
  const [height, width] = [engine.height(n), engine.width(m)];
  const [K, v, a, u, sum] = [engine.f32(height * width), engine.f64(width), engine.f64(height), engine.f64(height), engine.f64(width)];
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) K[i * width + j] = random.uniform();
  for (let j = 0; j < m; j++) v[j] = 0.5 + random.uniform();
  for (let i = 0; i < n; i++) a[i] = random.uniform();
  engine.fused(K, v, a, u, sum, mode, true);
  const rows = Array.from({ length: n }, (_, i) => {
    let s = 0;
    for (let j = 0; j < m; j++) s += K[i * width + j]! * v[j]!;
    return mode === 'divide' ? a[i]! / s : a[i]! * s;
  });
  const columns = Array.from({ length: m }, (_, j) => rows.reduce((s, t, i) => s + t * K[i * width + j]!, 0));
  const found = { u: u.slice(0, n), sum: sum.slice(0, m), rows, columns };
  engine.release();
  return found;
}

describe('a kernel in single precision under double arithmetic', () => {
  const SIZES = [1, 2, 3, 5, 8, 13, 31, 64, 97, 257];
  it.each([
    ['wasm', 'divide'],
    ['wasm', 'multiply'],
    ['typescript', 'divide'],
    ['typescript', 'multiply'],
  ] as const)('%s, %s: exact for the rounded kernel, on every shape', (kind, mode) => {
    SIZES.forEach((n, k) => {
      const m = SIZES[(3 * k + 4) % SIZES.length]!;
      const { u, sum, rows, columns } = wide(kind, mode, n, m);
      const scale = Math.max(1, ...rows, ...columns);
      expect(largestDifference(u, rows) / scale).toBeLessThan(1e-14);
      expect(largestDifference(sum, columns) / scale).toBeLessThan(1e-13);
    });
  });
});
