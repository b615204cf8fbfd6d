import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError, FormatError } from '../errors.ts';
import { writeFileAtomic } from '../io/files.ts';

/** One figure with a limit. */
export interface Check {
  readonly name: string;
  /** Finite. */
  readonly value: number;
  /** The check holds when value ≤ limit. */
  readonly limit: number;
  readonly ok: boolean;
  /** One sentence: what it says when it holds. */
  readonly meaning: string;
}

/** A picture with the sentence that says what to see. */
export interface Figure {
  readonly title: string;
  readonly caption: string;
  readonly svg: string;
}

/** Rows under headings. */
export interface Table {
  readonly title: string;
  readonly headings: readonly string[];
  /** As many cells as there are headings; numbers are shown with four digits, absent ones as a dash. */
  readonly rows: readonly (readonly (string | number | undefined)[])[];
}

/** What a run reports. */
export interface Report {
  readonly title: string;
  /** Paragraphs before the checks. */
  readonly summary: readonly string[];
  /** Tables on the page; what the JSON has of them is in `results`. @defaultValue none */
  readonly tables?: readonly Table[];
  readonly seconds: number;
  readonly seed: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly checks: readonly Check[];
  readonly figures: readonly Figure[];
  /** Further results, as they go into the JSON. */
  readonly results: Readonly<Record<string, unknown>>;
}

/**
 * Makes a check: it holds when the value is at most the limit.
 *
 * @throws DomainError when value or limit is not finite, so that a NaN never passes for a figure
 * @example
 * ```ts
 * import { check } from 'viaduct/report';
 * console.log(check('error', 0.5, 1, 'The error is below one.').ok); // → true
 * ```
 */
export function check(name: string, value: number, limit: number, meaning: string): Check {
  if (!Number.isFinite(value) || !Number.isFinite(limit)) {
    throw new DomainError(`check: '${name}' has value ${value} and limit ${limit}; both must be finite, so look at what computed them`);
  }
  return Object.freeze({ name, value, limit, ok: value <= limit, meaning });
}

/**
 * The JSON form of a report: `{ ok, seconds, seed, versions, checks, …results }`.
 *
 * @example
 * ```ts
 * import { reportJson } from 'viaduct/report';
 * const report = { title: 't', summary: [], seconds: 1, seed: 0, versions: {}, checks: [], figures: [], results: {} };
 * console.log(JSON.parse(reportJson(report)).ok); // → true
 * ```
 */
export function reportJson({ seconds, seed, versions, checks, results }: Report): string {
  const ok = checks.every((one) => one.ok);
  return `${JSON.stringify({ ok, seconds, seed, versions, checks, ...results }, plainArrays, 2)}\n`;
}

/** Typed arrays as lists. */
function plainArrays(_key: string, value: unknown): unknown {
  return ArrayBuffer.isView(value) ? Array.from(value as Float64Array) : value;
}

/**
 * The page of a report: self-contained, with its pictures inside.
 *
 * @example
 * ```ts
 * import { reportHtml } from 'viaduct/report';
 * const report = { title: 'A run', summary: [], seconds: 1, seed: 0, versions: {}, checks: [], figures: [], results: {} };
 * console.log(reportHtml(report).includes('A run')); // → true
 * ```
 */
export function reportHtml({ title, summary, tables = [], seconds, seed, versions, checks, figures }: Report): string {
  const pictures = figures.map(
    (figure) => `<figure><h2>${escape(figure.title)}</h2>${figure.svg}<figcaption>${escape(figure.caption)}</figcaption></figure>`,
  );
  const made = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escape(title)}</h1>
${verdict(checks)}
${summary.map((paragraph) => `<p>${escape(paragraph)}</p>`).join('\n')}
${checkTable(checks)}
${tables.map(tableHtml).join('\n')}
${pictures.join('\n')}
<footer>${seconds.toFixed(1)} s, seed ${seed}. ${escape(made.join(', '))}.</footer>
</main>
</body>
</html>
`;
}

function verdict(checks: readonly Check[]): string {
  if (checks.length === 0) return '';
  const failed = checks.filter((one) => !one.ok).length;
  const text = failed === 0 ? `All ${checks.length} checks hold.` : `${failed} of ${checks.length} checks fail.`;
  return `<p class="${failed === 0 ? 'ok' : 'bad'} verdict">${text}</p>`;
}

function checkTable(checks: readonly Check[]): string {
  if (checks.length === 0) return '';
  const rows = checks.map(
    (one) =>
      `<tr class="${one.ok ? 'ok' : 'bad'}"><td>${one.ok ? 'ok' : 'FAILS'}</td><td>${escape(one.name)}</td><td>${number(one.value)}</td><td>${number(one.limit)}</td><td>${escape(one.meaning)}</td></tr>`,
  );
  return `<table><thead><tr><th></th><th>check</th><th>value</th><th>limit</th><th>what it says</th></tr></thead><tbody>
${rows.join('\n')}
</tbody></table>`;
}

function tableHtml({ title, headings, rows }: Table): string {
  const cell = (value: string | number | undefined): string =>
    typeof value === 'number' ? `<td class="number">${number(value)}</td>` : `<td>${value === undefined ? '–' : escape(value)}</td>`;
  return `<h2>${escape(title)}</h2>
<table><thead><tr>${headings.map((heading) => `<th>${escape(heading)}</th>`).join('')}</tr></thead><tbody>
${rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n')}
</tbody></table>`;
}

/**
 * Writes `report.html` and `report.json` into a folder, which is made when absent; each file whole or not at all.
 *
 * @throws FormatError when the folder cannot be made or written
 * @example
 * ```ts no-run
 * import { writeReport } from 'viaduct/report';
 * writeReport('out', { title: 't', summary: [], seconds: 1, seed: 0, versions: {}, checks: [], figures: [], results: {} });
 * ```
 */
export function writeReport(directory: string, report: Report): void {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (cause) {
    throw new FormatError(`${directory}: cannot be made (${(cause as Error).message}); choose another folder`, { cause });
  }
  writeFileAtomic(join(directory, 'report.html'), reportHtml(report));
  writeFileAtomic(join(directory, 'report.json'), reportJson(report));
}

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --ok: #2a9d6f; --bad: #d1495b; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td:nth-child(3), td:nth-child(4), td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.ok td:first-child, .verdict.ok { color: var(--ok); font-weight: 600; }
tr.bad td:first-child, .verdict.bad { color: var(--bad); font-weight: 600; }
figure { margin: 2.5rem 0; }
figure svg { max-width: 100%; height: auto; }
figcaption { opacity: .85; max-width: 46rem; }
footer { margin-top: 3rem; opacity: .7; font-size: .85rem; }
`;

function number(value: number): string {
  return String(Number(value.toPrecision(4)));
}

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
