import { BackendUnavailableError } from '../errors.ts';
import type { GaussEngine } from './gauss-engine.ts';
import { typescriptGaussEngine } from './gauss-typescript.ts';
import { wasmGaussEngine } from './gauss-wasm-engine.ts';
import { threadCount } from './thread-count.ts';
import { compileGauss } from './wasm-module.ts';

/**
 * Opens an engine of the fast Gauss transform; `threads`: what the machine has, at most 8, unless told.
 *
 * @throws BackendUnavailableError when `'wasm'` is asked for and SIMD is missing
 */
export function openGaussEngine(kind: 'auto' | 'wasm' | 'typescript', threads?: number): GaussEngine {
  if (kind === 'typescript') return typescriptGaussEngine();
  try {
    compileGauss(false);
    return wasmGaussEngine(threadCount(threads));
  } catch (error) {
    if (kind === 'auto' && error instanceof BackendUnavailableError) return typescriptGaussEngine();
    throw error;
  }
}
