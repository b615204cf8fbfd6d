import { afterEach, describe, expect, it, vi } from 'vitest';
import { BackendUnavailableError, DomainError } from '../../src/errors.ts';
import { type LoadTensorFlowOptions, loadTensorFlow } from '../../src/tensorflow/index.ts';

/** Lets a package be absent. */
function hide(...names: string[]): void {
  for (const name of names) {
    vi.doMock(name, () => {
      throw new Error(`Cannot find package '${name}'\nand so on`);
    });
  }
}

afterEach(() => {
  for (const name of ['@tensorflow/tfjs-node', '@tensorflow/tfjs-backend-wasm', '@tensorflow/tfjs']) vi.doUnmock(name);
});

describe('loadTensorFlow', () => {
  it('takes WebAssembly where the native package is missing, and says so', async () => {
    hide('@tensorflow/tfjs-node');
    const { tf, backend, refusals } = await loadTensorFlow();
    expect(backend).toBe('wasm');
    expect(tf.getBackend()).toBe('wasm');
    expect(refusals).toHaveLength(1);
    expect(refusals[0]!.name).toBe('@tensorflow/tfjs-node');
    expect(refusals[0]!.reason).not.toContain('\n');
  });

  it('takes plain JavaScript where both are missing', async () => {
    hide('@tensorflow/tfjs-node', '@tensorflow/tfjs-backend-wasm');
    const { backend, refusals } = await loadTensorFlow();
    expect(backend).toBe('cpu');
    expect(refusals.map(({ name }) => name)).toEqual(['@tensorflow/tfjs-node', '@tensorflow/tfjs-backend-wasm']);
  });

  it('begins with what is preferred', async () => {
    expect(await loadTensorFlow({ prefer: 'cpu' })).toMatchObject({ backend: 'cpu', refusals: [] });
    expect(await loadTensorFlow({ prefer: 'wasm' })).toMatchObject({ backend: 'wasm', refusals: [] });
  });

  it('throws where nothing works, with every reason and what to install', async () => {
    hide('@tensorflow/tfjs-node', '@tensorflow/tfjs-backend-wasm', '@tensorflow/tfjs');
    await expect(loadTensorFlow()).rejects.toThrow(BackendUnavailableError);
    await expect(loadTensorFlow()).rejects.toThrow(/tfjs-node: .*tfjs-backend-wasm: .*tfjs: .*npm install @tensorflow\/tfjs/);
  });

  it('tells the native library to use one thread, unless the environment says otherwise', async () => {
    vi.stubEnv('TF_NUM_INTRAOP_THREADS', undefined);
    vi.stubEnv('TF_NUM_INTEROP_THREADS', '3');
    await loadTensorFlow();
    expect(process.env['TF_NUM_INTRAOP_THREADS']).toBe('1');
    expect(process.env['TF_NUM_INTEROP_THREADS']).toBe('3');
    vi.unstubAllEnvs();
  });

  it('refuses what it does not know', async () => {
    await expect(loadTensorFlow({ prefer: 'webgl' } as unknown as LoadTensorFlowOptions)).rejects.toThrow(DomainError);
    await expect(loadTensorFlow({ backend: 'cpu' } as unknown as LoadTensorFlowOptions)).rejects.toThrow(/unknown option 'backend'/);
  });
});
