import { beforeEach, describe, expect, it, vi } from 'vitest';
import { CLAIMS } from '../../src/discrete/batch-control.ts';

/** Loads the discrete wing beside workers that run this text. */
async function withWorker(text: string): Promise<typeof import('./batch-clouds.ts')> {
  vi.doMock('../../src/discrete/generated/batch-worker.ts', () => ({ batchWorker: text }));
  return import('./batch-clouds.ts');
}

beforeEach(() => {
  vi.resetModules();
  vi.doUnmock('node:worker_threads');
  vi.doUnmock('../../src/discrete/batch-threads-node.ts');
  vi.doUnmock('../../src/discrete/generated/batch-worker.ts');
});

describe('workers that fail', () => {
  it('to be made leave a loop', async () => {
    let asked = 0;
    vi.doMock('node:worker_threads', async (original) => ({
      ...(await original<typeof import('node:worker_threads')>()),
      Worker: class {
        constructor(source: string) {
          // Threads within a problem are of the same class.
          if (source.includes('batchWorker')) asked++;
          throw new Error('no workers here');
        }
      },
    }));
    const { clouds, batchOf, loopOf } = await import('./batch-clouds.ts');
    // Nothing is started for one thread, nor for little work.
    batchOf(clouds(40, 900), { threads: 1 });
    batchOf(clouds(5, 10), { threads: 2 });
    batchOf(clouds(1, 900), { threads: 2 });
    expect(asked).toBe(0);
    const problems = clouds(40, 900);
    expect(batchOf(problems, { threads: 3 })).toEqual(loopOf(problems));
    expect(asked).toBe(1);
  });

  it('to exist, as in browsers, leave a loop', async () => {
    vi.doMock('../../src/discrete/batch-threads-node.ts', () => import('../../src/discrete/batch-threads-none.ts'));
    const { clouds, batchOf, batchOfAsync, loopOf } = await import('./batch-clouds.ts');
    const problems = clouds(40, 900);
    expect(batchOf(problems, { threads: 2, timeLimit: 100 })).toEqual(loopOf(problems));
    expect(await batchOfAsync(problems, { threads: 2 })).toEqual(loopOf(problems));
  });

  it.each([
    ['to come up', "throw new Error('broken');"],
    ['to solve anything', 'var batchWorker = { serve() {} };'],
    // Takes the last problem and is not heard of again.
    ['and hang', `var batchWorker = { serve({ shared }) { Atomics.compareExchange(shared, ${CLAIMS + 39}, 0, 2); for (;;); } };`],
    [
      'at every problem',
      `var batchWorker = { serve({ shared, send }) {
        for (let k = 0; k < 40; k++) if (Atomics.compareExchange(shared, ${CLAIMS} + k, 0, 2) === 0) send({ index: k, seconds: 0 }, []);
      } };`,
    ],
  ])('%s leave the work to the caller', async (_, text) => {
    const { clouds, batchOf, batchOfAsync, loopOf } = await withWorker(text);
    const problems = clouds(40, 900);
    const loop = loopOf(problems);
    expect(batchOf(problems, { threads: 2 })).toEqual(loop);
    expect(await batchOfAsync(problems, { threads: 2 })).toEqual(loop);
  });
});
