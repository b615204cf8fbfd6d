import { set, set4 } from './transport-simd';

// The large entries of a row of a stored kernel, found a vector at a time: almost all vectors have none.

/**
 * Lists the j with K_j v_j > r or K_j w_j > c for one row at k, v and w in the precision of K: j to `indices` (i32), K_j v_j to `values`
 * (f64), in order. Returns how many.
 */
export function listEntries(single: i32, k: usize, v: usize, w: usize, r: f64, c: f64, indices: usize, values: usize, m: i32): i32 {
  let count: usize = 0, j: i32 = 0;
  if (single) {
    const rows = set4(r), columns = set4(c);
    do {
      const at = <usize>j << 2, entries = v128.load(k + at);
      const x = f32x4.mul(entries, v128.load(v + at));
      const large = v128.or(f32x4.gt(x, rows), f32x4.gt(f32x4.mul(entries, v128.load(w + at)), columns));
      if (v128.any_true(large)) {
        let bits = i32x4.bitmask(large);
        do {
          const lane = ctz(bits), p = <usize>(j + lane) << 2;
          store<i32>(indices + (count << 2), j + lane);
          store<f64>(values + (count << 3), <f64>load<f32>(k + p) * <f64>load<f32>(v + p));
          count++;
          bits &= bits - 1;
        } while (bits);
      }
      j += 4;
    } while (j < m);
    return <i32>count;
  }
  const rows = set(r), columns = set(c);
  do {
    const at = <usize>j << 3, entries = v128.load(k + at);
    const x = f64x2.mul(entries, v128.load(v + at));
    const large = v128.or(f64x2.gt(x, rows), f64x2.gt(f64x2.mul(entries, v128.load(w + at)), columns));
    if (v128.any_true(large)) {
      let bits = i64x2.bitmask(large);
      do {
        const lane = ctz(bits), p = <usize>(j + lane) << 3;
        store<i32>(indices + (count << 2), j + lane);
        store<f64>(values + (count << 3), load<f64>(k + p) * load<f64>(v + p));
        count++;
        bits &= bits - 1;
      } while (bits);
    }
    j += 2;
  } while (j < m);
  return <i32>count;
}
