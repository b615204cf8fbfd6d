import { describe, expect, it } from 'vitest';
import { openTransportEngine } from '../../src/kernels/open-transport-engine.ts';
import { threads as noThreads } from '../../src/kernels/threads-none.ts';
import type { TransportEngine } from '../../src/kernels/transport-engine.ts';
import { runInOwnProcess, sourceFile } from './own-process.ts';
import { runCase, type TransportCase } from './transport-case.ts';

/** Passes of several blocks until all threads have taken part in one: workers need some time to come up. */
function awaitThreads(engine: TransportEngine, threads: number): void {
  const n = 512;
  const [K, v, u, sum] = [engine.f64(n * n).fill(1), engine.f64(n).fill(1), engine.f64(n), engine.f64(n)];
  const end = performance.now() + 20_000;
  while (engine.threads() < threads && performance.now() < end) engine.fused(K, v, v, u, sum, 'multiply');
}

const bytes = ({ buffer }: Float64Array): Uint8Array => new Uint8Array(buffer);

describe('threads', () => {
  it('give the same bits, whatever their number', () => {
    for (const dimension of [0, 2]) {
      const problem: TransportCase = { rows: 541, columns: 467, dimension, inverse: 20, holes: 0, seed: 3 };
      const alone = runCase(problem, { kind: 'wasm', threads: 1 });
      for (const threads of [2, 3, 4]) {
        const engine = openTransportEngine({ bytes: 3e6, threads });
        awaitThreads(engine, threads);
        expect(engine.threads()).toBe(threads);
        expect(engine.threadsReason).toBeUndefined();
        engine.release();
        // The machine with its threads is at rest now, and taken again.
        for (let repetition = 0; repetition < 3; repetition++) {
          const together = runCase(problem, { kind: 'wasm', threads });
          const other = Object.keys(alone).filter((name) => Buffer.compare(bytes(together[name]!), bytes(alone[name]!)) !== 0);
          expect(other).toEqual([]);
        }
      }
    }
  });

  it('stay out of problems too small for them', () => {
    const engine = openTransportEngine({ bytes: 1e6, threads: 2 });
    const [K, v, u, sum] = [engine.f64(64 * 64), engine.f64(64), engine.f64(64), engine.f64(64)];
    for (let k = 0; k < 100; k++) engine.fused(K, v, v, u, sum, 'multiply');
    expect(engine.threads()).toBe(1);
    engine.release();
  });

  it('say why there are none', () => {
    expect(noThreads.unavailable).toBe('this runtime has no worker threads of Node');
    const engine = openTransportEngine({ bytes: 100, kind: 'typescript', threads: 2 });
    expect(engine.threadsReason).toMatch(/one thread/);
  });
});

describe('engines given back', () => {
  it('hand out zeroed arrays again, on a memory used before', () => {
    for (const threads of [1, 2]) {
      for (const length of [1000, 5000, 200, 4000]) {
        const engine = openTransportEngine({ bytes: 16 * length, threads });
        const x = engine.f64(length);
        expect(x.every((value) => value === 0)).toBe(true);
        x.fill(7);
        engine.f64(length).fill(9);
        engine.release();
        engine.release();
      }
    }
  });

  it('take arrays only from their own memory', () => {
    const engine = openTransportEngine({ bytes: 1000, kind: 'wasm' });
    const x = engine.f64(8);
    expect(() => engine.dot(x, new Float64Array(8))).toThrow(TypeError);
    engine.release();
  });
});

describe('a process with live workers', () => {
  it.each(['released', 'kept'])('ends by itself when its engine is %s', (fate) => {
    const contents = `
      import { openTransportEngine } from ${sourceFile('kernels/open-transport-engine.ts')};
      const engine = openTransportEngine({ bytes: 4e6, threads: 2 });
      const n = 512;
      const [K, v, u, sum] = [engine.f64(n * n), engine.f64(n), engine.f64(n), engine.f64(n)];
      const end = performance.now() + 20000;
      while (engine.threads() < 2 && performance.now() < end) engine.fused(K, v, v, u, sum, 'multiply');
      console.log(engine.threads());
      ${fate === 'released' ? 'engine.release();' : ''}`;
    expect(runInOwnProcess(contents)).toEqual({ status: 0, stdout: '2', stderr: '' });
  });
});
