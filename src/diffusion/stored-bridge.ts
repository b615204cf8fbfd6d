import { FormatError } from '../errors.ts';
import { type Archive, unpackArchive } from '../numerics/archive.ts';

/** The formats of stored bridges: the version that is written, and read, and what reads it. */
const FORMATS = {
  'diffusion-bridge': { version: 1, reader: 'restoreBridge' },
  'mixture-bridge': { version: 1, reader: 'restoreMixtureBridge' },
} as const;

/** How the manifest of a stored bridge names its kind. */
export type BridgeFormat = keyof typeof FORMATS;

/** What the manifest of a stored bridge begins with. */
export function formatOf(format: BridgeFormat): { readonly format: BridgeFormat; readonly version: number } {
  return { format, version: FORMATS[format].version };
}

/** An archive of one format and of the version that this library reads. */
export interface StoredBridge extends Archive {
  /** Refuses the bytes, which lack something. */
  missing(what: string): never;
  /** A part that has to be there. */
  part(name: string): Uint8Array;
}

/** Opens a stored bridge. @throws FormatError that starts with `path` when the bytes are damaged, of another format or of another version */
export function openStored(path: string, bytes: Uint8Array, format: BridgeFormat): StoredBridge {
  const { manifest, parts } = unpackArchive(path, bytes);
  const stored = manifest['format'];
  const { version } = FORMATS[format];
  if (stored !== format) {
    const other = Object.hasOwn(FORMATS, String(stored)) ? FORMATS[stored as BridgeFormat].reader : undefined;
    throw new FormatError(
      `${path}: these bytes are of a ${String(stored)}; ${other === undefined ? `pass those of a ${format}` : `use ${other}`}`,
    );
  }
  if (manifest['version'] !== version) {
    throw new FormatError(
      `${path}: the stored run has format version ${String(manifest['version'])}, this library reads ${version}; use the release that wrote it`,
    );
  }
  const missing = (what: string): never => {
    throw new FormatError(`${path}: the stored run has no ${what}; pass the bytes of toBytes() or of a checkpoint, unchanged`);
  };
  return { manifest, parts, missing, part: (name) => parts.get(name) ?? missing(name) };
}
