import { add, logNatural, mul, set, sub, sum } from './transport-simd';

// What climbing the semi-dual asks of vectors of m values, m a multiple of 8: two at a time, in two chains of sums.

@inline function abs(x: v128): v128 { return f64x2.abs(x); }
/** The larger one, and NaN where y is none. */
@inline function larger(x: v128, y: v128): v128 { return f64x2.max(x, y); }
@inline function largestOf(s: v128): f64 { return max(f64x2.extract_lane(s, 0), f64x2.extract_lane(s, 1)); }

/** logRatio = log w − penalty·(G − log b) − log c with log b in `logs`; Σ|c − w|, Σ w G, Σ w and min c where b > 0 go to `results`. */
export function compareColumns(
  c: usize, wanted: usize, logs: usize, G: usize, penalty: f64, logRatio: usize, results: usize, m: i32,
): void {
  const end = c + (<usize>m << 3), slope = set(penalty), none = set(-Infinity), most = set(Infinity);
  let error = set(0), linear = error, mass = error, least = most;
  do {
    const x = v128.load(c), w = v128.load(wanted), b = v128.load(logs), g = v128.load(G);
    v128.store(logRatio, sub(sub(b, mul(slope, sub(g, b))), logNatural(x)));
    const counts = f64x2.gt(b, none);
    error = add(error, abs(sub(x, w)));
    linear = add(linear, mul(w, v128.and(g, counts)));
    mass = add(mass, w);
    least = f64x2.min(least, v128.bitselect(x, most, counts));
    c += 16; wanted += 16; logs += 16; G += 16; logRatio += 16;
  } while (c < end);
  store<f64>(results, sum(error));
  store<f64>(results, sum(linear), 8);
  store<f64>(results, sum(mass), 16);
  store<f64>(results, min(f64x2.extract_lane(least, 0), f64x2.extract_lane(least, 1)), 24);
}

/**
 * Components of a direction that cannot be trusted become those of Sinkhorn's step tau·logRatio: where that is longer than `wild`, and
 * where the direction is longer than 2·wild and twice that. Σ (c − w)·direction and the longest component go to `results`.
 */
export function guardStep(
  direction: usize, logRatio: usize, c: usize, wanted: usize, tau: f64, wild: f64, results: usize, m: i32,
): void {
  const end = c + (<usize>m << 3), t = set(tau), limit = set(wild), two = set(2.0), reach = set(2 * wild);
  let slope = set(0), longest = slope;
  do {
    const plain = mul(t, v128.load(logRatio)), far = abs(plain), move = v128.load(direction);
    const good = v128.and(f64x2.le(far, limit), f64x2.le(abs(move), add(reach, mul(two, far))));
    const step = v128.bitselect(move, plain, good);
    v128.store(direction, step);
    slope = add(slope, mul(sub(v128.load(c), v128.load(wanted)), step));
    longest = larger(longest, abs(step));
    c += 16; wanted += 16; logRatio += 16; direction += 16;
  } while (c < end);
  store<f64>(results, sum(slope));
  store<f64>(results, largestOf(longest), 8);
}

/** s = x − x₀, y = (c − w) − (c₀ − w₀); s·y, s·s and y·y go to `results`. */
export function secantPair(
  x: usize, x0: usize, c: usize, w: usize, c0: usize, w0: usize, s: usize, y: usize, results: usize, m: i32,
): void {
  const end = x + (<usize>m << 3);
  let sy = set(0), ss = sy, yy = sy;
  do {
    const d = sub(v128.load(x), v128.load(x0));
    const e = add(sub(sub(v128.load(c), v128.load(w)), v128.load(c0)), v128.load(w0));
    v128.store(s, d); v128.store(y, e);
    sy = add(sy, mul(d, e)); ss = add(ss, mul(d, d)); yy = add(yy, mul(e, e));
    x += 16; x0 += 16; c += 16; w += 16; c0 += 16; w0 += 16; s += 16; y += 16;
  } while (x < end);
  store<f64>(results, sum(sy));
  store<f64>(results, sum(ss), 8);
  store<f64>(results, sum(yy), 16);
}

/** out = x − y; returns max|out|. */
export function difference(x: usize, y: usize, out: usize, m: i32): f64 {
  const end = x + (<usize>m << 3);
  let far = set(0);
  do {
    const d = sub(v128.load(x), v128.load(y));
    v128.store(out, d);
    far = larger(far, abs(d));
    x += 16; y += 16; out += 16;
  } while (x < end);
  return largestOf(far);
}

/** out = x + t y. */
export function along(x: usize, t: f64, y: usize, out: usize, m: i32): void {
  const end = x + (<usize>m << 3), factor = set(t);
  do {
    v128.store(out, add(v128.load(x), mul(factor, v128.load(y))));
    x += 16; y += 16; out += 16;
  } while (x < end);
}

/** out = x y. */
export function product(x: usize, y: usize, out: usize, m: i32): void {
  const end = x + (<usize>m << 3);
  do {
    v128.store(out, mul(v128.load(x), v128.load(y)));
    x += 16; y += 16; out += 16;
  } while (x < end);
}
