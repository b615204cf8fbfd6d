import { csvFormatRows, csvParseRows } from 'd3-dsv';
import { FormatError } from '../errors.ts';
import { type Points, toRows } from '../numerics/points.ts';

/** A table of numbers. */
export interface CsvTable {
  /** Names from the header, or `x1`, `x2`, … when there is none. */
  readonly columns: readonly string[];
  /** Row-major, `count × columns.length`. */
  readonly data: Float64Array;
  readonly count: number;
}

/**
 * Reads comma-separated numbers. A first row with a cell that is no number is the header.
 *
 * @throws FormatError naming row and column of the first cell that is empty or no number
 * @example
 * ```ts
 * import { parseCsv } from 'viaduct/io';
 * console.log(parseCsv('a,b\n1,2\n3,4\n').count); // → 2
 * ```
 */
export function parseCsv(text: string): CsvTable {
  const rows = csvParseRows(text.replace(/^\uFEFF/, '')).filter((row) => !(row.length === 1 && row[0]!.trim() === ''));
  const first = rows[0];
  if (first === undefined) throw new FormatError('parseCsv: the text is empty; give at least one row of numbers');
  const headed = first.some((cell) => !isNumber(cell));
  const columns = headed ? first.map((cell) => cell.trim()) : first.map((_, k) => `x${k + 1}`);
  const body = headed ? rows.slice(1) : rows;
  if (body.length === 0) throw new FormatError('parseCsv: there is a header and no row; give at least one row of numbers');
  const data = new Float64Array(body.length * columns.length);
  body.forEach((row, i) => {
    const line = i + (headed ? 2 : 1);
    if (row.length !== columns.length) {
      throw new FormatError(`parseCsv: line ${line} has ${row.length} cells, the first has ${columns.length}; make all rows equally long`);
    }
    row.forEach((cell, k) => {
      if (!isNumber(cell)) {
        throw new FormatError(`parseCsv: line ${line}, column '${columns[k]}' is '${cell}', not a number; remove or repair that row`);
      }
      data[i * columns.length + k] = Number(cell);
    });
  });
  return { columns, data, count: body.length };
}

/**
 * Writes points as comma-separated numbers with a header.
 *
 * @param columns names, default `x1`, `x2`, …
 * @example
 * ```ts
 * import { formatCsv } from 'viaduct/io';
 * import { points } from 'viaduct';
 * console.log(formatCsv(points([[1, 2]])).trim().split('\n')[1]); // → 1,2
 * ```
 */
export function formatCsv(points: Points, columns?: readonly string[]): string {
  const header = columns ?? Array.from({ length: points.dimension }, (_, k) => `x${k + 1}`);
  return `${csvFormatRows([[...header], ...toRows(points).map((row) => row.map(String))])}\n`;
}

function isNumber(cell: string): boolean {
  return cell.trim() !== '' && Number.isFinite(Number(cell));
}
