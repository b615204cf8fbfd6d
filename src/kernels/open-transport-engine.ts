import { threads as runtime } from '#threads';
import { BackendUnavailableError, DomainError } from '../errors.ts';
import type { TransportEngine, TransportEngineOptions } from './transport-engine.ts';
import { giveMachineBack, takeMachine } from './transport-machines.ts';
import { typescriptTransportEngine } from './transport-typescript.ts';
import { memoryBytes, wasmTransportEngine } from './transport-wasm.ts';

/** As many as a pass has blocks. */
const MOST_THREADS = 8;
/** As many as are taken unasked: passes are bound by memory before long. */
const DEFAULT_THREADS = 8;

/**
 * Opens an engine with room for arrays of `bytes` together.
 *
 * @throws DomainError on a size or a number of threads that is none; RangeError when the memory cannot be had;
 * BackendUnavailableError when `'wasm'` is asked for and SIMD is missing
 */
export function openTransportEngine(options: TransportEngineOptions): TransportEngine {
  const { bytes, threads = Math.min(runtime.available(), DEFAULT_THREADS), kind = 'auto' } = options;
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
  const most = Math.min(threads, MOST_THREADS);
  try {
    const { machine, pristine } = takeMachine(memoryBytes(bytes, most), most);
    return wasmTransportEngine(machine, bytes, pristine, (used) => giveMachineBack(machine, used));
  } catch (error) {
    if (kind === 'auto' && error instanceof BackendUnavailableError) return typescriptTransportEngine(bytes, threads);
    throw error;
  }
}
