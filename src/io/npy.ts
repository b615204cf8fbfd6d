import { FormatError } from '../errors.ts';

/** An array read from a `.npy` file: values in C order, whatever the file's order was. */
export interface NpyArray {
  readonly data: Float64Array;
  readonly shape: readonly number[];
}

/** Readers of one element, little-endian flag last. 64-bit integers are read as doubles and refused when they do not fit. */
const READERS: Readonly<Record<string, (view: DataView, at: number, little: boolean) => number>> = {
  f4: (view, at, little) => view.getFloat32(at, little),
  f8: (view, at, little) => view.getFloat64(at, little),
  i1: (view, at) => view.getInt8(at),
  i2: (view, at, little) => view.getInt16(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  i8: (view, at, little) => exact(view.getBigInt64(at, little)),
  u1: (view, at) => view.getUint8(at),
  u2: (view, at, little) => view.getUint16(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  u8: (view, at, little) => exact(view.getBigUint64(at, little)),
  b1: (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
};

/**
 * Reads a NumPy `.npy` file of format 1.0 to 3.0: real numbers of any width and byte order, C or Fortran order.
 *
 * @throws FormatError when the bytes are no such file, are cut off, or hold another type
 * @example
 * ```ts
 * import { formatNpy, parseNpy } from 'viaduct/io';
 * console.log(parseNpy(formatNpy({ data: Float64Array.of(1, 2, 3, 4), shape: [2, 2] })).data[3]); // → 4
 * ```
 */
export function parseNpy(bytes: Uint8Array): NpyArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || bytes[0] !== 0x93 || latin(bytes.subarray(1, 6)) !== 'NUMPY') {
    throw new FormatError('parseNpy: not a .npy file (the magic bytes are missing); write it with numpy.save');
  }
  const version = bytes[6]!;
  if (version < 1 || version > 3)
    throw new FormatError(`parseNpy: version ${version}.${bytes[7]} is not known; save with version 1.0 to 3.0`);
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (start + length > bytes.length) throw new FormatError('parseNpy: the header is cut off; copy the whole file');
  const header = latin(bytes.subarray(start, start + length));
  const { order, code, fortran, shape } = parseHeader(header);
  const read = READERS[code];
  if (read === undefined) throw new FormatError(`parseNpy: elements of type '${code}' are not real numbers; save as float64`);
  const size = Number(code.slice(1));
  const count = shape.reduce((product, n) => product * n, 1);
  if (bytes.length < start + length + count * size) {
    throw new FormatError(
      `parseNpy: ${count} elements need ${count * size} bytes, ${bytes.length - start - length} are there; copy the whole file`,
    );
  }
  const raw = Float64Array.from({ length: count }, (_, i) => read(view, start + length + i * size, order !== '>'));
  return { data: fortran ? toRowMajor(raw, shape) : raw, shape };
}

/**
 * Writes a `.npy` file of little-endian doubles in C order, format 1.0.
 *
 * @throws FormatError when data and shape do not fit
 * @example
 * ```ts
 * import { formatNpy } from 'viaduct/io';
 * console.log(formatNpy({ data: Float64Array.of(1, 2), shape: [2] }).length); // → 144
 * ```
 */
export function formatNpy({ data, shape }: { readonly data: ArrayLike<number>; readonly shape: readonly number[] }): Uint8Array {
  const count = shape.reduce((product, n) => product * n, 1);
  if (count !== data.length) throw new FormatError(`formatNpy: ${data.length} values for shape (${shape.join(', ')}); make them fit`);
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '<f8', 'fortran_order': False, 'shape': ${tuple}, }`;
  // Header and preamble fill a multiple of 64 bytes, the last of them a line feed.
  const padded = `${text}${' '.repeat(63 - ((10 + text.length) % 64))}\n`;
  const out = new Uint8Array(10 + padded.length + 8 * count);
  out.set([0x93, 78, 85, 77, 80, 89, 1, 0, padded.length & 255, padded.length >> 8]);
  for (let i = 0; i < padded.length; i++) out[10 + i] = padded.charCodeAt(i);
  const view = new DataView(out.buffer);
  for (let i = 0; i < count; i++) view.setFloat64(10 + padded.length + 8 * i, data[i]!, true);
  return out;
}

function parseHeader(header: string): { order: string; code: string; fortran: boolean; shape: number[] } {
  const descr = /'descr'\s*:\s*'([<>|=])([a-z]\d+)'/.exec(header);
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(header);
  const shape = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(header);
  if (descr === null || fortran === null || shape === null) {
    throw new FormatError(
      `parseNpy: header ${JSON.stringify(header.trim().slice(0, 120))} is not understood; save plain arrays of real numbers`,
    );
  }
  const sizes = shape[1]!
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  return { order: descr[1]!, code: descr[2]!, fortran: fortran[1] === 'True', shape: sizes.map(Number) };
}

/** Fortran order runs through the first index fastest. */
function toRowMajor(raw: Float64Array, shape: readonly number[]): Float64Array {
  return Float64Array.from(raw, (_, target) => {
    let [rest, source, stride] = [target, 0, raw.length];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      stride /= shape[axis]!;
      source += (rest % shape[axis]!) * stride;
      rest = Math.floor(rest / shape[axis]!);
    }
    return raw[source]!;
  });
}

function exact(value: bigint): number {
  if (BigInt(Number(value)) !== value) throw new FormatError(`parseNpy: the integer ${value} does not fit a double; save as float64`);
  return Number(value);
}

function latin(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}
