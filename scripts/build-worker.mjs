// Bundles the worker of batches into a text for src/discrete/generated. Every build and every run of the tests makes it anew, so that it is
// never older than its sources; the file is only touched when the text has changed.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = `${root}src/discrete/generated`;

/** The worker is handed compiled kernels and needs no bytes. */
const withoutBytes = {
  name: 'without-bytes',
  setup({ onLoad }) {
    onLoad({ filter: /kernels\/generated\/[a-z]+-wasm\.ts$/ }, ({ path }) => {
      const [name] = path.match(/[a-z]+(?=-wasm\.ts$)/);
      return { contents: `export const ${name}Wasm = '';` };
    });
  },
};

async function buildWorker() {
  const { outputFiles } = await build({
    entryPoints: [`${root}src/discrete/batch-worker.ts`],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'batchWorker',
    platform: 'neutral',
    target: 'es2022',
    minify: true,
    // A worker of a batch works alone.
    alias: { '#threads': `${root}src/kernels/threads-none.ts` },
    tsconfigRaw: {},
    plugins: [withoutBytes],
    logLevel: 'error',
  });
  const text = `/** Bundle of batch-worker.ts; made by scripts/build-worker.mjs. */\nexport const batchWorker: string = ${JSON.stringify(outputFiles[0].text)};\n`;
  const target = `${folder}/batch-worker.ts`;
  mkdirSync(folder, { recursive: true });
  if (read(target) === text) return;
  // Renamed into place, so that a test that starts now never reads half a file.
  const draft = `${target}.${process.pid}`;
  writeFileSync(draft, text);
  renameSync(draft, target);
  process.stdout.write(`build-worker: ${text.length} bytes of JavaScript for the workers of batches\n`);
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** What vitest calls before tests, and before it runs them again. */
export default async function setup(project) {
  await buildWorker();
  project.onTestsRerun(buildWorker);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildWorker();
