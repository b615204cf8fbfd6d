import { DomainError } from '../errors.ts';
import type { TransportEngine, TransportEngineOptions } from './transport-engine.ts';
import { typescriptTransportEngine } from './transport-typescript.ts';

/**
 * Opens an engine with room for arrays of `bytes` together.
 *
 * @throws DomainError on a size or a number of threads that is none
 */
export function openTransportEngine(options: TransportEngineOptions): TransportEngine {
  const { bytes, threads = 1 } = options;
  if (!(bytes >= 0 && Number.isFinite(bytes))) {
    throw new DomainError(`transport engine: bytes must be a number ≥ 0, got ${bytes}; add up the arrays`);
  }
  if (!(Number.isInteger(threads) && threads >= 1)) {
    throw new DomainError(`transport engine: threads must be a whole number ≥ 1, got ${threads}; round it`);
  }
  return typescriptTransportEngine(bytes);
}
