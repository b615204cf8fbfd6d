// A Python library in a process of its own, asked for one cell at a time.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Cell, Measurement } from './discrete-cell.ts';
import { OptionError } from './discrete-options.ts';

const SCRIPT = 'benchmarks/peers/discrete_peers.py';

type Row = Omit<Measurement, keyof Cell>;

export interface Peer {
  readonly versions: Readonly<Record<string, string>>;
  /** The library's solvers on one cell; a library that dies is a row that says so, and is started again. */
  ask(cell: Cell & { readonly dir: string; readonly budget: number }): Promise<Row[]>;
  stop(): void;
}

/** Starts a library and waits for its versions. @throws OptionError when it does not come up */
export async function startPeer(python: string, library: string): Promise<Peer> {
  let running = open(python, library);
  const first = await running.next();
  if (first === undefined) {
    throw new OptionError(
      `bench:peers: ${python} could not start ${library}; install benchmarks/peers/requirements.txt there, or leave it out with --libraries`,
    );
  }
  return {
    versions: (first as { versions: Record<string, string> }).versions,
    async ask(cell) {
      const rows: Row[] = [];
      running.send(cell);
      for (;;) {
        const line = await running.next();
        if (line === undefined) {
          running = open(python, library);
          await running.next();
          return [...rows, { solver: library, seconds: null, error: null, iterations: null, note: 'the process died' }];
        }
        if ('done' in line) return rows;
        rows.push(line as unknown as Row);
      }
    },
    stop: () => running.stop(),
  };
}

function open(python: string, library: string) {
  const env = { ...process.env };
  // Settings that slow OpenBLAS down on machines it would know better by itself.
  delete env['OPENBLAS_CORETYPE'];
  delete env['OPENBLAS_L2_SIZE'];
  const child = spawn(python, [SCRIPT, library], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  child.on('error', () => {});
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    /** The next object it says, or undefined when it has ended. */
    async next(): Promise<Record<string, unknown> | undefined> {
      const { value, done } = await lines.next();
      return done ? undefined : (JSON.parse(value) as Record<string, unknown>);
    },
    send: (cell: object): void => void child.stdin.write(`${JSON.stringify(cell)}\n`),
    stop: (): void => void child.kill(),
  };
}
