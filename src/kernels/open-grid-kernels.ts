import { BackendUnavailableError } from '../errors.ts';
import type { GridKernels } from './grid-kernels.ts';
import { typescriptGridKernels } from './grid-typescript.ts';
import { wasmGridKernels } from './grid-wasm.ts';

/**
 * Opens kernels for grids.
 *
 * @param options `bytes`: what their arrays need together; `longest`: nodes along the longest axis; `kind`: `'auto'` takes WebAssembly SIMD
 *   where the runtime has it
 * @throws BackendUnavailableError when `'wasm'` is asked for and SIMD is missing
 */
export function openGridKernels(options: {
  readonly bytes: number;
  readonly longest: number;
  readonly kind: 'auto' | 'wasm' | 'typescript';
}): GridKernels {
  if (options.kind === 'typescript') return typescriptGridKernels();
  try {
    return wasmGridKernels(options.bytes, options.longest);
  } catch (error) {
    if (options.kind === 'auto' && error instanceof BackendUnavailableError) return typescriptGridKernels();
    throw error;
  }
}
