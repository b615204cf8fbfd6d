import { createMachine, type Machine, type Pass, type Program, TRANSPORT } from './transport-machine.ts';

/** A machine at rest; its bytes from `pristine` on are 0. */
interface Idle<P extends string> {
  readonly machine: Machine<P>;
  readonly pristine: number;
}

/** Machines at rest, for the next problem. */
export interface MachinePool<P extends string> {
  /** Takes a machine of at least `bytes`, its threads up and its kernels warm, or makes one. */
  take(bytes: number, threads: number): Idle<P>;
  /** Lets a machine rest, and drops the oldest ones when they are too many or too large; large ones rest for a moment only. */
  giveBack(machine: Machine<P>, pristine: number): void;
}

const MOST_IDLE = 4;
/** Bytes kept by machines at rest together, for the next problem: most of a large pass into fresh memory is the system clearing pages. */
const KEPT = 2.4e9;
/** Bytes that stay for good, and milliseconds after which a machine of more gives them back. */
const SMALL = 64 * 2 ** 20;
const LINGER = 2000;

/** A pool for the machines of one program. What is dropped is memory only once it has been collected, so those that can grow do. */
export function machinePool<P extends string>(program: Program<P>): MachinePool<P> {
  /** The newest last. */
  const idle: Idle<P>[] = [];
  let rested = 0;
  let waiting = false;
  /** One timer that looks again when machines have been used meanwhile, not a new one for every solve. */
  const wait = (milliseconds: number): void => {
    waiting = true;
    const timer = setTimeout(() => {
      waiting = false;
      const left = LINGER - (performance.now() - rested);
      if (left > 0) wait(left);
      else dropDownTo(SMALL);
    }, milliseconds);
    // Node: no process stays up for this.
    (timer as { unref?: () => void }).unref?.();
  };
  const sizeOf = ({ machine }: Idle<P>): number => machine.memory.buffer.byteLength;

  /** The smallest that has room, else the largest if it can grow. */
  const choose = (bytes: number, threads: number): number => {
    let [best, largest] = [-1, -1];
    idle.forEach((candidate, k) => {
      if (candidate.machine.most !== threads) return;
      const size = sizeOf(candidate);
      if (size >= bytes && (best < 0 || size < sizeOf(idle[best]!))) best = k;
      if (largest < 0 || size > sizeOf(idle[largest]!)) largest = k;
    });
    return best < 0 && program.grows ? largest : best;
  };
  /** Drops the oldest machines until those at rest keep at most so many bytes together. */
  const dropDownTo = (bytes: number): void => {
    let kept = idle.reduce((sum, { pristine }) => sum + pristine, 0);
    while (idle.length > MOST_IDLE || kept > bytes) {
      const dropped = idle.shift()!;
      kept -= dropped.pristine;
      dropped.machine.stop();
    }
  };
  return {
    take(bytes, threads) {
      const best = choose(bytes, threads);
      if (best < 0) return { machine: createMachine(bytes, threads, program), pristine: 0 };
      const taken = idle.splice(best, 1)[0]!;
      taken.machine.grow(bytes);
      return taken;
    },
    giveBack(machine, pristine) {
      idle.push({ machine, pristine });
      const canWait = typeof globalThis.setTimeout === 'function';
      dropDownTo(canWait ? KEPT : SMALL);
      if (!canWait || !idle.some((rest) => rest.pristine > SMALL)) return;
      rested = performance.now();
      if (!waiting) wait(LINGER);
    },
  };
}

/** Machines of entropic transport at rest. */
export const transportMachines: MachinePool<Pass> = machinePool(TRANSPORT);
