import type { GridKernels } from './grid-kernels.ts';
import { typescriptGridKernels } from './grid-typescript.ts';

/** Opens kernels for grids with room for arrays of `bytes` together. */
export function openGridKernels(_options: { readonly bytes: number; readonly kind: 'auto' | 'wasm' | 'typescript' }): GridKernels {
  return typescriptGridKernels();
}
