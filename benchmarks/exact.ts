// Exact transport: the network simplex beside POT's ot.emd on the same matrices in one run, and sorting on line and circle.
// Run: npm run bench -- exact -- [--python PATH] [--sizes 1000,2000,4000] [--sorted 100000,1000000]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { networkSimplex } from '../src/discrete/network-simplex.ts';
import { circular, discreteMarginal, exactTransport, randomSource, squaredEuclidean, transportProblem } from '../src/index.ts';
import { formatNpy } from '../src/io/npy.ts';
import { FAMILIES, type FamilyName, family, relativeCosts } from './families.ts';

const RUNS = 3;

const { values } = parseArgs({
  options: {
    python: { type: 'string' },
    sizes: { type: 'string', default: '1000,2000,4000' },
    sorted: { type: 'string', default: '100000,1000000' },
  },
  allowPositionals: true,
});
const numbers = (list: string): number[] => list.split(',').filter(Boolean).map(Number);

/** The best of a few runs, in seconds, and the last result. */
function best<T>(runs: number, solve: () => T): { seconds: number; result: T } {
  let seconds = Number.POSITIVE_INFINITY;
  let result: T;
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    result = solve();
    seconds = Math.min(seconds, (performance.now() - start) / 1000);
  }
  return { seconds, result: result! };
}

/** POT on the same arrays, in a process of its own. */
function pot(python: string, costs: Float64Array, a: Float64Array, b: Float64Array): { seconds: number; value: number; version: string } {
  const directory = mkdtempSync(join(tmpdir(), 'viaduct-exact-'));
  try {
    writeFileSync(join(directory, 'costs.npy'), formatNpy({ data: costs, shape: [a.length, b.length] }));
    writeFileSync(join(directory, 'a.npy'), formatNpy({ data: a, shape: [a.length] }));
    writeFileSync(join(directory, 'b.npy'), formatNpy({ data: b, shape: [b.length] }));
    const { stdout, status } = spawnSync(python, ['benchmarks/peers/exact_peer.py', directory, String(RUNS)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (status !== 0) throw new Error(`bench exact: ${python} could not run POT; install benchmarks/peers/requirements.txt there`);
    return JSON.parse(stdout);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

for (const n of numbers(values.sizes)) {
  const ratios: number[] = [];
  for (const name of Object.keys(FAMILIES) as FamilyName[]) {
    const clouds = family(name, n);
    const { costs } = relativeCosts(clouds);
    const { seconds, result } = best(RUNS, () => networkSimplex(costs, clouds.a, clouds.b));
    const { rows, columns, masses } = result.entries;
    const value = masses.reduce((sum, p, k) => sum + p * costs[rows[k]! * n + columns[k]!]!, 0);
    let line = `${name} n = ${n}: ${(1000 * seconds).toFixed(0)} ms, ${result.pivots} pivots, value ${value}`;
    if (values.python !== undefined) {
      const peer = pot(values.python, costs, clouds.a, clouds.b);
      ratios.push(seconds / peer.seconds);
      line += `; POT ${peer.version} ${(1000 * peer.seconds).toFixed(0)} ms, value differs by ${(value - peer.value).toExponential(1)}; ours/POT ${(seconds / peer.seconds).toFixed(2)}`;
    }
    console.log(line);
  }
  if (ratios.length > 0) {
    const mean = Math.exp(ratios.reduce((sum, r) => sum + Math.log(r), 0) / ratios.length);
    console.log(`n = ${n}: geometric mean of ours/POT ${mean.toFixed(2)}`);
  }
}

for (const count of numbers(values.sorted)) {
  const random = randomSource(0);
  const measure = (angle: () => number) =>
    discreteMarginal({ points: { data: Float64Array.from({ length: count }, angle), count, dimension: 1 } });
  const source = measure(() => random.normal());
  const target = measure(() => 2 * random.normal() + 1);
  for (const cost of [squaredEuclidean(), circular()]) {
    const { seconds, result } = best(RUNS, () => exactTransport(transportProblem({ source, target, cost })));
    const { linear, gap } = result.value;
    console.log(`${cost.kind} on 1-D, n = ${count}: ${(1000 * seconds).toFixed(0)} ms, value ${linear}, gap ${gap.toExponential(1)}`);
  }
}
