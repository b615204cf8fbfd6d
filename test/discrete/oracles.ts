import { type DiscreteMarginal, discreteMarginal } from '../../src/marginals/discrete-marginal.ts';
import { type RandomSource, randomSource } from '../../src/numerics/random.ts';

/** The optimal assignment of an n × n matrix by the Hungarian method with potentials: an algorithm other than the one under test. */
export function hungarian(cost: readonly (readonly number[])[]): number {
  const n = cost.length;
  const u = new Array<number>(n + 1).fill(0);
  const v = new Array<number>(n + 1).fill(0);
  const match = new Array<number>(n + 1).fill(0);
  for (let i = 1; i <= n; i++) {
    const way = new Array<number>(n + 1).fill(0);
    const least = new Array<number>(n + 1).fill(Number.POSITIVE_INFINITY);
    const used = new Array<boolean>(n + 1).fill(false);
    match[0] = i;
    let j0 = 0;
    do {
      used[j0] = true;
      let delta = Number.POSITIVE_INFINITY;
      let j1 = 0;
      for (let j = 1; j <= n; j++) {
        if (used[j]) continue;
        const reduced = cost[match[j0]! - 1]![j - 1]! - u[match[j0]!]! - v[j]!;
        if (reduced < least[j]!) {
          least[j] = reduced;
          way[j] = j0;
        }
        if (least[j]! < delta) {
          delta = least[j]!;
          j1 = j;
        }
      }
      for (let j = 0; j <= n; j++) {
        if (used[j]) {
          u[match[j]!]! += delta;
          v[j]! -= delta;
        } else least[j]! -= delta;
      }
      j0 = j1;
    } while (match[j0] !== 0);
    do {
      const j1 = way[j0]!;
      match[j0] = match[j1]!;
      j0 = j1;
    } while (j0 !== 0);
  }
  let total = 0;
  for (let j = 1; j <= n; j++) total += cost[match[j]! - 1]![j - 1]!;
  return total;
}

/** n random points with random weights of mass 1. */
export function randomMarginal(n: number, dimension: number, random: RandomSource, uniform = false): DiscreteMarginal {
  const points = Array.from({ length: n }, () => Array.from({ length: dimension }, () => random.normal()));
  if (uniform) return discreteMarginal({ points });
  const raw = Array.from({ length: n }, () => random.uniform() + 0.05);
  const total = raw.reduce((a, b) => a + b, 0);
  return discreteMarginal({ points, weights: raw.map((w) => w / total) });
}

/** A random matrix of normal costs, some negative. */
export function randomCosts(n: number, m: number, seed: number): number[][] {
  const random = randomSource(seed);
  return Array.from({ length: n }, () => Array.from({ length: m }, () => random.normal()));
}
