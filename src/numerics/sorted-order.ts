const BITS = 11;
const BUCKETS = 1 << BITS;

/** The indices of x in ascending order of value, ties in order of index: linear time, by radix sort of the bits of the doubles. */
export function sortedOrder(x: Float64Array): Int32Array {
  const n = x.length;
  if (n < BUCKETS) return Int32Array.from(x.keys()).sort((i, j) => x[i]! - x[j]! || i - j);
  const words = new Uint32Array(new Float64Array([1]).buffer);
  const high = words[1] === 0 ? 0 : 1;
  const bits = new Uint32Array(Float64Array.from(x, (value) => value + 0).buffer);
  const keys = new Uint32Array(2 * n);
  for (let i = 0; i < n; i++) {
    const top = bits[2 * i + high]!;
    // Flipping the sign bit, or all bits of a negative number, makes the order of doubles that of unsigned integers.
    const mask = top >>> 31 === 1 ? 0xffffffff : 0;
    keys[2 * i] = bits[2 * i + 1 - high]! ^ mask;
    keys[2 * i + 1] = top ^ (mask | 0x80000000);
  }
  let order = Int32Array.from(x.keys());
  let spare = new Int32Array(n);
  const counts = new Int32Array(BUCKETS + 1);
  for (const [word, shift] of PASSES) {
    counts.fill(0);
    for (let i = 0; i < n; i++) counts[((keys[2 * i + word]! >>> shift) & (BUCKETS - 1)) + 1]!++;
    for (let k = 0; k < BUCKETS; k++) counts[k + 1]! += counts[k]!;
    for (let k = 0; k < n; k++) {
      const i = order[k]!;
      spare[counts[(keys[2 * i + word]! >>> shift) & (BUCKETS - 1)]!++] = i;
    }
    [order, spare] = [spare, order];
  }
  return order;
}

/** Word (0 low, 1 high) and shift of each digit, least significant first: 3 × 11 bits cover each word. */
const PASSES = [
  [0, 0],
  [0, 11],
  [0, 22],
  [1, 0],
  [1, 11],
  [1, 22],
] as const;
