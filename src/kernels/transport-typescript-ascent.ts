import type { AscentVectors } from './ascent-vectors.ts';

/** What climbing the semi-dual asks of vectors, in plain TypeScript. */
export const ascentVectors: AscentVectors = {
  compareColumns({ c, wanted, logs, G, penalty }, logRatio) {
    let [error, linear, mass, least] = [0, 0, 0, Number.POSITIVE_INFINITY];
    for (let j = 0; j < c.length; j++) {
      const [x, w, b, g] = [c[j]!, wanted[j]!, logs[j]!, G[j]!];
      logRatio[j] = b - penalty * (g - b) - Math.log(x);
      error += Math.abs(x - w);
      mass += w;
      if (b === Number.NEGATIVE_INFINITY) continue;
      linear += w * g;
      least = Math.min(least, x);
    }
    return { error, linear, mass, least };
  },
  guardStep(direction, { logRatio, c, wanted }, tau, wild) {
    let [slope, longest] = [0, 0];
    for (let j = 0; j < direction.length; j++) {
      const plain = tau * logRatio[j]!;
      const far = Math.abs(plain);
      const trusted = far <= wild && Math.abs(direction[j]!) <= 2 * wild + 2 * far;
      const move = trusted ? direction[j]! : plain;
      direction[j] = move;
      slope += (c[j]! - wanted[j]!) * move;
      longest = Math.max(longest, Math.abs(move));
    }
    return { slope, longest };
  },
  secantPair(to, from, s, y) {
    let [sy, ss, yy] = [0, 0, 0];
    for (let j = 0; j < s.length; j++) {
      const d = to.G[j]! - from.G[j]!;
      const e = to.c[j]! - to.wanted[j]! - from.c[j]! + from.wanted[j]!;
      s[j] = d;
      y[j] = e;
      sy += d * e;
      ss += d * d;
      yy += e * e;
    }
    return { sy, ss, yy };
  },
  difference(x, y, out) {
    let far = 0;
    for (let j = 0; j < out.length; j++) {
      out[j] = x[j]! - y[j]!;
      far = Math.max(far, Math.abs(out[j]!));
    }
    return far;
  },
  along(x, t, y, out) {
    for (let j = 0; j < out.length; j++) out[j] = x[j]! + t * y[j]!;
  },
  product(x, y, out) {
    for (let j = 0; j < out.length; j++) out[j] = x[j]! * y[j]!;
  },
};
