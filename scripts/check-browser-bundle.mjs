// Bundles the built root for browsers without externals, then runs a 2 × 2 problem and a short training in a bare context: ECMAScript,
// WebAssembly, the text coders that every browser has, and nothing of Node.

import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';

process.chdir(new URL('..', import.meta.url).pathname);

const job = `
import { brownian, bridgeProblem, costMatrix, diffusionBridge, driftModels, entropicProblem, gaussianMarginal, histogram, sinkhorn, timeGrid } from './dist/index.js';
export async function run() {
  const half = histogram([0.5, 0.5]);
  const plan = sinkhorn(entropicProblem({ source: half, target: half, cost: costMatrix([[0, 1], [1, 0]]), epsilon: 1 }));
  const at = (mean) => gaussianMarginal({ mean, covariance: 1 });
  const problem = bridgeProblem({ source: at([0, 0]), target: at([1, 0]), reference: brownian({ sigma: 1 }) });
  const bridge = await diffusionBridge(problem, {
    iterations: 1, grid: timeGrid.uniform({ steps: 5 }), target: 'mean', drift: driftModels.mlp({ hidden: [8] }),
    batchSize: 16, innerSteps: 20, learningRate: 1e-3, cache: 32, seed: 1,
  });
  return { linear: plan.value.linear, status: plan.status, halfSteps: bridge.halfSteps.length, digest: bridge.digest };
}`;

/** Bundles a module text; a Node built-in cannot be resolved for browsers and fails the build. */
async function bundle(contents, format) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: process.cwd(), loader: 'js' },
    bundle: true,
    platform: 'browser',
    // The project's own paths are for sources; users have none.
    tsconfigRaw: {},
    format,
    globalName: 'viaductJob',
    minify: true,
    write: false,
    logLevel: 'error',
  });
  return outputFiles[0].text;
}

const text = await bundle(job, 'iife');
const context = createContext({ WebAssembly, TextEncoder, TextDecoder });
runInContext(text, context);
const result = await runInContext('viaductJob.run()', context);
if (Math.abs(result.linear - 0.2689414213699951) > 1e-9 || result.status !== 'converged' || result.halfSteps !== 2) {
  throw new Error(`check-browser-bundle: wrong answer in a bare context: ${JSON.stringify(result)}`);
}
const unused = (await bundle("import './dist/index.js';", 'esm')).trim();
if (unused !== '')
  throw new Error(`check-browser-bundle: importing the root for nothing leaves ${unused.length} bytes; look for work at import time`);
process.stdout.write(`check-browser-bundle: ${(text.length / 1024).toFixed(0)} KiB minified, runs without Node, no side effects\n`);
