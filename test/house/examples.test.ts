import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { transformSync } from 'esbuild';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A block of code in a page or a doc comment. */
interface Example {
  readonly name: string;
  readonly code: string;
}

/** Modules an example may import, by the names users write. */
const MODULES: Readonly<Record<string, () => Promise<Record<string, unknown>>>> = {
  viaduct: () => import('../../src/index.ts'),
  'viaduct/discrete': () => import('../../src/discrete/index.ts'),
  'viaduct/gaussian': () => import('../../src/gaussian/index.ts'),
  'viaduct/diffusion': () => import('../../src/diffusion/index.ts'),
  'viaduct/diagnostics': () => import('../../src/diagnostics/index.ts'),
  'viaduct/io': () => import('../../src/io/index.ts'),
  'viaduct/plot': () => import('../../src/plot/index.ts'),
  'viaduct/report': () => import('../../src/report/index.ts'),
  'viaduct/tensorflow': () => import('../../src/tensorflow/index.ts'),
};

/** Fenced `ts` blocks; `ts no-run` blocks write files and are left to the type checker. */
function blocks(text: string, name: string): Example[] {
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((match, i) => ({ name: `${name} #${i + 1}`, code: match[1]! }));
}

function files(folder: string, ending: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((path) => !/node_modules|docs\/api|\.vitepress|assembly|generated/.test(path));
}

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const examples: Example[] = [
  ...['README.md', ...files('docs', '.md')].flatMap((path) => blocks(read(path), path)),
  ...files('src', '.ts').flatMap((path) => blocks(read(path).replace(/^ \* ?/gm, ''), path)),
  ...files('examples', '.ts').map((path) => ({ name: path, code: read(path) })),
];

/** Runs an example; what it prints is compared with the `// → value` comments behind the lines that print. */
async function run({ code, name }: Example): Promise<void> {
  const expected = [...code.matchAll(/\/\/ → (.*)$/gm)].map((match) => match[1]!.replace(/ \(.*\)$/, '').trim());
  const printed: string[] = [];
  const console = {
    log: (...values: unknown[]) => printed.push(values.map((value) => (typeof value === 'string' ? value : inspect(value))).join(' ')),
  };
  // Top-level await and imports become an async function over the modules.
  const imports: string[] = [];
  const body = code.replace(/^import (?:type )?\{([\s\S]*?)\} from '([^']+)';$/gm, (_, names: string, module: string) => {
    imports.push(module);
    return `const {${names.replace(/\btype \w+,?/g, '').replace(/ as /g, ': ')}} = modules['${module}'];`;
  });
  const { code: script } = transformSync(`(async () => {\n${body}\n})`, { loader: 'ts', target: 'es2022' });
  const modules = Object.fromEntries(
    await Promise.all(
      imports.map(async (module) => {
        const load = MODULES[module];
        if (load === undefined) throw new Error(`${name} imports '${module}', which is no entry of this package`);
        return [module, await load()] as const;
      }),
    ),
  );
  await new Function('modules', 'console', `return ${script.replace(/;\s*$/, '')}`)(modules, console)();
  if (expected.length > 0) expect(printed.slice(0, expected.length)).toEqual(expected);
}

describe('examples', () => {
  it('are there', () => {
    expect(examples.length).toBeGreaterThan(40);
  });
  it.each(examples.map((example) => [example.name, example] as const))('%s', async (_, example) => run(example));
});
