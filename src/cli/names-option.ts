import { UsageError } from './console.ts';

/** A parser for commander of names that are separated by commas, naming the option. */
export function namesOption(name: string): (text: string) => readonly string[] {
  return (text) => {
    const names = text.split(',').map((one) => one.trim());
    if (names.includes('')) throw new UsageError(`${name} must be names separated by commas, got '${text}'; pass ${name} moons, say`);
    return names;
  };
}
