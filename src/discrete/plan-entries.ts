import type { PlanEntries, TransportPlan } from './transport-plan.ts';

/** Collects entries and hands them out sorted by row, in the order of their coming within one. */
export class PlanBuilder {
  private count = 0;
  private readonly rows: Int32Array;
  private readonly columns: Int32Array;
  private readonly masses: Float64Array;

  constructor(capacity: number) {
    this.rows = new Int32Array(capacity);
    this.columns = new Int32Array(capacity);
    this.masses = new Float64Array(capacity);
  }

  /** Adds an entry when it carries mass. */
  add(row: number, column: number, mass: number): void {
    if (!(mass > 0)) return;
    this.rows[this.count] = row;
    this.columns[this.count] = column;
    this.masses[this.count++] = mass;
  }

  /** Makes one of the first and the last entry if they are of the same pair. */
  mergeEnds(): void {
    const last = this.count - 1;
    if (last < 1 || this.rows[0] !== this.rows[last] || this.columns[0] !== this.columns[last]) return;
    this.masses[0]! += this.masses[last]!;
    this.count--;
  }

  /** @param n number of rows */
  entries(n: number): PlanEntries {
    const { count } = this;
    const place = new Int32Array(n + 1);
    for (let k = 0; k < count; k++) place[this.rows[k]! + 1]!++;
    for (let i = 0; i < n; i++) place[i + 1]! += place[i]!;
    const [rows, columns, masses] = [new Int32Array(count), new Int32Array(count), new Float64Array(count)];
    for (let k = 0; k < count; k++) {
      const to = place[this.rows[k]!]!++;
      rows[to] = this.rows[k]!;
      columns[to] = this.columns[k]!;
      masses[to] = this.masses[k]!;
    }
    return { rows, columns, masses };
  }
}

/** Entries sorted by row as an n × m plan. */
export function entriesPlan(n: number, m: number, entries: PlanEntries): TransportPlan {
  const { rows, columns, masses } = entries;
  const starts = new Int32Array(n + 1);
  for (let k = 0; k < rows.length; k++) starts[rows[k]! + 1]!++;
  for (let i = 0; i < n; i++) starts[i + 1]! += starts[i]!;
  const product = (values: Float64Array, count: number, size: number, from: Int32Array, to: Int32Array): Float64Array => {
    const length = values.length / count;
    const out = new Float64Array(size * count);
    for (let r = 0; r < count; r++) {
      for (let k = 0; k < masses.length; k++) out[r * size + to[k]!]! += masses[k]! * values[r * length + from[k]!]!;
    }
    return out;
  };
  return {
    rows: n,
    columns: m,
    entries,
    row(i) {
      const out = new Float64Array(m);
      for (let k = starts[i]!; k < starts[i + 1]!; k++) out[columns[k]!] = masses[k]!;
      return out;
    },
    apply: (V, count) => product(V, count, n, columns, rows),
    applyTranspose: (U, count) => product(U, count, m, rows, columns),
  };
}
