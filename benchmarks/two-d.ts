// npm run bench -- two-d --python PATH [--seeds K]: runs [SF]2M of torchcfm on the arrays of `viaduct reproduce two-d`, judges it by the same
// code and prints what src/reproduce/recorded-flow-matching.ts keeps. The Python needs benchmarks/peers/torchcfm-requirements.txt.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sinkhornBridge } from '../src/discrete/sinkhorn-bridge.ts';
import { formatNpy } from '../src/io/npy.ts';
import { toPoints } from '../src/numerics/points.ts';
import { randomSource } from '../src/numerics/random.ts';
import { meanAndSpread } from '../src/reproduce/reproduction.ts';
import { type ToyFigures, toyFigures, toyScale } from '../src/reproduce/toy-figures.ts';
import { TOY_SIGMA, TOY_STEPS, toySample, toySets } from '../src/reproduce/toy-sets.ts';
import { TWO_D } from '../src/reproduce/two-d.ts';
import { machine, today } from './machine.ts';

const PEER = 'benchmarks/peers/torchcfm_two_d.py';

const { values } = parseArgs({ options: { python: { type: 'string', default: 'python3' }, seeds: { type: 'string', default: '1' } } });
const folder = mkdtempSync(join(tmpdir(), 'two-d-'));
try {
  const all: Record<string, object> = {};
  for (const set of toySets()) {
    const runs = Array.from({ length: Number(values.seeds) }, (_, seed) => {
      const sample = toySample(set, seed, TWO_D.samples);
      const { source, target } = sample.problem;
      for (const [name, { data, count }] of Object.entries({ source: source.points, target: target.points, starts: sample.starts })) {
        writeFileSync(join(folder, `${name}.npy`), formatNpy({ data, shape: [count, 2] }));
      }
      const out = join(folder, 'out.json');
      const options = ['--sigma', TOY_SIGMA, '--euler', TOY_STEPS, '--seed', seed].map(String);
      execFileSync(values.python, [PEER, folder, out, ...options], { stdio: 'inherit' });
      const made = JSON.parse(readFileSync(out, 'utf8')) as { paths: number[][]; flow: number[][]; energy: number; seconds: number };
      const random = randomSource(seed).split('two-d figures').split(set.name);
      const exact = sinkhornBridge(sample.problem, { tolerance: 1e-4 });
      const scale = toyScale(sample, exact, TWO_D, random.split('exact bridge'));
      const generated = { paths: toPoints(PEER, made.paths), flow: toPoints(PEER, made.flow), energy: made.energy };
      return { ...toyFigures(sample, generated, scale), seconds: made.seconds };
    });
    const mean = (key: keyof ToyFigures | 'seconds') => Number(meanAndSpread(runs.map((run) => run[key])).mean.toPrecision(3));
    all[set.name] = {
      paths: mean('paths'),
      flow: mean('flow'),
      energyGap: mean('energyGap'),
      nearest: mean('nearest'),
      seeds: runs.length,
      seconds: mean('seconds'),
    };
    process.stderr.write(`${set.name}: ${JSON.stringify(all[set.name])}\n`);
  }
  process.stdout.write(`${JSON.stringify({ machine: machine(), date: today(), figures: all }, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
