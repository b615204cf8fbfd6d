import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';

/** How a program ended. */
export interface Ended {
  /** Null when it had to be killed. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where a source file of ours is, for the imports of a program. */
export function sourceFile(name: string): string {
  return JSON.stringify(new URL(`../../src/${name}`, import.meta.url).pathname);
}

/** Bundles a program and runs it in a process of its own, which must end by itself within 40 seconds. */
export function runInOwnProcess(contents: string, flags: readonly string[] = []): Ended {
  const folder = mkdtempSync(join(tmpdir(), 'viaduct-'));
  const file = join(folder, 'program.mjs');
  try {
    buildSync({
      stdin: { contents, resolveDir: folder },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: file,
      tsconfig: new URL('../../tsconfig.json', import.meta.url).pathname,
      logLevel: 'error',
    });
    const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, file], { timeout: 40_000, encoding: 'utf8' });
    return { status, stdout: stdout.trim(), stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
