import { describe, expect, it } from 'vitest';
import { type MachinePool, machinePool } from '../../src/kernels/machine-pool.ts';
import { compileGrid } from '../../src/kernels/wasm-module.ts';

const pool = (grows: boolean): MachinePool<'multiply'> => machinePool({ name: 'test', compile: compileGrid, passes: ['multiply'], grows });
const MiB = 2 ** 20;
const A = 4096;
const SIZE = 128;

/** A² of a matrix of ones, by the threads of the machine: every entry is SIZE. Returns how many took part. */
function square({ machine: { memory, run } }: ReturnType<MachinePool<'multiply'>['take']>, end: number): number {
  const bytes = 8 * SIZE * SIZE;
  const [ones, out] = [new Float64Array(memory.buffer, 32768, SIZE * SIZE), new Float64Array(memory.buffer, end - bytes, SIZE * SIZE)];
  ones.fill(1);
  out.fill(0);
  const [rows, blocks] = [SIZE / 4, 8];
  const split = { rows, blocks, blockRows: rows / blocks, own: A, ownBytes: 5120 };
  const threads = run('multiply', split, [ones.byteOffset, ones.byteOffset, out.byteOffset, SIZE, SIZE, SIZE]);
  expect(out.every((value) => value === SIZE)).toBe(true);
  return threads;
}

describe('machines at rest', () => {
  it('are taken again where they have room, by the same number of threads only', () => {
    const machines = pool(false);
    const { machine } = machines.take(MiB, 1);
    machines.giveBack(machine, 5000);
    expect(machines.take(MiB, 2).machine).not.toBe(machine);
    expect(machines.take(2 * MiB, 1).machine).not.toBe(machine);
    expect(machines.take(MiB / 2, 1)).toEqual({ machine, pristine: 5000 });
    expect(machines.take(MiB / 2, 1).machine).not.toBe(machine);
  });

  it.each([1, 2, 3])('grow in place, and %i threads work on what has grown', (threads) => {
    const machines = pool(true);
    let taken = machines.take(MiB, threads);
    const { machine } = taken;
    for (const size of [MiB, 3 * MiB, 40 * MiB]) {
      const end = performance.now() + 20_000;
      // Workers come up in their own time, after each growth anew.
      while (square(taken, size) < threads && performance.now() < end);
      expect(square(taken, size)).toBeGreaterThanOrEqual(1);
      machines.giveBack(machine, size);
      taken = machines.take(Math.min(2 * size, 40 * MiB), threads);
      expect(taken.machine).toBe(machine);
      taken.machine.grow(40 * MiB);
    }
    machine.stop();
  });

  it('say how much they wanted and did not get', () => {
    const { machine } = pool(true).take(MiB, 1);
    expect(() => machine.grow(2 ** 40)).toThrow(/1099511627776 bytes/);
  });
});
