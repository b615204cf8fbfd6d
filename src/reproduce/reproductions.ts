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

/** What narrows a table to a part of it, where it can be run in parts. */
export type Part = 'epsilon' | 'sets' | 'methods';

/** The tables that run in parts, and by what. */
export const parts: { readonly [name: string]: readonly Part[] } = { benchmark: ['epsilon', 'methods'], 'two-d': ['sets', 'methods'] };
