import { BackendUnavailableError, DomainError } from '../errors.ts';
import { transportMachines } from './machine-pool.ts';
import { threadCount } from './thread-count.ts';
import type { TransportEngine, TransportEngineOptions } from './transport-engine.ts';
import { typescriptTransportEngine } from './transport-typescript.ts';
import { memoryBytes, wasmTransportEngine } from './transport-wasm.ts';

/**
 * Opens an engine with room for arrays of `bytes` together.
 *
 * @throws DomainError on a size or a number of threads that is none; RangeError when the memory cannot be had;
 * BackendUnavailableError when `'wasm'` is asked for and SIMD is missing
 */
export function openTransportEngine(options: TransportEngineOptions): TransportEngine {
  const { bytes, threads = threadCount(undefined), kind = 'auto' } = options;
  if (!(bytes >= 0 && Number.isFinite(bytes))) {
    throw new DomainError(`transport engine: bytes must be a number ≥ 0, got ${bytes}; add up the arrays`);
  }
  if (!(Number.isInteger(threads) && threads >= 1)) {
    throw new DomainError(`transport engine: threads must be a whole number ≥ 1, got ${threads}; round it`);
  }
  if (!['auto', 'wasm', 'typescript'].includes(kind)) {
    throw new DomainError(`transport engine: unknown kind '${kind}'; use 'auto', 'wasm' or 'typescript'`);
  }
  if (kind === 'typescript') return typescriptTransportEngine(bytes, threads);
  const most = threadCount(threads);
  try {
    const { machine, pristine } = transportMachines.take(memoryBytes(bytes, most), most);
    return wasmTransportEngine(machine, bytes, pristine, (used) => transportMachines.giveBack(machine, used));
  } catch (error) {
    if (kind === 'auto' && error instanceof BackendUnavailableError) return typescriptTransportEngine(bytes, threads);
    throw error;
  }
}
