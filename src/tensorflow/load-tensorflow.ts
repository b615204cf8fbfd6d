import type { TensorFlow, TensorFlowOperations } from '../drifts/tensorflow-types.ts';
import { BackendUnavailableError, DomainError } from '../errors.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';

/** What computes: the native library, WebAssembly, or plain JavaScript; the name TensorFlow.js gives its backend. */
export type TensorFlowBackend = 'tensorflow' | 'wasm' | 'cpu';

/** Options of {@link loadTensorFlow}. */
export interface LoadTensorFlowOptions {
  /** The backend to try first; the others follow in their order. @defaultValue `'tensorflow'`, then `'wasm'`, then `'cpu'` */
  readonly prefer?: TensorFlowBackend;
}

/** A backend that could not be had. */
export interface TensorFlowRefusal {
  /** The package that was tried. */
  readonly name: string;
  /** What it said. */
  readonly reason: string;
}

/** A TensorFlow.js that works. */
export interface LoadedTensorFlow<T extends TensorFlow = TensorFlow> {
  /** The namespace, for `driftModels.tensorflow({ tf })`. */
  readonly tf: T;
  readonly backend: TensorFlowBackend;
  /** What was tried before, and why it is not used. */
  readonly refusals: readonly TensorFlowRefusal[];
}

/** What is asked of a namespace beyond what drift models use. */
interface Namespace extends TensorFlowOperations {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
}

/** Backends in the order of their speed at the sizes of this field, and the packages that hold them. */
const PACKAGES: Readonly<Record<TensorFlowBackend, readonly string[]>> = {
  tensorflow: ['@tensorflow/tfjs-node'],
  wasm: ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'],
  cpu: ['@tensorflow/tfjs'],
};

/**
 * Loads the fastest TensorFlow.js that is installed: `@tensorflow/tfjs-node`, else `@tensorflow/tfjs` with
 * `@tensorflow/tfjs-backend-wasm`, else `@tensorflow/tfjs` alone, and makes its backend the current one. All are optional: install what
 * you want. A backend counts as working when it has multiplied two matrices.
 *
 * The native library is told to use one thread, which is faster at the sizes of drift networks, and to be quiet, unless the environment
 * variables `TF_NUM_INTRAOP_THREADS`, `TF_NUM_INTEROP_THREADS`, `TF_CPP_MIN_LOG_LEVEL` say otherwise. Packages are found by the runtime; in a
 * bundle, import TensorFlow.js yourself and pass it to `driftModels.tensorflow`.
 *
 * @typeParam T the namespace as you have it: `loadTensorFlow<typeof import('@tensorflow/tfjs')>()`
 * @throws BackendUnavailableError when none works, with all that was tried; DomainError on an unknown option
 * @example
 * ```ts
 * import { loadTensorFlow } from 'viaduct/tensorflow';
 * const { tf, backend, refusals } = await loadTensorFlow({ prefer: 'cpu' });
 * console.log(backend, tf.getBackend(), refusals); // → cpu cpu []
 * ```
 */
export async function loadTensorFlow<T extends TensorFlow = TensorFlow>(options: LoadTensorFlowOptions = {}): Promise<LoadedTensorFlow<T>> {
  requireKnownOptions('loadTensorFlow', options, ['prefer']);
  const { prefer = 'tensorflow' } = options;
  if (!Object.hasOwn(PACKAGES, prefer)) {
    throw new DomainError(`loadTensorFlow: unknown backend '${String(prefer)}'; prefer 'tensorflow', 'wasm' or 'cpu'`);
  }
  const order = [prefer, ...(Object.keys(PACKAGES) as TensorFlowBackend[]).filter((name) => name !== prefer)];
  const refusals: TensorFlowRefusal[] = [];
  const causes: unknown[] = [];
  for (const backend of order) {
    try {
      return Object.freeze({ tf: (await open(backend)) as unknown as T, backend, refusals: Object.freeze(refusals) });
    } catch (error) {
      causes.push(error);
      refusals.push(Object.freeze({ name: PACKAGES[backend].at(-1)!, reason: firstLine(error) }));
    }
  }
  const tried = refusals.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
  throw new BackendUnavailableError(
    `loadTensorFlow: no TensorFlow.js works here (${tried}); npm install @tensorflow/tfjs @tensorflow/tfjs-backend-wasm`,
    { cause: new AggregateError(causes) },
  );
}

/** Loads the packages of a backend, makes it the current one and tries it. */
async function open(backend: TensorFlowBackend): Promise<Namespace> {
  if (backend === 'tensorflow') prepareNode();
  const [tf] = await Promise.all(PACKAGES[backend].map(load));
  if (!(await tf!.setBackend(backend))) throw new Error(`the backend '${backend}' did not start`);
  await tf!.ready();
  const [value] = tf!.tidy(() =>
    tf!.matMul(tf!.tensor(Float32Array.of(1, 2), [1, 2]), tf!.tensor(Float32Array.of(3, 4), [2, 1])).dataSync(),
  ) as [number];
  if (value !== 11) throw new Error(`1·3 + 2·4 is ${value} on the backend '${backend}'`);
  return tf!;
}

async function load(name: string): Promise<Namespace> {
  // The name is a variable so that no bundler and no compiler looks for a package that need not be there.
  const module = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as { readonly default?: Namespace };
  return module.default ?? (module as Namespace);
}

/** The parts of Node that are needed; not imported, so that this file loads in browsers. */
interface NodeProcess {
  readonly env: { [name: string]: string | undefined };
  getBuiltinModule?(name: string): unknown;
}

/** What `@tensorflow/tfjs-node` needs before it is loaded: its settings, and two functions of Node's `util` that Node 23 dropped. */
function prepareNode(): void {
  const { process } = globalThis as { readonly process?: NodeProcess };
  if (process?.env === undefined) throw new Error('the native library needs Node');
  process.env['TF_NUM_INTRAOP_THREADS'] ??= '1';
  process.env['TF_NUM_INTEROP_THREADS'] ??= '1';
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  const util = process.getBuiltinModule?.('node:util') as { isArray?: unknown; isNullOrUndefined?: unknown } | undefined;
  if (util === undefined) return;
  util.isArray ??= Array.isArray;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n')[0]!.trim();
}
