// What a timing is worth nothing without.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly platform: string;
}

export function machine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
  };
}

/** Versions of what runs here, and the commit when there is one. */
export function versions(): Record<string, string> {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const known = { viaduct: manifest.version, node: process.versions.node };
  try {
    const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return { ...known, commit: commit.trim() };
  } catch {
    return known;
  }
}

/** The day as YYYY-MM-DD. */
export function today(): string {
  return new Date().toISOString().slice(0, 10);
}
