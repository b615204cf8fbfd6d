// How many times faster, and over which cells: the arithmetic of the comparison with other libraries.
import type { Cell, Measurement } from './discrete-cell.ts';

export const OURS = 'viaduct';
/** POT's log-domain iteration, which `ot.solve` calls. */
export const SAFE = 'pot sinkhorn_log';
/** POT's network simplex: no regularisation, no iteration. */
export const EXACT = 'pot emd';
/** What a peer may take to count as having solved a cell, in seconds. */
export const PEER_BUDGET = 20;

/** One cell: ours beside the best entropic peer, POT's safe default and the exact solver. Ratios are peer over ours. */
export interface Comparison extends Cell {
  readonly ours?: Measurement;
  /** Absent when no peer reached the target within the budget. */
  readonly best?: Measurement;
  readonly ratio?: number;
  /** The fastest of POT's entropic solvers. */
  readonly pot?: Measurement;
  readonly potRatio?: number;
  readonly safe?: Measurement;
  readonly safeRatio?: number;
  readonly exact?: Measurement;
  readonly exactRatio?: number;
}

/** The cells of the measurements, in the order of their first appearance. */
export function compare(measurements: readonly Measurement[], budget: number = PEER_BUDGET): Comparison[] {
  const cells = new Map<string, Measurement[]>();
  for (const row of measurements) {
    const id = [row.family, row.n, row.eps, row.target].join('|');
    cells.set(id, [...(cells.get(id) ?? []), row]);
  }
  return [...cells.values()].map((rows) => {
    const { family, n, eps, target } = rows[0]!;
    const of = (solver: string): Measurement | undefined => rows.find((row) => row.solver === solver);
    const [ours, safe, exact] = [of(OURS), of(SAFE), of(EXACT)];
    const peers = rows
      .filter(({ solver, seconds }) => !solver.startsWith(OURS) && solver !== EXACT && seconds !== null && seconds <= budget)
      .sort((s, t) => s.seconds! - t.seconds!);
    const best = peers[0];
    const pot = peers.find(({ solver }) => solver.startsWith('pot '));
    return {
      ...{ family, n, eps, target },
      ...present({ ours, best, pot, safe, exact }),
      ...present({ ratio: over(best, ours), potRatio: over(pot, ours), safeRatio: over(safe, ours), exactRatio: over(exact, ours) }),
    };
  });
}

/** The cells of one n, eps and target together. */
export interface Group {
  readonly n: number;
  readonly eps: number;
  readonly target: number;
  readonly cells: number;
  readonly solvedByUs: number;
  readonly solvedByPeers: number;
  /** Geometric mean of the ratios over the cells that both solved, and how many these are. */
  readonly ratio: number | undefined;
  readonly ratioCells: number;
  readonly safeRatio: number | undefined;
  readonly safeCells: number;
  /** Smallest ratio of POT's entropic solvers, and of its exact one: above 1 when we are faster in every cell. */
  readonly worstPot: number | undefined;
  readonly worstExact: number | undefined;
  /** Geometric means of the seconds over the cells that each solved. */
  readonly ourSeconds: number | undefined;
  readonly peerSeconds: number | undefined;
}

export function groups(comparisons: readonly Comparison[]): Group[] {
  const byKey = new Map<string, Comparison[]>();
  for (const one of comparisons) {
    const id = [one.n, one.eps, one.target].join('|');
    byKey.set(id, [...(byKey.get(id) ?? []), one]);
  }
  return [...byKey.values()].map((members) => {
    const { n, eps, target } = members[0]!;
    const numbers = (pick: (one: Comparison) => number | null | undefined): number[] =>
      members.map(pick).filter((x): x is number => typeof x === 'number');
    const ratios = numbers(({ ratio }) => ratio);
    const safe = numbers(({ safeRatio }) => safeRatio);
    const ours = numbers((one) => one.ours?.seconds);
    const peers = numbers((one) => one.best?.seconds);
    return {
      ...{ n, eps, target, cells: members.length },
      solvedByUs: ours.length,
      solvedByPeers: peers.length,
      ratio: geometricMean(ratios),
      ratioCells: ratios.length,
      safeRatio: geometricMean(safe),
      safeCells: safe.length,
      worstPot: smallest(numbers(({ potRatio }) => potRatio)),
      worstExact: smallest(numbers(({ exactRatio }) => exactRatio)),
      ourSeconds: geometricMean(ours),
      peerSeconds: geometricMean(peers),
    };
  });
}

/** How the time at the larger size compares with (larger/smaller)² times that at the smaller one, over the cells solved at both. */
export function growth(
  measurements: readonly Measurement[],
  smaller: number,
  larger: number,
): { readonly mean: number; readonly worst: number; readonly cells: number } | undefined {
  const ours = measurements.filter((row) => row.solver === OURS);
  const factors = ours.flatMap((big) => {
    const small = ours.find((row) => row.n === smaller && row.family === big.family && row.eps === big.eps && row.target === big.target);
    if (big.n !== larger || typeof big.seconds !== 'number' || typeof small?.seconds !== 'number') return [];
    return [big.seconds / small.seconds / (larger / smaller) ** 2];
  });
  if (factors.length === 0) return undefined;
  return { mean: geometricMean(factors)!, worst: Math.max(...factors), cells: factors.length };
}

/** exp of the mean logarithm; undefined of nothing. */
export function geometricMean(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  return Math.exp(values.reduce((sum, x) => sum + Math.log(x), 0) / values.length);
}

function smallest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.min(...values);
}

function over(peer: Measurement | undefined, ours: Measurement | undefined): number | undefined {
  if (typeof peer?.seconds !== 'number' || typeof ours?.seconds !== 'number') return undefined;
  return peer.seconds / ours.seconds;
}

/** Without the entries that are undefined. */
function present<T extends object>(entries: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as never;
}
