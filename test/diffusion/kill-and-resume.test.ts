import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomSource } from '../../src/numerics/random.ts';

const folder = mkdtempSync(join(tmpdir(), 'viaduct-'));
const script = join(folder, 'train.mjs');
const path = (file: string): string => JSON.stringify(new URL(`../../src/${file}`, import.meta.url).pathname);

/** Trains a small run, with the folder of its checkpoint as argument, and prints its digest. */
const CONTENTS = `
  import { bridgeProblem, brownian, diffusionBridge, driftModels, gaussianMarginal, timeGrid } from ${path('index.ts')};
  import { directoryCheckpoint } from ${path('io/index.ts')};
  const problem = bridgeProblem({
    source: gaussianMarginal({ mean: [-0.5, 0], covariance: 1 }),
    target: gaussianMarginal({ mean: [0.5, 0.3], covariance: 0.8 }),
    reference: brownian({ sigma: 1 }),
  });
  const run = await diffusionBridge(problem, {
    iterations: 2,
    grid: timeGrid.uniform({ steps: 6 }),
    target: 'moment',
    covariance: 'network',
    drift: driftModels.mlp({ hidden: [16] }),
    innerSteps: 300,
    batchSize: 512,
    cache: { paths: 500, refreshEvery: 17 },
    seed: 5,
    onProgress: () => process.stdout.write('.'),
    ...(process.argv[2] ? { checkpoint: directoryCheckpoint(process.argv[2], { everySeconds: 0.05 }) } : {}),
  });
  console.log('\\n' + JSON.stringify([run.digest, run.halfSteps.map(({ loss }) => loss)]));
`;

/** Runs the script; kills it as `kill -9` does so many milliseconds after so many reports of progress, if it is still there. */
function train(
  args: readonly string[],
  kill?: { readonly reports: number; readonly delay: number },
): Promise<{ killed: boolean; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    let doomed = false;
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (doomed || kill === undefined || output.length < kill.reports) return;
      doomed = true;
      setTimeout(() => child.kill('SIGKILL'), kill.delay);
    });
    child.on('error', reject);
    child.on('close', (status, signal) => {
      if (status === 0 || signal === 'SIGKILL') resolve({ killed: signal === 'SIGKILL', output: output.replace(/^[.\n]*/, '') });
      else reject(new Error(`exit status ${status}, signal ${signal}`));
    });
  });
}

beforeAll(() => {
  buildSync({
    stdin: { contents: CONTENTS, resolveDir: folder },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: script,
    tsconfig: new URL('../../tsconfig.json', import.meta.url).pathname,
    nodePaths: [new URL('../../node_modules', import.meta.url).pathname],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'error',
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

test('killed at random moments and resumed, a run has the bits of one that was not', async () => {
  const whole = await train([]);
  expect(whole.output).toMatch(/^\["[0-9a-f]{64}",\[/);
  const place = join(folder, 'checkpoint');
  const seed = Date.now();
  const random = randomSource(seed);
  let kills = 0;
  let last = { killed: true, output: '' };
  while (last.killed) {
    last = await train([place], kills === 5 ? undefined : { reports: 1 + random.integer(12), delay: 40 * random.uniform() });
    if (last.killed) kills++;
  }
  expect(last.output, `seed ${seed}, ${kills} kills`).toBe(whole.output);
  expect(kills).toBeGreaterThanOrEqual(3);
  expect(existsSync(join(place, 'checkpoint.viaduct'))).toBe(true);
  // The next load removes what a kill in the middle of a save leaves.
  expect((await train([place])).output).toBe(whole.output);
  expect(readdirSync(place)).toEqual(['checkpoint.viaduct']);
});
