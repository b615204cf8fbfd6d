import { benchmarkTable } from './benchmark-table.ts';
import { gaussianTable } from './gaussian-table.ts';
import { paperFigures } from './paper.ts';
import type { ReproduceOptions, Reproduction } from './reproduction.ts';
import { theoremOne } from './theorem-one.ts';
import { twoDimensional } from './two-d.ts';

/** The tables and figures of the field that `viaduct reproduce` runs again. */
export const reproductions: { readonly [name: string]: (options?: ReproduceOptions) => Promise<Reproduction> } = {
  benchmark: benchmarkTable,
  gaussian: gaussianTable,
  paper: paperFigures,
  theorem: theoremOne,
  'two-d': twoDimensional,
};

/** Those of which single sets and methods can be run. */
export const runInParts: readonly string[] = ['two-d'];
