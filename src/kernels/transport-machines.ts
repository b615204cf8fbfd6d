import { createMachine, type Machine } from './transport-machine.ts';

/** A machine at rest; its bytes from `pristine` on are 0. */
interface Idle {
  readonly machine: Machine;
  readonly pristine: number;
}

/** Machines given back, the newest last. */
const idle: Idle[] = [];
const MOST_IDLE = 4;
/** Bytes kept by machines at rest together, for the next problem: most of a large pass into fresh memory is the system clearing pages. */
const KEPT = 2.4e9;
/** Bytes that stay for good, and milliseconds after which a machine of more gives them back. */
const SMALL = 64 * 2 ** 20;
const LINGER = 2000;

let timer: ReturnType<typeof setTimeout> | undefined;

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

/** Lets a machine rest, and drops the oldest ones when they are too many or too large; large ones rest for a moment only. */
export function giveMachineBack(machine: Machine, pristine: number): void {
  idle.push({ machine, pristine });
  const canWait = typeof globalThis.setTimeout === 'function';
  dropDownTo(canWait ? KEPT : SMALL);
  if (!canWait || !idle.some((rest) => rest.pristine > SMALL)) return;
  clearTimeout(timer);
  timer = setTimeout(() => dropDownTo(SMALL), LINGER);
  // Node: no process stays up for this.
  (timer as { unref?: () => void }).unref?.();
}

/** Drops the oldest machines until those at rest keep at most so many bytes together. */
function dropDownTo(bytes: number): void {
  let kept = idle.reduce((sum, { pristine }) => sum + pristine, 0);
  while (idle.length > MOST_IDLE || kept > bytes) {
    const dropped = idle.shift()!;
    kept -= dropped.pristine;
    dropped.machine.stop();
  }
}
