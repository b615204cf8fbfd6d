import { FormatError } from '../errors.ts';
import { sha256 } from './sha256.ts';

/** Plain data, and named runs of bytes. */
export interface Archive {
  readonly manifest: { readonly [key: string]: unknown };
  readonly parts: ReadonlyMap<string, Uint8Array>;
}

const MAGIC = 'VIADUCT\n';
const HEAD = MAGIC.length + 4;
const SEAL = 64;

/** One binary: the magic word, the length of the manifest (uint32, little endian), the manifest as JSON, the parts, a SHA-256 of it all. */
export function packArchive({ manifest, parts }: Archive): Uint8Array {
  const sizes = [...parts].map(([name, bytes]) => [name, bytes.length]);
  const json = new TextEncoder().encode(JSON.stringify({ ...manifest, parts: sizes }));
  const size = [...parts.values()].reduce((sum, part) => sum + part.length, HEAD + json.length + SEAL);
  const out = new Uint8Array(size);
  out.set(new TextEncoder().encode(MAGIC));
  new DataView(out.buffer).setUint32(MAGIC.length, json.length, true);
  out.set(json, HEAD);
  let at = HEAD + json.length;
  for (const part of parts.values()) {
    out.set(part, at);
    at += part.length;
  }
  out.set(new TextEncoder().encode(sha256(out.subarray(0, at))), at);
  return out;
}

/** Reads what {@link packArchive} wrote. @throws FormatError that starts with `path` when the bytes are no archive, cut short or changed */
export function unpackArchive(path: string, bytes: Uint8Array): Archive {
  const refuse = (what: string): never => {
    throw new FormatError(`${path}: ${what}; pass the bytes of toBytes() or of a checkpoint, unchanged`);
  };
  const text = (from: number, to: number): string => new TextDecoder().decode(bytes.subarray(from, to));
  if (!(bytes instanceof Uint8Array) || bytes.length < HEAD + SEAL || text(0, MAGIC.length) !== MAGIC) refuse('not the bytes of a run');
  const seal = bytes.length - SEAL;
  if (sha256(bytes.subarray(0, seal)) !== text(seal, bytes.length)) refuse('the bytes are cut short or were changed');
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
  const { parts: sizes, ...manifest } = JSON.parse(text(HEAD, HEAD + length)) as { parts: [string, number][]; [key: string]: unknown };
  const parts = new Map<string, Uint8Array>();
  let at = HEAD + length;
  for (const [name, size] of sizes) {
    parts.set(name, bytes.slice(at, at + size));
    at += size;
  }
  return { manifest, parts };
}
