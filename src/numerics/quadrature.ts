/** Nodes and weights of the ten-point Gauss–Legendre rule on [−1, 1], positive half. */
const NODES = [0.1488743389816312, 0.4333953941292472, 0.6794095682990244, 0.8650633666889845, 0.9739065285171717] as const;
const WEIGHTS = [0.2955242247147529, 0.2692667193099963, 0.219086362515982, 0.1494513491505806, 0.0666713443086881] as const;

/** ∫_a^b φ by the ten-point Gauss–Legendre rule on `panels` equal panels; exact for polynomials of degree 19 on each. */
export function integrate(phi: (t: number) => number, a: number, b: number, panels = 8): number {
  const half = (b - a) / panels / 2;
  let sum = 0;
  for (let p = 0; p < panels; p++) {
    const center = a + (2 * p + 1) * half;
    for (let i = 0; i < NODES.length; i++) {
      sum += WEIGHTS[i]! * (phi(center - half * NODES[i]!) + phi(center + half * NODES[i]!));
    }
  }
  return sum * half;
}

/**
 * Nodes on [0, 1] whose gaps halve towards both ends until they are as short as the scales given there: a mesh for functions that change
 * fast near the ends.
 */
export function gradedMesh(startScale: number, endScale: number): number[] {
  const towards = (scale: number): number[] => {
    const levels = Math.max(3, Math.ceil(Math.log2(1 / scale)));
    return Array.from({ length: levels }, (_, k) => 2 ** (k - levels));
  };
  return [
    0,
    ...towards(startScale),
    ...towards(endScale)
      .map((gap) => 1 - gap)
      .reverse()
      .slice(1),
    1,
  ];
}
