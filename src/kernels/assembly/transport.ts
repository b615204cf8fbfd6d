/**
 * Kernels of entropic transport for WebAssembly SIMD128 in AssemblyScript. The caller owns the memory and passes byte addresses.
 *
 * Matrices are row-major; rows and columns are padded to multiples of 8 with weights of 0, so that whole vectors and whole groups of
 * rows are all there is. Passes over rows take a block of rows and leave sums of their own; the caller adds them in order.
 */
export { along, compareColumns, difference, guardStep, product, secantPair } from './transport-ascent';
export { distancesOnce } from './transport-costs';
export { listEntries } from './transport-entries';
export { fused32, fused64, fusedWide, multiply, multiplyTranspose } from './transport-kernel';
export { apply, applyTranspose, logFused, marginals, roundedSums } from './transport-plan';
export { fillPowers } from './transport-simd';
export { absorb, softMinColumns, softMinFinish, softMinRows } from './transport-soft-min';
export { axpy, dot, exp, lbfgsDirection, log, multiplied, narrowed, sumBlocks, zero } from './transport-vectors';
