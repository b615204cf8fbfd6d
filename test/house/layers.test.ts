import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));

/** Rooms of one floor on one line, the ground floor last. `index.ts` stands above all but the command line. */
const FLOORS: readonly (readonly string[])[] = [
  ['cli'],
  ['index.ts'],
  ['reproduce'],
  ['report'],
  ['plot'],
  ['diagnostics'],
  ['discrete', 'gaussian', 'diffusion'],
  ['couplings'],
  ['tensorflow'],
  ['closed-forms', 'drifts'],
  ['marginals', 'references', 'costs'],
  ['io'],
  ['numerics'],
  ['kernels'],
  ['errors.ts'],
];

interface Import {
  readonly from: string;
  readonly to: string;
}

const room = (path: string): string => path.split('/')[0]!;
const floor = (path: string): number => FLOORS.findIndex((rooms) => rooms.includes(room(path)));

/** Arrows that go up, or into another room of the same floor. */
function violations(imports: readonly Import[]): string[] {
  return imports.filter(({ from, to }) => room(from) !== room(to) && floor(to) <= floor(from)).map(({ from, to }) => `${from} → ${to}`);
}

function sources(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(SRC, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith('kernels/assembly/') && !path.includes('/generated/'));
}

/** Every module that a file names: imports, type imports, re-exports and dynamic imports. */
function named(path: string): string[] {
  const file = ts.createSourceFile(path, readFileSync(join(SRC, path), 'utf8'), ts.ScriptTarget.Latest, true);
  const out: string[] = [];
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
      out.push((node.moduleSpecifier as ts.StringLiteral).text);
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword && ts.isStringLiteral(node.arguments[0]!)) {
      out.push(node.arguments[0].text);
    }
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) out.push((node.argument.literal as ts.StringLiteral).text);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return out;
}

const files = sources(SRC);
const inner = (path: string): Import[] =>
  named(path)
    .filter((name) => name.startsWith('.'))
    .map((name) => ({ from: path, to: relative(SRC, resolve(SRC, dirname(path), name)) }));

describe('the house', () => {
  it('has every file on a floor', () => {
    expect(files.filter((path) => floor(path) < 0)).toEqual([]);
  });

  it('lets arrows run downward only, and no wing into another', () => {
    expect(violations(files.flatMap(inner))).toEqual([]);
  });

  it('tells a wrong arrow from a right one', () => {
    const wrong = [
      { from: 'numerics/points.ts', to: 'discrete/sinkhorn.ts' },
      { from: 'gaussian/a.ts', to: 'diffusion/b.ts' },
      { from: 'costs/a.ts', to: 'marginals/b.ts' },
    ];
    expect(violations(wrong)).toHaveLength(3);
    expect(violations([{ from: 'cli/a.ts', to: 'numerics/b.ts' }])).toEqual([]);
  });

  it('keeps Node out of everything that runs in browsers', () => {
    const allowed = (path: string): boolean =>
      ['cli', 'report'].includes(room(path)) || ['io/files.ts', 'kernels/threads-node.ts', 'discrete/batch-threads-node.ts'].includes(path);
    expect(files.filter((path) => !allowed(path) && named(path).some((name) => name.startsWith('node:')))).toEqual([]);
    // What the root reaches must not reach a file of Node through another.
    const reached = new Set<string>();
    const walk = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      for (const { to } of inner(path)) if (files.includes(to)) walk(to);
    };
    walk('index.ts');
    expect([...reached].filter((path) => named(path).some((name) => name.startsWith('node:')))).toEqual([]);
    expect([...reached].filter((path) => ['cli', 'report', 'plot', 'io', 'tensorflow'].includes(room(path)))).toEqual([]);
  });

  it('has one concept a file: at most 300 lines', () => {
    const long = files.filter((path) => readFileSync(join(SRC, path), 'utf8').split('\n').length > 301);
    expect(long).toEqual([]);
  });

  it('prints nowhere but in the command line', () => {
    const printing = files.filter(
      (path) => room(path) !== 'cli' && /\bconsole\./.test(withoutComments(readFileSync(join(SRC, path), 'utf8'))),
    );
    expect(printing).toEqual([]);
  });

  it('has index files that only re-export', () => {
    const indices = files.filter((path) => path.endsWith('index.ts'));
    expect(indices.length).toBeGreaterThan(8);
    for (const path of indices) {
      const file = ts.createSourceFile(path, readFileSync(join(SRC, path), 'utf8'), ts.ScriptTarget.Latest, true);
      expect(file.statements.filter((statement) => !ts.isExportDeclaration(statement)).map((s) => s.getText())).toEqual([]);
    }
  });
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
}
