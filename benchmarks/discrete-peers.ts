// npm run bench:peers -- --python PATH: our times and those of POT, OTT-JAX, GeomLoss and regot, cell by cell in one run.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatNpy } from '../src/io/npy.ts';
import { type Cell, type Instance, instance, type Measurement, measure } from './discrete-cell.ts';
import { COMMON, command, familyNames, number, numbers, OptionError } from './discrete-options.ts';
import { writePage } from './discrete-page.ts';
import { type Peer, startPeer } from './discrete-peer-process.ts';
import { compare, type Group, groups, PEER_BUDGET } from './discrete-ratios.ts';
import { collect, type Kept, PEERS_FILE, type Results, readResults, requireSame, writeResults } from './discrete-results.ts';
import { factor, seconds as time } from './discrete-text.ts';
import { today } from './machine.ts';

const LIBRARIES = ['pot', 'emd', 'ott', 'geomloss', 'regot'];

const HELP = `npm run bench:peers -- --python PATH [options]   (or --replay FILE [options])
--python PATH     the Python that has the libraries of benchmarks/peers/requirements.txt
--replay FILE     peers' timings from an earlier run, ours measured now
--libraries LIST  of ${LIBRARIES.join(',')}
--sizes 1000  --eps 0.1,0.01,0.001  --targets 1e-6  --families all  --budget 20 (s)  --seed 0
--threads K  --time-limit 300 (s, ours)  --out FILE  --merge  --date YYYY-MM-DD`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      ...COMMON,
      python: { type: 'string' },
      replay: { type: 'string' },
      libraries: { type: 'string', default: LIBRARIES.join(',') },
      budget: { type: 'string', default: String(PEER_BUDGET) },
    },
  });
  if (values.help) return console.log(HELP);
  const libraries = values.libraries.split(',');
  const unknown = libraries.find((name) => !LIBRARIES.includes(name));
  if (unknown !== undefined) throw new OptionError(`--libraries: there is no '${unknown}'; use some of ${LIBRARIES.join(',')}`);
  const replayed = values.replay === undefined ? undefined : readResults(values.replay);
  if (values.replay !== undefined && replayed === undefined) {
    throw new OptionError(`--replay: there is no file ${values.replay}; pass one that bench:peers wrote`);
  }
  if (values.python === undefined && replayed === undefined) {
    throw new OptionError(
      'bench:peers: needs a Python with the libraries; make one with python3 -m venv peers && ' +
        'peers/bin/pip install -r benchmarks/peers/requirements.txt, then pass --python peers/bin/python',
    );
  }
  const seed = number('seed', values.seed);
  if (replayed !== undefined) requireSame('--replay', replayed, seed);
  const grid = {
    sizes: numbers('sizes', values.sizes, [1000]),
    eps: numbers('eps', values.eps, [0.1, 0.01, 0.001]),
    targets: numbers('targets', values.targets, [1e-6]),
    families: familyNames(values.families),
  };
  const out = values.out ?? PEERS_FILE;
  const date = values.date ?? today();
  const into = values.merge ? readResults(out) : undefined;
  if (into !== undefined) requireSame('--merge', into, seed);
  const solver = {
    timeLimit: number('time-limit', values['time-limit']),
    ...(values.threads === undefined ? {} : { threads: number('threads', values.threads) as 1 }),
  };
  const budget = number('budget', values.budget);
  const peers = replayed === undefined ? await Promise.all(libraries.map((name) => startPeer(values.python!, name))) : [];
  const folder = mkdtempSync(join(tmpdir(), 'bench-peers-'));
  const versions = Object.assign({}, replayed?.versions, ...peers.map((peer) => peer.versions)) as Record<string, string>;
  const rows: Measurement[] = [];
  try {
    for (const n of grid.sizes) {
      for (const name of grid.families) {
        const data = instance(name, n, seed);
        if (peers.length > 0) writeArrays(folder, data);
        for (const eps of grid.eps) {
          for (const target of grid.targets) {
            const cell = { family: name, n, eps, target };
            const row = measure(data, eps, target, { solver });
            rows.push(row, ...(replayed === undefined ? await ask(peers, cell, folder, budget) : earlier(replayed, cell)));
            print(rows, cell);
            // After every cell, so that a run that is cut off keeps what it has.
            writeResults(out, collect(rows, { date, seed, versions }, into));
          }
        }
        rmSync(folder, { recursive: true, force: true });
        mkdirSync(folder);
      }
    }
  } finally {
    for (const peer of peers) peer.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`\n${groups(compare(rows)).map(summary).join('\n')}\n\nwritten: ${out}`);
  if (out === PEERS_FILE) await writePage();
}

async function ask(peers: readonly Peer[], cell: Cell, dir: string, budget: number): Promise<Measurement[]> {
  const out: Measurement[] = [];
  // One after the other: nothing runs while a solver is timed.
  for (const peer of peers) for (const row of await peer.ask({ ...cell, dir, budget })) out.push({ ...cell, ...row });
  return out;
}

function earlier({ measurements }: Results, { family, n, eps, target }: Cell): Kept[] {
  return measurements
    .filter((row) => row.family === family && row.n === n && row.eps === eps && row.target === target && !row.solver.startsWith('viaduct'))
    .map((row) => ({ ...row, replayed: true }));
}

/** The same arrays as ours: points, weights, and the relative costs to the last bit. */
function writeArrays(folder: string, { family, n, x, y, a, b, costs }: Instance): void {
  const save = (key: string, data: Float64Array, shape: readonly number[]): void =>
    writeFileSync(join(folder, `${family}_${n}.${key}.npy`), formatNpy({ data, shape }));
  save('x', x.data, [n, x.dimension]);
  save('y', y.data, [n, y.dimension]);
  save('a', a, [n]);
  save('b', b, [n]);
  save('c', costs, [n, n]);
}

function print(rows: readonly Measurement[], cell: Cell): void {
  const one = compare(rows.filter((r) => r.family === cell.family && r.n === cell.n && r.eps === cell.eps && r.target === cell.target))[0]!;
  const best = one.best === undefined ? 'no peer arrives' : `${one.best.solver} ${time(one.best.seconds)}`;
  const ours = one.ours?.seconds == null ? `not reached (${one.ours?.note})` : time(one.ours.seconds);
  console.log(
    `${cell.family} n=${cell.n} eps=${cell.eps} error=${cell.target.toExponential()}: ours ${ours}; ${best}; ratio ${factor(one.ratio)}; ` +
      `sinkhorn_log ${time(one.safe?.seconds)} (${factor(one.safeRatio)}); emd ${time(one.exact?.seconds)} (${factor(one.exactRatio)})`,
  );
}

function summary(group: Group): string {
  return (
    `n=${group.n} eps=${group.eps} error=${group.target.toExponential()}: ${factor(group.ratio)} faster than the best peer of each cell ` +
    `(geometric mean of ${group.ratioCells}; solved by any peer: ${group.solvedByPeers} of ${group.cells}, by us: ${group.solvedByUs}); ` +
    `than POT's safe sinkhorn_log ${factor(group.safeRatio)} (of ${group.safeCells}); worst against emd ${factor(group.worstExact)}`
  );
}

await command(main);
