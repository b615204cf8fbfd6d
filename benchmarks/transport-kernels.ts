// Milliseconds of one pass over an n × n kernel: the operations that decide the speed of entropic transport, by one thread and by two.
// Run: npm run bench -- transport-kernels [--out FILE] [--sizes 256,1000,4000,10000] [--typescript]
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { openTransportEngine } from '../src/kernels/open-transport-engine.ts';
import type { CostBlock, TransportEngine } from '../src/kernels/transport-engine.ts';
import { machine, today, versions } from './machine.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    sizes: { type: 'string', default: '256,1000,4000,10000' },
    typescript: { type: 'boolean', default: false },
  },
});
const sizes = values.sizes.split(',').map(Number);
const INVERSE = 10;

/** The operations on one problem: two clouds of uniform points in the unit square, costs |x − y|², ε = 0.1. */
function operations(engine: TransportEngine, n: number): Readonly<Record<string, () => void>> {
  let state = 1;
  const uniform = (): number => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
  const [x, y] = [Float64Array.from({ length: 2 * n }, uniform), Float64Array.from({ length: 2 * n }, uniform)];
  const points = engine.pointCosts(x, y, 2, 1);
  const all = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) all[i * n + j] = (x[2 * i]! - y[2 * j]!) ** 2 + (x[2 * i + 1]! - y[2 * j + 1]!) ** 2;
  }
  const stored = engine.storedCosts(all, n, n);
  const [height, width] = [engine.height(n), engine.width(n)];
  const [K, K32] = [engine.f64(height * width, false), engine.f32(height * width, false)];
  const [F, G, a, u, v, sum] = [height, width, height, height, width, width].map((length) => engine.f64(length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  a.fill(1 / n, 0, n);
  v.fill(1, 0, n);
  F.fill(-Math.log(n)).fill(Number.NEGATIVE_INFINITY, n);
  engine.absorb(stored, G, INVERSE, K, u);
  engine.absorb(stored, G, INVERSE, K32, u);
  const log = (costs: CostBlock, single: boolean) => () => engine.logFused(costs, F, G, INVERSE, undefined, a, u, sum, 'divide', single);
  return {
    'fused f64': () => engine.fused(K, v, a, u, sum, 'divide'),
    'fused f32': () => engine.fused(K32, v, a, u, sum, 'divide'),
    'log f64, stored': log(stored, false),
    'log f64, on the fly': log(points, false),
    'log f32 exp, stored': log(stored, true),
    'log f32 exp, on the fly': log(points, true),
    'absorb f64': () => engine.absorb(stored, G, INVERSE, K, u),
    'absorb f32': () => engine.absorb(stored, G, INVERSE, K32, u),
    'soft-min of rows': () => engine.softMinRows(stored, G, INVERSE, u),
    'soft-min of columns': () => engine.softMinColumns(stored, F, INVERSE, sum),
    marginals: () => engine.marginals(stored, F, G, INVERSE, u, sum),
  };
}

/** Milliseconds of a call: the best of many short spells, for other programs take the cores now and then. */
function time(call: () => void): number {
  const warm = performance.now() + 100;
  do call();
  while (performance.now() < warm);
  let best = Number.POSITIVE_INFINITY;
  const end = performance.now() + 400;
  do {
    const start = performance.now();
    let calls = 0;
    do {
      call();
      calls++;
    } while (performance.now() - start < 2);
    best = Math.min(best, (performance.now() - start) / calls);
  } while (performance.now() < end);
  return best;
}

const rows: Record<string, string | number>[] = [];
for (const threads of values.typescript ? [1] : [1, 2]) {
  const table = new Map<string, Record<string, string | number>>();
  for (const n of sizes) {
    const bytes = 8 * 2.6 * (n + 8) ** 2 + 1000 * (n + 8);
    const engine = openTransportEngine({ bytes, threads, kind: values.typescript ? 'typescript' : 'wasm' });
    for (const [kernel, call] of Object.entries(operations(engine, n))) {
      const row = table.get(kernel) ?? { 'ms a pass': kernel, threads };
      row[`n = ${n}`] = time(call);
      table.set(kernel, row);
    }
    engine.release();
  }
  rows.push(...table.values());
}
for (const [k, row] of rows.entries()) {
  const cells = Object.values(row).map((value) => (typeof value === 'number' ? String(Number(value.toPrecision(3))) : value.padEnd(24)));
  if (k === 0) console.log([`${'ms a pass'.padEnd(24)}`, ...Object.keys(row).slice(1)].map((name) => name.padStart(9)).join('  '));
  console.log(cells.map((cell) => cell.padStart(9)).join('  '));
}
if (values.out !== undefined) {
  mkdirSync(dirname(values.out), { recursive: true });
  writeFileSync(values.out, `${JSON.stringify({ date: today(), machine: machine(), versions: versions(), rows }, undefined, 2)}\n`);
}
