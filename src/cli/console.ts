import { ViaductError } from '../errors.ts';
import { writeFileAtomic } from '../io/files.ts';

/** Where a command writes; tests pass their own. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** True when standard error is a terminal that understands carriage returns. */
  readonly interactive: boolean;
  /** Width of that terminal. @defaultValue 110 */
  readonly columns?: number | undefined;
}

/** A wrong call: exit status 2 and one sentence. */
export class UsageError extends ViaductError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { ...options, code: 'USAGE' });
  }
}

/** Options that every command has. */
export interface CommonOptions {
  readonly seed: number;
  readonly quiet: boolean;
  /** A file, `true` for standard output, absent for no JSON. */
  readonly json?: string | true;
}

/** Words for people: progress on standard error, results on standard output unless that is taken by JSON. */
export interface Console {
  /** Characters of a progress line that can be read. */
  readonly width: number;
  /** A result line. */
  result(text: string): void;
  /** A line that the next one replaces, or at most one line every few seconds where that is impossible. */
  progress(text: string): void;
  /** A line on standard error that stays. */
  note(text: string): void;
  /** Ends the progress line. */
  done(): void;
  /** Writes JSON to where `--json` says, if it says anything. */
  json(text: string): void;
}

const QUIET_SECONDS = 5;
const WIDTH = 110;

/** Makes the console of a command. */
export function makeConsole(streams: Streams, { quiet, json }: CommonOptions): Console {
  let last = 0;
  let open = false;
  // One column stays free: a full line would wrap, and a carriage return would no longer find its start.
  const width = streams.interactive ? Math.max(20, (streams.columns ?? WIDTH + 1) - 1) : Number.POSITIVE_INFINITY;
  const console: Console = {
    width,
    result(text) {
      console.done();
      if (json !== true && !quiet) streams.out(`${text}\n`);
    },
    progress(text) {
      if (quiet) return;
      if (streams.interactive) {
        streams.err(`\r${text.slice(0, width).padEnd(width)}`);
        open = true;
      } else if (performance.now() - last > 1000 * QUIET_SECONDS || last === 0) {
        streams.err(`${text}\n`);
        last = performance.now();
      }
    },
    note(text) {
      if (quiet) return;
      console.done();
      streams.err(`${text}\n`);
    },
    done() {
      if (open) streams.err(`\r${' '.repeat(width)}\r`);
      open = false;
    },
    json(text) {
      if (json === undefined) return;
      if (json === true) streams.out(text);
      else writeFileAtomic(json, text);
    },
  };
  return console;
}

/** Any error as the one sentence a user reads. */
export function sentence(error: unknown): string {
  if (error instanceof ViaductError) return error.message;
  return error instanceof Error ? `internal error: ${error.message}` : `internal error: ${String(error)}`;
}
