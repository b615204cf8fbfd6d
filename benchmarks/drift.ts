// npm run bench:drift [-- --python PATH]: training steps and simulation of drift networks, a second, for our engine on one and two threads
// beside TensorFlow.js, when it is installed, and PyTorch, when a Python has it. One run, one engine at a time; everybody's best spell counts.
// Ours and TensorFlow.js's steps clip the gradient and average the weights, as drift models train; PyTorch's do neither, with fused Adam.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { runChain } from '../src/diffusion/chain.ts';
import type { DriftModelSpec } from '../src/drifts/drift-model.ts';
import { mlp } from '../src/drifts/mlp.ts';
import { tensorflow } from '../src/drifts/tensorflow.ts';
import { tensorflowEngine } from '../src/drifts/tensorflow-engine.ts';
import { perceptronMaker } from '../src/drifts/tensorflow-network.ts';
import { transposeOperandsOnWasm } from '../src/drifts/tensorflow-products.ts';
import type { TensorFlowOperations } from '../src/drifts/tensorflow-types.ts';
import { initialParameters } from '../src/kernels/mlp-architecture.ts';
import { createMlpEngine, type MlpEngine } from '../src/kernels/mlp-engine.ts';
import { gaussianMarginal } from '../src/marginals/gaussian-marginal.ts';
import { randomSource } from '../src/numerics/random.ts';
import { brownian } from '../src/references/brownian.ts';
import { timeGrid } from '../src/references/time-grid.ts';
import { loadTensorFlow } from '../src/tensorflow/load-tensorflow.ts';
import { nameOf, rate, SIMULATION, SIMULATION_NAME, TRAINING, type TrainingCase } from './drift-cases.ts';
import { machine, today, versions } from './machine.ts';

const RESULTS = 'benchmarks/results/drift.json';
const PEER = 'benchmarks/peers/drift_peer.py';
const ADAM = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clipNorm: 10 };
const AVERAGING = 0.99;

interface Row {
  readonly engine: string;
  readonly name: string;
  /** Steps or point-steps a second. */
  readonly rate: number;
}

function trainingRate({ architecture, batch }: TrainingCase, engine: Pick<MlpEngine, 'trainStep'>): number {
  const random = randomSource(1);
  const x = random.fillNormal(new Float32Array(batch * architecture.inputs));
  const y = random.fillNormal(new Float32Array(batch * architecture.outputs));
  const w = new Float32Array(batch).fill(1);
  return rate(() => engine.trainStep(x, y, w, batch, ADAM));
}

function simulationRate(spec: DriftModelSpec): number {
  const { dimension, points, steps } = SIMULATION;
  const grid = timeGrid.uniform({ steps });
  const reference = brownian({ sigma: 1 });
  const model = spec.make({
    dimension,
    direction: 'forward',
    labels: grid.times.slice(0, steps),
    horizon: grid.horizon,
    durations: Float64Array.from(grid.durations),
    center: new Float64Array(dimension),
    scale: new Float64Array(dimension).fill(1),
    driftScale: 1,
    batchSize: 512,
    random: randomSource(2),
  });
  const start = gaussianMarginal({ mean: new Array<number>(dimension).fill(0), covariance: 1 });
  const noise = Array.from({ length: steps }, () => reference.transition(0, 1 / steps, dimension).covariance);
  const chain = { direction: 'forward', grid, drift: model.freeze(), noise, start } as const;
  const random = randomSource(3);
  const x = start.sample(points, random);
  const result = points * steps * rate(() => runChain(chain, x, random));
  model.dispose?.();
  return result;
}

function ours(threads: number): Row[] {
  const engine = `viaduct, ${threads} thread${threads > 1 ? 's' : ''}`;
  const rows = TRAINING.map((each): Row => {
    const net = createMlpEngine(each.architecture, { maxBatch: each.batch, emaDecay: AVERAGING, threads });
    net.setParameters(initialParameters(each.architecture, randomSource(4).uniform));
    const result = trainingRate(each, net);
    net.release();
    return { engine, name: nameOf(each), rate: result };
  });
  const { hidden, activation, timeFeatures } = SIMULATION;
  return [...rows, { engine, name: SIMULATION_NAME, rate: simulationRate(mlp({ hidden, activation, timeFeatures, threads })) }];
}

