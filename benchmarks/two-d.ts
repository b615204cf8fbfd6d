// npm run bench -- two-d --python PATH [--seeds K] [--threads T] [--keep FOLDER]: runs [SF]2M of torchcfm on the arrays of
// `viaduct reproduce two-d`, judges it by the same code and prints what src/reproduce/recorded-flow-matching.ts keeps. What it made stays in
// FOLDER and is judged again without a second run. The Python needs benchmarks/peers/torchcfm-requirements.txt.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sinkhornBridge } from '../src/discrete/sinkhorn-bridge.ts';
import { formatNpy } from '../src/io/npy.ts';
import { toPoints } from '../src/numerics/points.ts';
import { meanAndSpread } from '../src/reproduce/reproduction.ts';
import { toyFigures, toyScale } from '../src/reproduce/toy-figures.ts';
import { TOY_SIGMA, TOY_STEPS, type ToySample, toySample, toySets } from '../src/reproduce/toy-sets.ts';
import { meansAndSpreads, TWO_D } from '../src/reproduce/two-d.ts';
import { machine, today } from './machine.ts';

const PEER = 'benchmarks/peers/torchcfm_two_d.py';

/** What the peer writes. */
interface PeerRun {
  readonly paths: number[][];
  readonly flow: number[][];
  readonly energies: number[];
  readonly seconds: number;
}

const { values } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    seeds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    keep: { type: 'string' },
  },
});
const seeds = Number(values.seeds);
if (!(Number.isSafeInteger(seeds) && seeds > 0)) {
  process.stderr.write(`bench two-d: --seeds is '${values.seeds}'; pass a whole number of at least 1\n`);
  process.exit(2);
}
const folder = values.keep ?? mkdtempSync(join(tmpdir(), 'two-d-'));
try {
  const all: Record<string, object> = {};
  for (const set of toySets()) {
    const runs = Array.from({ length: seeds }, (_, seed) => {
      const sample = toySample(set, seed, TWO_D.samples);
      const made = peerRun(join(folder, `${set.key}-${seed}`), sample, seed);
      const scale = toyScale(sample, sinkhornBridge(sample.problem, { tolerance: 1e-4 }), TWO_D);
      const generated = { paths: toPoints(PEER, made.paths), flow: toPoints(PEER, made.flow), energies: made.energies };
      const figures = toyFigures(sample, generated, scale);
      process.stderr.write(`${set.name}, seed ${seed}: ${JSON.stringify(figures)}\n`);
      return { ...figures, seconds: made.seconds };
    });
    const seconds = meanAndSpread(runs.map((run) => run.seconds)).mean;
    const figures = Object.entries({ ...meansAndSpreads(runs), seconds }).map(([key, value]) => [key, Number(value.toPrecision(3))]);
    all[set.name] = { ...Object.fromEntries(figures), seeds };
  }
  process.stdout.write(`${JSON.stringify({ machine: machine(), date: today(), figures: all }, null, 2)}\n`);
} finally {
  if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
}

/** Runs the peer in a folder, or reads what it left there. */
function peerRun(place: string, { problem, starts, noise }: ToySample, seed: number): PeerRun {
  const out = join(place, 'out.json');
  if (!existsSync(out)) {
    mkdirSync(place, { recursive: true });
    const { source, target } = problem;
    for (const [name, { data, count }] of Object.entries({ source: source.points, target: target.points, starts })) {
      writeFileSync(join(place, `${name}.npy`), formatNpy({ data, shape: [count, 2] }));
    }
    const data = noise.flatMap((one) => Array.from(one.data));
    writeFileSync(join(place, 'noise.npy'), formatNpy({ data, shape: [noise.length, starts.count, 2] }));
    const options = Object.entries({ sigma: TOY_SIGMA, euler: TOY_STEPS, seed, threads: values.threads });
    const unfinished = `${out}.part`;
    execFileSync(values.python, [PEER, place, unfinished, ...options.flatMap(([name, value]) => [`--${name}`, String(value)])], {
      stdio: 'inherit',
    });
    renameSync(unfinished, out);
  }
  return JSON.parse(readFileSync(out, 'utf8')) as PeerRun;
}
