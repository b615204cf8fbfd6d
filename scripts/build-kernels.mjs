// Compiles the AssemblyScript kernels and embeds their bytes; does nothing when they are newer than their source.
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = 'src/kernels/assembly/mlp.ts';
const target = 'src/kernels/generated/mlp-wasm.ts';
process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const time = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
if (time(target) > Math.max(time(source), time('scripts/build-kernels.mjs'))) process.exit(0);

// Loaded only now: the compiler takes most of a second to load.
const { default: asc } = await import('assemblyscript/asc');
let bytes;
const { error, stderr } = await asc.main(
  [source, '--outFile', 'mlp.wasm', '-O3', '--runtime', 'stub', '--noAssert', '--importMemory', '--enable', 'simd'],
  {
    readFile: (name, base) => {
      try {
        return readFileSync(`${base ?? '.'}/${name}`, 'utf8');
      } catch {
        return null;
      }
    },
    writeFile: (name, contents) => {
      if (name.endsWith('.wasm')) bytes = contents;
    },
    listFiles: () => [],
  },
);
if (error || bytes === undefined) {
  process.stderr.write(`${stderr}\n`);
  throw error ?? new Error('build-kernels: no WebAssembly module came out');
}
mkdirSync(dirname(target), { recursive: true });
const text = Buffer.from(bytes).toString('base64');
// Renamed into place, so that a test that starts now never reads half a file.
const draft = `${target}.${process.pid}`;
writeFileSync(
  draft,
  `/** WebAssembly module of mlp.ts, base64; made by scripts/build-kernels.mjs. */\nexport const mlpWasm: string =\n  '${text}';\n`,
);
renameSync(draft, target);
process.stdout.write(`build-kernels: ${bytes.length} bytes of WebAssembly\n`);
