import { BackendUnavailableError } from '../errors.ts';
import type { GridKernels } from './grid-kernels.ts';
import { typescriptGridKernels } from './grid-typescript.ts';
import { wasmGridKernels } from './grid-wasm.ts';
import { threadCount } from './thread-count.ts';
import { compileGrid } from './wasm-module.ts';

/**
 * Opens kernels for grids.
 *
 * @param options `bytes`: what their arrays need together; `longest`: nodes along the longest axis; `kind`: `'auto'` takes WebAssembly SIMD
 *   where the runtime has it; `threads`: most of them, what the machine has, at most 8, unless told
 * @throws BackendUnavailableError when `'wasm'` is asked for and SIMD is missing
 */
export function openGridKernels(options: {
  readonly bytes: number;
  readonly longest: number;
  readonly kind: 'auto' | 'wasm' | 'typescript';
  readonly threads?: number;
}): GridKernels {
  if (options.kind === 'typescript') return typescriptGridKernels();
  try {
    compileGrid(false);
    return wasmGridKernels(options.bytes, options.longest, threadCount(options.threads));
  } catch (error) {
    if (options.kind === 'auto' && error instanceof BackendUnavailableError) return typescriptGridKernels();
    throw error;
  }
}
