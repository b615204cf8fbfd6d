// Compiles the AssemblyScript kernels and embeds their bytes; does nothing when they are newer than their source.
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import asc from 'assemblyscript/asc';

const source = 'src/kernels/assembly/mlp.ts';
const target = 'src/kernels/generated/mlp-wasm.ts';
process.chdir(new URL('..', import.meta.url).pathname);

const time = (file) => {
  try {
    return statSync(file).mtimeMs;
  } catch {
    return 0;
  }
};
if (time(target) > Math.max(time(source), time('scripts/build-kernels.mjs'))) process.exit(0);

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
mkdirSync('src/kernels/generated', { recursive: true });
const text = Buffer.from(bytes).toString('base64');
writeFileSync(target, `/** WebAssembly module of mlp.ts, base64; made by scripts/build-kernels.mjs. */\nexport const mlpWasm: string =\n  '${text}';\n`);
process.stdout.write(`build-kernels: ${bytes.length} bytes of WebAssembly\n`);
