import { BackendUnavailableError } from '../errors.ts';
import { mlpWasm } from './generated/mlp-wasm.ts';

/** The smallest module with a SIMD instruction: i32.const 0, i8x16.splat, drop. */
const SIMD_PROBE = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 9, 1, 7, 0, 65, 0, 253, 15, 26, 11);

let compiled: WebAssembly.Module | undefined;

/**
 * The compiled kernels; compiled once, when first needed.
 *
 * @throws BackendUnavailableError where WebAssembly or its SIMD is missing or forbidden
 */
export function compileWasm(): WebAssembly.Module {
  if (compiled !== undefined) return compiled;
  if (typeof WebAssembly === 'undefined' || !WebAssembly.validate(SIMD_PROBE)) {
    throw new BackendUnavailableError("mlp: this runtime has no WebAssembly SIMD; use kind 'auto' or 'typescript'");
  }
  try {
    compiled = new WebAssembly.Module(decodeBase64(mlpWasm));
  } catch (cause) {
    const message = "mlp: this runtime forbids WebAssembly; allow 'wasm-unsafe-eval' in its content policy, or use kind 'typescript'";
    throw new BackendUnavailableError(message, { cause });
  }
  return compiled;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Bytes of base64 text, without help of the host: `atob` is not everywhere. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const length = text.replace(/=+$/, '').length;
  const out = new Uint8Array(Math.floor((length * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < length; i++) {
    held = (held << 6) | ALPHABET.indexOf(text[i]!);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out[at++] = (held >> bits) & 255;
  }
  return out;
}
