import { FormatError } from '../errors.ts';

/** The state of a trained model: plain data that tells whose it is, counters, and arrays in single precision. */
export interface ModelState {
  readonly identity: { readonly [key: string]: unknown };
  readonly counters: { readonly [name: string]: number };
  readonly arrays: { readonly [name: string]: Float32Array };
}

/** What is said of the numbers, in front of them: enough to tell another model, and to read the file without this library. */
interface Manifest {
  readonly format: 'viaduct drift model';
  readonly version: number;
  readonly identity: ModelState['identity'];
  readonly counters: ModelState['counters'];
  /** In the order in which they follow. */
  readonly arrays: readonly { readonly name: string; readonly length: number }[];
}

/** First bytes of every state. */
const MAGIC = Uint8Array.from('VIADRIFT', (letter) => letter.charCodeAt(0));
const VERSION = 1;
const HEAD = MAGIC.length + 4;

/**
 * One binary: `VIADRIFT`, the length of the manifest (4 bytes), the manifest as JSON padded by spaces to whole words, then the arrays as
 * 4-byte floats; all little-endian.
 */
export function packModelState({ identity, counters, arrays }: ModelState): Uint8Array {
  const entries = Object.entries(arrays);
  const list = entries.map(([name, { length }]) => ({ name, length }));
  const manifest: Manifest = { format: 'viaduct drift model', version: VERSION, identity, counters, arrays: list };
  const text = new TextEncoder().encode(JSON.stringify(manifest));
  const length = 4 * Math.ceil(text.length / 4);
  const out = new Uint8Array(HEAD + length + 4 * list.reduce((sum, entry) => sum + entry.length, 0)).fill(0x20);
  out.set(MAGIC);
  out.set(text, HEAD);
  const view = new DataView(out.buffer);
  view.setUint32(MAGIC.length, length, true);
  let at = HEAD + length;
  for (const [, values] of entries) {
    for (let i = 0; i < values.length; i++, at += 4) view.setFloat32(at, values[i]!, true);
  }
  return out;
}

/**
 * Reads what {@link packModelState} wrote for a model of the same identity.
 *
 * @param path public place of the model, for messages
 * @throws FormatError naming the first difference
 */
export function unpackModelState(path: string, identity: ModelState['identity'], bytes: Uint8Array): Omit<ModelState, 'identity'> {
  const refuse = (why: string, cause?: unknown): FormatError =>
    new FormatError(`${path}: these bytes are not the state of this model: ${why}; load what save() of the same model gave`, { cause });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEAD || MAGIC.some((byte, i) => bytes[i] !== byte)) throw refuse(`there is no manifest in these ${bytes.length}`);
  const start = HEAD + view.getUint32(MAGIC.length, true);
  if (start > bytes.length) throw refuse(`they end within the manifest, after ${bytes.length}`);
  let manifest: Manifest;
  try {
    manifest = JSON.parse(new TextDecoder().decode(bytes.subarray(HEAD, start))) as Manifest;
  } catch (cause) {
    throw refuse('the manifest is not JSON', cause);
  }
  if (manifest.version !== VERSION) throw refuse(`they are of version ${manifest.version}, this is version ${VERSION}`);
  const other = difference('', manifest.identity, identity);
  if (other !== undefined) throw refuse(other);
  const total = manifest.arrays.reduce((sum, { length }) => sum + length, 0);
  if (bytes.length !== start + 4 * total) throw refuse(`they are ${bytes.length}, the manifest announces ${start + 4 * total}`);
  let at = start;
  const arrays: Record<string, Float32Array> = {};
  for (const { name, length } of manifest.arrays) {
    const values = new Float32Array(length);
    for (let i = 0; i < length; i++, at += 4) values[i] = view.getFloat32(at, true);
    arrays[name] = values;
  }
  return { counters: manifest.counters, arrays };
}

/** The first place where two plain values differ, in words. */
function difference(name: string, got: unknown, own: unknown): string | undefined {
  if (JSON.stringify(got) === JSON.stringify(own)) return undefined;
  if (!isRecord(got) || !isRecord(own)) return `their ${name} is ${JSON.stringify(got)}, here it is ${JSON.stringify(own)}`;
  for (const key of new Set([...Object.keys(own), ...Object.keys(got)])) {
    const found = difference(name === '' ? key : `${name}.${key}`, got[key], own[key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
