import { createMachine, type Machine } from './transport-machine.ts';

/** A machine at rest; its bytes from `pristine` on are 0. */
interface Idle {
  readonly machine: Machine;
  readonly pristine: number;
}

/** Machines given back, the newest last. */
const idle: Idle[] = [];
const MOST_IDLE = 4;
/** Bytes kept by machines at rest together. */
const KEPT = 512 * 2 ** 20;

/** Takes a machine of at least `bytes` from those at rest, or makes one: their threads are up and their kernels warm. */
export function takeMachine(bytes: number, threads: number): Idle {
  const fits = ({ machine }: Idle): boolean => {
    const size = machine.memory.buffer.byteLength;
    return machine.most === threads && size >= bytes;
  };
  let best = -1;
  idle.forEach((candidate, k) => {
    const smaller = best < 0 || candidate.machine.memory.buffer.byteLength < idle[best]!.machine.memory.buffer.byteLength;
    if (fits(candidate) && smaller) best = k;
  });
  if (best >= 0) return idle.splice(best, 1)[0]!;
  return { machine: createMachine(bytes, threads), pristine: 0 };
}

/** Lets a machine rest, and drops the oldest ones when they are too many or too large. */
export function giveMachineBack(machine: Machine, pristine: number): void {
  idle.push({ machine, pristine });
  let kept = idle.reduce((sum, { pristine: used }) => sum + used, 0);
  while (idle.length > MOST_IDLE || kept > KEPT) {
    const dropped = idle.shift()!;
    kept -= dropped.pristine;
    dropped.machine.stop();
  }
}
