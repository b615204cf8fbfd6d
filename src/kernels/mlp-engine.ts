import { BackendUnavailableError, DomainError } from '../errors.ts';
import type { AdamOptions } from './adam.ts';
import type { MlpArchitecture } from './mlp-architecture.ts';
import { typescriptEngine } from './mlp-typescript.ts';
import { wasmEngine, wasmEngineBytes } from './mlp-wasm-engine.ts';

export type { AdamOptions } from './adam.ts';

/** Everything an engine needs to go on with the same bits. */
export interface MlpState {
  readonly parameters: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  readonly step: number;
  /** The running average without its bias correction, when there is one. */
  readonly average?: Float32Array;
  readonly averageStep: number;
}

/** What an evaluation may do without repeating or copying. */
export interface ForwardOptions {
  /** The first inputs, when all rows have them in common; the rows then hold the others only. The same bits as with full rows. */
  readonly shared?: Float32Array;
  /** Parameters to use in place of the engine's own; recognised by identity, so they must not change. */
  readonly parameters?: Float32Array;
}

/**
 * A multilayer perceptron in single precision with its optimiser. Parameters are listed layer by layer: the weights, inputs × outputs
 * row-major, then the biases.
 */
export interface MlpEngine {
  readonly kind: 'wasm' | 'typescript';
  readonly architecture: MlpArchitecture;
  readonly parameterCount: number;
  readonly maxBatch: number;
  /** Most threads that have taken part in a pass, the caller included. */
  threads(): number;
  parameters(): Float32Array;
  setParameters(values: Float32Array): void;
  /** out = net(inputs): `count × inputs` to `count × outputs`, any count. */
  forward(inputs: Float32Array, count: number, out: Float32Array, options?: ForwardOptions): void;
  /** One Adam step on the mean of w_i |net(x_i) − y_i|²; returns that loss before the step. count ≤ maxBatch. */
  trainStep(inputs: Float32Array, targets: Float32Array, weights: Float32Array | undefined, count: number, options: AdamOptions): number;
  /** That loss and its gradient, without a step. */
  gradient(
    inputs: Float32Array,
    targets: Float32Array,
    weights: Float32Array | undefined,
    count: number,
  ): { readonly loss: number; readonly gradient: Float32Array };
  /** Forgets the moments of Adam and the running average; parameters stay. */
  resetOptimiser(): void;
  /** Exponential moving average of the parameters with bias correction; absent without decay or before the first step. */
  averaged(): Float32Array | undefined;
  state(): MlpState;
  restore(state: MlpState): void;
  /** Ends its threads; a later call starts them again. What nobody holds any more is released by itself. */
  release(): void;
}

/** How to make an engine. */
export interface MlpEngineOptions {
  /** Largest batch of a training step. @defaultValue 512 */
  readonly maxBatch?: number;
  /** `'auto'` takes WebAssembly SIMD where the runtime has it, else plain TypeScript. @defaultValue `'auto'` */
  readonly kind?: 'auto' | 'wasm' | 'typescript';
  /** Decay of the running average of parameters, 0 for none. @defaultValue 0 */
  readonly emaDecay?: number;
  /**
   * Threads of WebAssembly, the caller included; the same bits for any number. `'auto'`: those of the machine, when the net and the batch
   * are large enough to profit. One where there are no worker threads. @defaultValue `'auto'`
   */
  readonly threads?: number | 'auto';
}

/**
 * Makes an engine with all parameters zero.
 *
 * @throws DomainError on sizes or threads that are no whole numbers ≥ 1; BackendUnavailableError when `'wasm'` is asked for and SIMD is missing
 */
export function createMlpEngine(architecture: MlpArchitecture, options: MlpEngineOptions = {}): MlpEngine {
  const { maxBatch = 512, kind = 'auto', emaDecay = 0, threads = 'auto' } = options;
  for (const [name, size] of [
    ['inputs', architecture.inputs],
    ['outputs', architecture.outputs],
    ['maxBatch', maxBatch],
    ['threads', threads === 'auto' ? 1 : threads],
    ...architecture.hidden.map((size, i) => [`hidden[${i}]`, size] as const),
  ] as const) {
    if (!(Number.isInteger(size) && size >= 1)) throw new DomainError(`mlp: ${name} must be a whole number ≥ 1, got ${size}; round it`);
  }
  if (!['silu', 'leaky-relu', 'tanh'].includes(architecture.activation)) {
    throw new DomainError(`mlp: unknown activation '${architecture.activation}'; use 'silu', 'leaky-relu' or 'tanh'`);
  }
  if (!['auto', 'wasm', 'typescript'].includes(kind)) {
    throw new DomainError(`mlp: unknown kind '${kind}'; use 'auto', 'wasm' or 'typescript'`);
  }
  if (!(emaDecay >= 0 && emaDecay < 1)) throw new DomainError(`mlp: emaDecay must be in [0, 1), got ${emaDecay}; pass 0.999, say`);
  if (kind === 'typescript') return typescriptEngine(architecture, maxBatch, emaDecay);
  try {
    return wasmEngine(architecture, maxBatch, emaDecay, threads);
  } catch (error) {
    if (kind === 'auto' && error instanceof BackendUnavailableError) return typescriptEngine(architecture, maxBatch, emaDecay);
    throw error;
  }
}

/** Bytes that an engine on WebAssembly holds; the twin in TypeScript holds about as many. */
export function mlpEngineBytes(architecture: MlpArchitecture, options: Omit<MlpEngineOptions, 'kind'> = {}): number {
  const { maxBatch = 512, emaDecay = 0, threads = 'auto' } = options;
  return wasmEngineBytes(architecture, maxBatch, emaDecay, threads);
}
