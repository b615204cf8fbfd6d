import { BackendUnavailableError } from '../errors.ts';
import { gaussWasm } from './generated/gauss-wasm.ts';
import { gridWasm } from './generated/grid-wasm.ts';
import { mlpWasm } from './generated/mlp-wasm.ts';
import { transportWasm } from './generated/transport-wasm.ts';

/** The smallest module with a SIMD instruction: i32.const 0, i8x16.splat, drop. */
const SIMD_PROBE = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 9, 1, 7, 0, 65, 0, 253, 15, 26, 11);

let grid: WebAssembly.Module | undefined;
let gridShared: WebAssembly.Module | undefined;
let mlp: WebAssembly.Module | undefined;
let mlpShared: WebAssembly.Module | undefined;
let transport: WebAssembly.Module | undefined;
let transportShared: WebAssembly.Module | undefined;
let gauss: WebAssembly.Module | undefined;
let gaussShared: WebAssembly.Module | undefined;

/**
 * The compiled kernels of entropic transport, for a memory of one thread or a shared one; compiled once, when first needed.
 *
 * @throws BackendUnavailableError where WebAssembly or its SIMD is missing or forbidden
 */
export function compileTransport(shared: boolean): WebAssembly.Module {
  if (!shared) return (transport ??= compile('transport engine', () => decodeBase64(transportWasm)));
  return (transportShared ??= compile('transport engine', () => importShared(decodeBase64(transportWasm))));
}

/** Takes kernels of entropic transport that another thread has compiled. */
export function useTransport(module: WebAssembly.Module): void {
  transport = module;
}

/**
 * The compiled kernels of networks, likewise.
 *
 * @throws BackendUnavailableError where WebAssembly or its SIMD is missing or forbidden
 */
export function compileMlp(shared: boolean): WebAssembly.Module {
  if (!shared) return (mlp ??= compile('mlp', () => decodeBase64(mlpWasm)));
  return (mlpShared ??= compile('mlp', () => importShared(decodeBase64(mlpWasm))));
}

/**
 * The compiled kernels of separable products on grids, likewise.
 *
 * @throws BackendUnavailableError where WebAssembly or its SIMD is missing or forbidden
 */
export function compileGrid(shared: boolean): WebAssembly.Module {
  if (!shared) return (grid ??= compile('grid kernels', () => decodeBase64(gridWasm)));
  return (gridShared ??= compile('grid kernels', () => importShared(decodeBase64(gridWasm))));
}

/**
 * The compiled kernels of the fast Gauss transform, likewise.
 *
 * @throws BackendUnavailableError where WebAssembly or its SIMD is missing or forbidden
 */
export function compileGauss(shared: boolean): WebAssembly.Module {
  if (!shared) return (gauss ??= compile('gauss engine', () => decodeBase64(gaussWasm)));
  return (gaussShared ??= compile('gauss engine', () => importShared(decodeBase64(gaussWasm))));
}

function compile(name: string, bytes: () => Uint8Array<ArrayBuffer>): WebAssembly.Module {
  if (typeof WebAssembly === 'undefined' || !WebAssembly.validate(SIMD_PROBE)) {
    throw new BackendUnavailableError(`${name}: this runtime has no WebAssembly SIMD; use kind 'auto' or 'typescript'`);
  }
  try {
    return new WebAssembly.Module(bytes());
  } catch (cause) {
    const message = `${name}: this runtime forbids WebAssembly; allow 'wasm-unsafe-eval' in its content policy, or use kind 'typescript'`;
    throw new BackendUnavailableError(message, { cause });
  }
}

/** How a module imports its memory: "memory", the kind of import 2, the flag 1 for a memory with a maximum. */
const IMPORTED_MEMORY = [6, 109, 101, 109, 111, 114, 121, 2, 1] as const;

/** The same module importing a shared memory: kernels without atomic instructions do not care, so only the flag changes. */
function importShared(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const at = bytes.findIndex((_, start) => IMPORTED_MEMORY.every((byte, k) => bytes[start + k] === byte));
  if (at < 0) throw new RangeError('kernels: a module imports no memory with a maximum; build the kernels again');
  bytes[at + IMPORTED_MEMORY.length - 1] = 3;
  return bytes;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Bytes of base64 text, without help of the host: `atob` is not everywhere. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const length = text.replace(/=+$/, '').length;
  const out = new Uint8Array(Math.floor((length * 3) / 4));
  const values = new Uint8Array(128);
  for (let k = 0; k < 64; k++) values[ALPHABET.charCodeAt(k)] = k;
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < length; i++) {
    held = (held << 6) | values[text.charCodeAt(i)]!;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out[at++] = (held >> bits) & 255;
  }
  return out;
}
