import { BackendUnavailableError, DomainError } from '../errors.ts';
import type { TransportEngine, TransportEngineOptions } from './transport-engine.ts';
import { createMachine, type Machine } from './transport-machine.ts';
import { typescriptTransportEngine } from './transport-typescript.ts';
import { memoryBytes, wasmTransportEngine } from './transport-wasm.ts';

/**
 * Opens an engine with room for arrays of `bytes` together.
 *
 * @throws DomainError on a size or a number of threads that is none; RangeError when the memory cannot be had;
 * BackendUnavailableError when `'wasm'` is asked for and SIMD is missing
 */
export function openTransportEngine(options: TransportEngineOptions): TransportEngine {
  const { bytes, threads = 1, kind = 'auto' } = options;
  if (!(bytes >= 0 && Number.isFinite(bytes))) {
    throw new DomainError(`transport engine: bytes must be a number ≥ 0, got ${bytes}; add up the arrays`);
  }
  if (!(Number.isInteger(threads) && threads >= 1)) {
    throw new DomainError(`transport engine: threads must be a whole number ≥ 1, got ${threads}; round it`);
  }
  if (kind === 'typescript') return typescriptTransportEngine(bytes);
  let machine: Machine;
  try {
    machine = createMachine(memoryBytes(bytes, 1));
  } catch (error) {
    if (kind === 'auto' && error instanceof BackendUnavailableError) return typescriptTransportEngine(bytes);
    throw error;
  }
  return wasmTransportEngine(machine, bytes, 1, 0, () => {});
}
