// Compiles the AssemblyScript kernels and embeds their bytes; leaves alone what is newer than its sources.
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = 'src/kernels/assembly';
const generated = 'src/kernels/generated';
// Each module is assembly/<name>.ts with all files assembly/<name>-*.ts, and what it uses of others. Only a memory with a maximum can be
// shared by threads.
const modules = [
  { name: 'grid', flags: ['--initialMemory', '1', '--maximumMemory', '65536'], uses: ['transport-simd.ts'] },
  { name: 'mlp', flags: ['--initialMemory', '1', '--maximumMemory', '65536'] },
  { name: 'transport', flags: ['--initialMemory', '1', '--maximumMemory', '65536'] },
  { name: 'gauss', flags: ['--initialMemory', '1', '--maximumMemory', '65536'] },
];
process.chdir(fileURLToPath(new URL('..', import.meta.url)));
mkdirSync(generated, { recursive: true });

const time = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const stale = modules.filter(({ name, uses = [] }) => {
  const sources = readdirSync(folder).filter((file) => file === `${name}.ts` || file.startsWith(`${name}-`));
  const newest = Math.max(time('scripts/build-kernels.mjs'), ...[...sources, ...uses].map((file) => time(`${folder}/${file}`)));
  return time(`${generated}/${name}-wasm.ts`) <= newest;
});
// Loaded only when needed: the compiler takes most of a second to load.
const asc = stale.length === 0 ? undefined : (await import('assemblyscript/asc')).default;

for (const { name, flags } of stale) {
  let bytes;
  const { error, stderr } = await asc.main(
    [
      `${folder}/${name}.ts`,
      '--outFile',
      'out.wasm',
      '-O3',
      '--runtime',
      'stub',
      '--noAssert',
      '--importMemory',
      '--enable',
      'simd',
      ...flags,
    ],
    {
      readFile: (file, base) => {
        try {
          return readFileSync(`${base ?? '.'}/${file}`, 'utf8');
        } catch {
          return null;
        }
      },
      writeFile: (file, contents) => {
        if (file.endsWith('.wasm')) bytes = contents;
      },
      listFiles: () => [],
    },
  );
  if (error || bytes === undefined) {
    process.stderr.write(`${stderr}\n`);
    throw error ?? new Error(`build-kernels: no WebAssembly module came out of ${name}.ts`);
  }
  const target = `${generated}/${name}-wasm.ts`;
  const text = Buffer.from(bytes).toString('base64');
  // Renamed into place, so that a test that starts now never reads half a file.
  const draft = `${target}.${process.pid}`;
  writeFileSync(
    draft,
    `/** WebAssembly module of ${name}.ts, base64; made by scripts/build-kernels.mjs. */\nexport const ${name}Wasm: string =\n  '${text}';\n`,
  );
  renameSync(draft, target);
  process.stdout.write(`build-kernels: ${bytes.length} bytes of WebAssembly for ${name}\n`);
}
