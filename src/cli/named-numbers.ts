import { UsageError } from './console.ts';

/** `name:key=1,2:other=3` taken apart: the name, and the numbers of every key. */
export interface NamedNumbers {
  readonly name: string;
  readonly values: ReadonlyMap<string, readonly number[]>;
}

/** Reads a specification, refusing keys that are not known. */
export function parseNamedNumbers(option: string, text: string, keysOf: (name: string) => readonly string[]): NamedNumbers {
  const [name = '', ...parts] = text.split(':');
  const known = keysOf(name);
  const values = new Map<string, readonly number[]>();
  for (const part of parts) {
    const at = part.indexOf('=');
    const key = part.slice(0, at);
    if (at < 0 || !known.includes(key)) {
      const keys = known.length === 0 ? 'no parameters' : known.map((one) => `${one}=…`).join(', ');
      throw new UsageError(`${option} ${text}: '${part}' is not understood; ${name} takes ${keys}`);
    }
    const numbers = part
      .slice(at + 1)
      .split(',')
      .map((one) => (one.trim() === '' ? Number.NaN : Number(one)));
    if (!numbers.every((one) => Number.isFinite(one))) {
      throw new UsageError(`${option} ${text}: '${part}' holds something that is no number; write ${key}=1, or ${key}=1,2 for several`);
    }
    values.set(key, numbers);
  }
  return { name, values };
}

/** The one number of a key; `otherwise` when the key is absent. */
export function oneNumber(option: string, text: string, { name, values }: NamedNumbers, key: string, otherwise?: number): number {
  const numbers = values.get(key);
  if (numbers === undefined) {
    if (otherwise !== undefined) return otherwise;
    throw new UsageError(`${option} ${text}: ${key} is missing; write ${name}:${key}=1, say`);
  }
  if (numbers.length !== 1) throw new UsageError(`${option} ${text}: ${key} is one number, got ${numbers.length}; keep one`);
  return numbers[0]!;
}
