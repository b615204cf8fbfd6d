import type * as tfjs from '@tensorflow/tfjs';
import { type LoadedTensorFlow, loadTensorFlow, type TensorFlowBackend } from '../../src/tensorflow/index.ts';

/** The whole namespace, as a user has it. */
export type Tfjs = typeof tfjs;

/** The backends that this machine has; each is made the current one by {@link use}. */
export interface Backend {
  readonly name: TensorFlowBackend;
  readonly tf: Tfjs;
  use(): Promise<void>;
}

/** Tries every backend by its own name. Absent ones get no test; which they are is said aloud. */
export async function presentBackends(): Promise<Backend[]> {
  const found: Backend[] = [];
  const lines: string[] = [];
  for (const name of ['tensorflow', 'wasm', 'cpu'] as const) {
    const loaded = await loadTensorFlow<Tfjs>({ prefer: name }).catch((error: Error): Error => error);
    const reason = whyNot(loaded, name);
    if (reason !== undefined) {
      lines.push(`NOT CROSS-CHECKED: TensorFlow.js '${name}': ${reason}`);
      continue;
    }
    const { tf } = loaded as LoadedTensorFlow<Tfjs>;
    found.push({ name, tf, use: async () => void (await tf.setBackend(name)) });
    lines.push(`cross-checked: TensorFlow.js '${name}' against the embedded engine`);
  }
  console.info(lines.join('\n'));
  return found;
}

function whyNot(loaded: LoadedTensorFlow<Tfjs> | Error, name: TensorFlowBackend): string | undefined {
  if (loaded instanceof Error) return loaded.message;
  return loaded.backend === name ? undefined : loaded.refusals.map((refusal) => `${refusal.name}: ${refusal.reason}`).join('; ');
}
