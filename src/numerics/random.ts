import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { JumpableRandomGenerator } from 'pure-rand/types/JumpableRandomGenerator';
import { DomainError, FormatError } from '../errors.ts';

/** Serialisable state of a {@link RandomSource}. */
export interface RandomState {
  readonly kind: 'xoroshiro128plus';
  readonly words: readonly number[];
  readonly key: readonly [number, number];
  readonly children: number;
  readonly spare: number | null;
}

/** A stream of random numbers. Drawing changes it; the same seed gives the same bits on every machine. */
export interface RandomSource {
  /** A double in [0, 1), a multiple of 2⁻⁵³. */
  uniform(): number;
  /** A draw of N(0, 1). */
  normal(): number;
  /** Fills the array with draws of N(0, 1) and returns it. */
  fillNormal<T extends Float64Array | Float32Array>(out: T): T;
  /** A whole number in 0 … count − 1. */
  integer(count: number): number;
  /**
   * An independent child stream, seeded by a hash of the root seed and the labels on the way to it, never by jumping. A labelled child
   * does not depend on what was drawn or split before; unlabelled children are numbered in the order of the calls.
   *
   * @throws DomainError on a number that is not a safe integer: two such labels could be one stream
   */
  split(label?: string | number): RandomSource;
  /** What {@link restoreRandomSource} needs to go on with the same draws. */
  state(): RandomState;
}

/**
 * Makes a reproducible stream of random numbers from a seed.
 *
 * Bits: xoroshiro128+ (package pure-rand); normal draws: the polar method of Marsaglia.
 *
 * @param seed a safe integer; different seeds give unrelated streams
 * @throws DomainError when the seed is not a safe integer
 * @example
 * ```ts
 * import { randomSource } from 'viaduct';
 * const random = randomSource(7);
 * console.log(random.uniform() === randomSource(7).uniform()); // → true
 * ```
 */
export function randomSource(seed: number): RandomSource {
  if (!Number.isSafeInteger(seed))
    throw new DomainError(`randomSource: seed must be a safe integer, got ${String(seed)}; pass a whole number`);
  const low = seed | 0;
  const high = Math.floor(seed / 4294967296) | 0;
  return fromKey(mix(mix([0x243f6a88, 0x13198a2e], low), high));
}

/**
 * Continues a stream from {@link RandomSource.state}.
 *
 * @throws FormatError when the state is not one of this library
 */
export function restoreRandomSource(state: RandomState): RandomSource {
  const whole = (words: unknown, length: number): boolean =>
    Array.isArray(words) && words.length === length && words.every(Number.isInteger);
  if (state?.kind !== 'xoroshiro128plus' || !whole(state.words, 4) || !whole(state.key, 2)) {
    throw new FormatError('restoreRandomSource: not the state of a random source; pass what state() returned');
  }
  return stream(xoroshiro128plusFromState([...state.words]), state.key, state.children, state.spare);
}

type Key = readonly [number, number];

function fromKey(key: Key): RandomSource {
  // The generator takes 32 bits of seed; the whole 128-bit state comes from the key instead, so that 64 bits of path survive.
  const words: number[] = [];
  let next = key;
  for (let i = 0; i < 2; i++) {
    next = mix(next, 0x9e3779b9 + i);
    words.push(next[0], next[1]);
  }
  return stream(xoroshiro128plusFromState(words), key, 0, null);
}

function stream(generator: JumpableRandomGenerator, key: Key, splits: number, firstSpare: number | null): RandomSource {
  let children = splits;
  let spare = firstSpare;
  const uniform = (): number => {
    const high = generator.next() >>> 5;
    const low = generator.next() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  };
  const normal = (): number => {
    if (spare !== null) {
      const kept = spare;
      spare = null;
      return kept;
    }
    for (;;) {
      const u = 2 * uniform() - 1;
      const v = 2 * uniform() - 1;
      const s = u * u + v * v;
      if (s >= 1 || s === 0) continue;
      const r = Math.sqrt((-2 * Math.log(s)) / s);
      spare = v * r;
      return u * r;
    }
  };
  return {
    uniform,
    normal,
    fillNormal(out) {
      for (let i = 0; i < out.length; i++) out[i] = normal();
      return out;
    },
    integer: (count) => Math.floor(uniform() * count),
    split: (label) => fromKey(labelled(key, label ?? children++, label !== undefined)),
    state: () => ({ kind: 'xoroshiro128plus', words: [...generator.getState()], key, children, spare }),
  };
}

/** Hash of a key and one step of the path; the first word keeps the three kinds of label apart. */
function labelled(key: Key, label: string | number, named: boolean): Key {
  if (typeof label === 'number') {
    if (!Number.isSafeInteger(label)) {
      throw new DomainError(`random.split: label must be a safe integer or text, got ${label}; pass String(${label})`);
    }
    const head = mix(key, named ? 2 : 1);
    return mix(mix(head, label | 0), Math.floor(label / 4294967296) | 0);
  }
  let next = mix(key, 3);
  for (let i = 0; i < label.length; i++) next = mix(next, label.charCodeAt(i));
  return mix(next, label.length);
}

/** Absorbs one word into 64 bits of state: multiply–rotate rounds, then the finaliser of MurmurHash3 on both halves. */
function mix([a, b]: Key, word: number): Key {
  let x = Math.imul(a ^ word, 0x85ebca6b);
  x = ((x << 15) | (x >>> 17)) + b;
  let y = Math.imul(b ^ (word + 0x7f4a7c15), 0xc2b2ae35);
  y = ((y << 13) | (y >>> 19)) + x;
  return [finish(x ^ Math.imul(y, 5)), finish(y + 0x165667b1)];
}

function finish(word: number): number {
  let h = word | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 0;
}