/** TensorFlow.js on a backend; nothing when it is not to be had. */
async function tensorflowRows(prefer: 'tensorflow' | 'wasm'): Promise<Row[]> {
  const engine = prefer === 'wasm' ? 'tfjs wasm' : 'tfjs-node';
  const loaded = await loadTensorFlow({ prefer }).catch(() => undefined);
  if (loaded === undefined || loaded.backend !== prefer) {
    console.log(`${engine}: not here (${loaded?.refusals[0]?.reason ?? 'no TensorFlow.js works'})`);
    return [];
  }
  const tf = loaded.tf as unknown as TensorFlowOperations;
  transposeOperandsOnWasm(tf);
  const rows = TRAINING.map((each): Row => {
    const { architecture } = each;
    const initial = { trainable: initialParameters(architecture, randomSource(4).uniform), fixed: new Float32Array(0) };
    const net = tensorflowEngine(tf, perceptronMaker(tf, architecture), initial, architecture, AVERAGING);
    const result = trainingRate(each, net);
    net.dispose();
    return { engine, name: nameOf(each), rate: result };
  });
  const { hidden, activation, timeFeatures } = SIMULATION;
  return [
    ...rows,
    { engine, name: SIMULATION_NAME, rate: simulationRate(tensorflow({ tf: loaded.tf, hidden, activation, timeFeatures })) },
  ];
}

function pytorchRows(python: string): { rows: Row[]; version: string } {
  const request = JSON.stringify({
    training: TRAINING.map((each) => ({ name: nameOf(each), ...each.architecture, batch: each.batch })),
    simulation: { name: SIMULATION_NAME, ...SIMULATION },
  });
  const lines = execFileSync(python, [PEER], { input: request, encoding: 'utf8', stdio: ['pipe', 'pipe', 'inherit'] })
    .trim()
    .split('\n');
  const said = lines.map((line) => JSON.parse(line) as Row & { version: string });
  return { rows: said.map(({ engine, name, rate: value }) => ({ engine, name, rate: value })), version: said[0]!.version };
}

function installed(name: string): Record<string, string> {
  try {
    return { [name]: (createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version };
  } catch {
    return {};
  }
}

function print(rows: readonly Row[]): void {
  const engines = [...new Set(rows.map(({ engine }) => engine))];
  const at = (engine: string, name: string): number | undefined => rows.find((row) => row.engine === engine && row.name === name)?.rate;
  const show = (value: number | undefined): string =>
    value === undefined ? '–' : value > 1e5 ? `${(value / 1e6).toFixed(2)} M` : value.toFixed(0);
  const best = engines[1]!;
  console.log(`\nA second (in brackets: ${best} over it)\n`);
  for (const name of new Set(rows.map((row) => row.name))) {
    console.log(name);
    for (const engine of engines) {
      const [value, own] = [at(engine, name), at(best, name)!];
      if (value !== undefined) console.log(`  ${engine.padEnd(22)} ${show(value).padStart(8)}  (${(own / value).toFixed(2)})`);
    }
  }
}

const { values } = parseArgs({ options: { python: { type: 'string' } } });
const rows = [...ours(1), ...ours(2)];
let known: Record<string, string> = versions();
if (values.python !== undefined) {
  const torch = pytorchRows(values.python);
  rows.push(...torch.rows);
  known = { ...known, torch: torch.version };
}
for (const prefer of ['tensorflow', 'wasm'] as const) rows.push(...(await tensorflowRows(prefer)));
for (const name of ['@tensorflow/tfjs', '@tensorflow/tfjs-node', '@tensorflow/tfjs-backend-wasm']) known = { ...known, ...installed(name) };
print(rows);
writeFileSync(RESULTS, `${JSON.stringify({ date: today(), machine: machine(), versions: known, rows }, undefined, 2)}\n`);
console.log(`\n${RESULTS} written`);
