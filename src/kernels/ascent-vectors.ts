/** A point of the semi-dual as vectors of the columns: G, the column sums c of its plan, and what they should be. */
export interface ColumnVectors {
  readonly G: Float64Array;
  readonly c: Float64Array;
  readonly wanted: Float64Array;
}

/** What climbing the semi-dual asks of vectors of equal length, padding included; sums are over all of it. */
export interface AscentVectors {
  /**
   * logRatio = log b − penalty·(G − log b) − log c, with log b in `logs` (−∞ in the padding, where the ratio is no number). Returns
   * Σ|c − wanted|, Σ wanted, and where b > 0 Σ wanted·G and min c.
   */
  compareColumns(
    columns: ColumnVectors & { readonly logs: Float64Array; readonly penalty: number },
    logRatio: Float64Array,
  ): { readonly error: number; readonly linear: number; readonly mass: number; readonly least: number };
  /**
   * Makes a direction safe: components where Sinkhorn's step tau·logRatio is longer than `wild`, or the direction longer than
   * 2·wild + 2|tau·logRatio|, become Sinkhorn's. Returns Σ (c − wanted)·direction and the longest component.
   */
  guardStep(
    direction: Float64Array,
    columns: Omit<ColumnVectors, 'G'> & { readonly logRatio: Float64Array },
    tau: number,
    wild: number,
  ): { readonly slope: number; readonly longest: number };
  /** s = G − G₀ and y = (c − wanted) − (c₀ − wanted₀) from one point to another. Returns s·y, s·s and y·y. */
  secantPair(
    to: ColumnVectors,
    from: ColumnVectors,
    s: Float64Array,
    y: Float64Array,
  ): { readonly sy: number; readonly ss: number; readonly yy: number };
  /** out = x − y; returns max|out|. */
  difference(x: Float64Array, y: Float64Array, out: Float64Array): number;
  /** out = x + t·y. */
  along(x: Float64Array, t: number, y: Float64Array, out: Float64Array): void;
  /** out = x·y by components. */
  product(x: Float64Array, y: Float64Array, out: Float64Array): void;
}
