import { readFileSync } from 'node:fs';

/** Versions that a report names. */
export function versions(): Record<string, string> {
  return { viaduct: packageVersion(), node: process.versions.node };
}

/** The version in the package's own manifest. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return String((manifest as { version: string }).version);
}
