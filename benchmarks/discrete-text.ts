// Numbers as tables show them.

/** Two or three digits in the unit that fits. */
export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (value >= 100) return `${value.toFixed(0)} s`;
  if (value >= 1) return `${value.toPrecision(3)} s`;
  const ms = 1000 * value;
  return `${ms >= 100 ? ms.toFixed(0) : ms.toPrecision(ms >= 10 ? 3 : 2)} ms`;
}

/** A ratio. */
export function factor(value: number | undefined): string {
  if (value === undefined) return '–';
  return `${value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toPrecision(2)}×`;
}

/** 10⁻⁶ for 1e-6. */
export function power(value: number): string {
  const exponent = Math.round(Math.log10(value));
  const digits = [...String(Math.abs(exponent))].map((d) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(d)]).join('');
  return Math.abs(value / 10 ** exponent - 1) < 1e-9 ? `10${exponent < 0 ? '⁻' : ''}${digits}` : String(value);
}

/** A Markdown table; the first column is text, the others are numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, k) => Math.max(cell.length, ...rows.map((row) => row[k]!.length), 3));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, k) => (k === 0 ? cell.padEnd(widths[k]!) : cell.padStart(widths[k]!))).join(' | ')} |`;
  const rule = `| ${widths.map((w, k) => (k === 0 ? '-'.repeat(w) : `${'-'.repeat(w - 1)}:`)).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}
