import { describe, expect, test } from 'vitest';
import { threadPace } from '../../src/kernels/thread-pace.ts';

/** Calls of a million operations until `until` ms; how many of them used threads. `slow(t)`: what threads take at that time. */
function calls(pace: ReturnType<typeof threadPace>, clock: { now: number }, until: number, together: number, alone: number) {
  const counts = { together: 0, alone: 0 };
  while (clock.now < until) {
    const used = pace.begin(1e6);
    clock.now += used ? together : alone;
    counts[used ? 'together' : 'alone']++;
    pace.end();
  }
  return counts;
}

describe('threadPace', () => {
  test('uses threads as long as they keep their pace', () => {
    const clock = { now: 0 };
    const pace = threadPace(1e5, () => clock.now);
    expect(calls(pace, clock, 200, 0.5, 1).alone).toBe(0);
    // Twice as slow is no worse than alone.
    expect(calls(pace, clock, 400, 1, 1).alone).toBe(0);
  });

  test('goes alone on a busy machine, tries now and then, and comes back', () => {
    const clock = { now: 0 };
    const pace = threadPace(1e5, () => clock.now);
    calls(pace, clock, 100, 0.5, 1);
    const busy = calls(pace, clock, 1100, 6, 1);
    // A try every 25 ms, of one or a few calls.
    expect(busy.together).toBeLessThan(50);
    expect(busy.together).toBeGreaterThan(10);
    expect(busy.alone).toBeGreaterThan(700);
    calls(pace, clock, 1200, 0.5, 1);
    expect(calls(pace, clock, 1400, 0.5, 1).alone).toBe(0);
  });

  test('takes no threads for what is not worth them', () => {
    const pace = threadPace(1e5, () => 0);
    expect([pace.begin(99_999), pace.begin(1e5)]).toEqual([false, true]);
  });
});
