// npm run bench [-- NAME…] [-- --option …]: bundles benchmarks/NAME.ts from source and runs it, each in a process of its own.
// Without a name: the kernels, then the end-to-end table. Options belong to the end-to-end table.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const args = process.argv.slice(2);
const options = args.findIndex((arg) => arg.startsWith('-'));
const names = options < 0 ? args : args.slice(0, options);
const rest = options < 0 ? [] : args.slice(options);
const file = (name) => `benchmarks/${name}.ts`;

// One cell, or a page drawn again, needs no kernels table before it.
const short = rest.some((arg) => /^--(profile|large|render|help)/.test(arg));
const chosen =
  names.length > 0 ? names : short || !existsSync(file('transport-kernels')) ? ['discrete'] : ['transport-kernels', 'discrete'];

// What the package resolves to its build is taken from source, too.
const { imports = {} } = JSON.parse(readFileSync('package.json', 'utf8'));
const alias = Object.fromEntries(
  Object.entries(imports).map(([name, { node }]) => [name, node.replace(/^\.\/dist\/(.*)\.js$/, `${process.cwd()}/src/$1.ts`)]),
);

/** The kernels table of a whole run is kept beside the others, where the page finds it. */
const KEPT = rest.length === 0 ? ['--out', 'benchmarks/results/transport-kernels.json'] : [];

for (const name of chosen) {
  if (!existsSync(file(name))) {
    process.stderr.write(`bench: there is no ${file(name)}; name a file of benchmarks/ without its ending\n`);
    process.exit(2);
  }
  // A name of its own: two runs at once do not disturb each other, and nothing is left for the package.
  const outfile = `dist/benchmarks/${name}.${process.pid}.mjs`;
  // esbuild has said what is wrong by itself.
  await build({
    entryPoints: [file(name)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    alias,
    logLevel: 'error',
  }).catch(() => process.exit(1));
  const { status } = spawnSync(process.execPath, [outfile, ...(name === 'transport-kernels' && names.length === 0 ? KEPT : rest)], {
    stdio: 'inherit',
  });
  rmSync(outfile, { force: true });
  if (status !== 0) process.exit(status ?? 1);
}
