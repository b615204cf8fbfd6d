/** Σ x_k y_k in four chains. */
export function dot(x: Float64Array, y: Float64Array): number {
  let [s, t, p, q] = [0, 0, 0, 0];
  const end = x.length - 3;
  for (let k = 0; k < end; k += 4) {
    s += x[k]! * y[k]!;
    t += x[k + 1]! * y[k + 1]!;
    p += x[k + 2]! * y[k + 2]!;
    q += x[k + 3]! * y[k + 3]!;
  }
  return s + t + (p + q);
}

/** y += alpha x. */
export function axpy(alpha: number, x: Float64Array, y: Float64Array): void {
  for (let k = 0; k < x.length; k++) y[k]! += alpha * x[k]!;
}

/** The two loops of L-BFGS; see TransportEngine. Components with D = max(c, wanted) = 0 get no step of their own. */
export function lbfgsDirection(
  pairs: {
    readonly S: Float64Array;
    readonly Y: Float64Array;
    readonly rho: Float64Array;
    readonly newest: number;
    readonly count: number;
  },
  { c, wanted }: { readonly c: Float64Array; readonly wanted: Float64Array },
  out: Float64Array,
): void {
  const length = out.length;
  const D = c.map((x, k) => Math.max(x, wanted[k]!));
  const capacity = rhoCapacity(pairs);
  const row = (of: Float64Array, age: number): Float64Array => {
    const at = place(pairs.newest, age, capacity) * length;
    return of.subarray(at, at + length);
  };
  const alpha = new Float64Array(pairs.count);
  for (let k = 0; k < length; k++) out[k] = wanted[k]! - c[k]!;
  for (let age = 0; age < pairs.count; age++) {
    alpha[age] = pairs.rho[place(pairs.newest, age, capacity)]! * dot(row(pairs.S, age), out);
    axpy(-alpha[age]!, row(pairs.Y, age), out);
  }
  let gamma = 1;
  if (pairs.count > 0) {
    const y = row(pairs.Y, 0);
    let curvature = 0;
    for (let k = 0; k < length; k++) if (D[k]! > 0) curvature += (y[k]! * y[k]!) / D[k]!;
    gamma = 1 / (pairs.rho[pairs.newest]! * curvature);
  }
  for (let k = 0; k < length; k++) out[k] = D[k]! > 0 ? (gamma * out[k]!) / D[k]! : 0;
  for (let age = pairs.count - 1; age >= 0; age--) {
    const beta = pairs.rho[place(pairs.newest, age, capacity)]! * dot(row(pairs.Y, age), out);
    axpy(alpha[age]! - beta, row(pairs.S, age), out);
  }
}

function rhoCapacity({ rho, count }: { readonly rho: Float64Array; readonly count: number }): number {
  if (count > rho.length) throw new RangeError(`transport engine: ${count} pairs do not fit into ${rho.length}; pass fewer`);
  return rho.length;
}

/** Row of the pair that is `age` steps older than the newest. */
const place = (newest: number, age: number, capacity: number): number => (newest - age + capacity) % capacity;
