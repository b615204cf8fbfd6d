import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

it('every paper that a doc comment names is in the bibliography', () => {
  const known = new Set(
    [...readFileSync(join(ROOT, 'docs/references.md'), 'utf8').matchAll(/^- \*\*\[(\w+)\]\*\*/gm)].map((match) => match[1]!),
  );
  expect(known.size).toBeGreaterThan(15);
  const missing: string[] = [];
  for (const entry of readdirSync(join(ROOT, 'src'), { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
    for (const line of text.matchAll(/@see ((?:\[\w+\] ?)+)/g)) {
      for (const [, key] of line[1]!.matchAll(/\[(\w+)\]/g)) if (!known.has(key!)) missing.push(`${entry.name}: [${key}]`);
    }
  }
  expect(missing).toEqual([]);
});
