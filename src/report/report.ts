import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError, FormatError } from '../errors.ts';
import { writeFileAtomic } from '../io/files.ts';

/** One figure with the limit that decides about it, and perhaps a goal below that limit. */
export interface Check {
  readonly name: string;
  /** Finite. */
  readonly value: number;
  /** A value up to this passes. */
  readonly goal: number;
  /** A value above this fails; one between goal and limit is a warning. */
  readonly limit: number;
  /** `'pass'`: value ≤ goal; `'warn'`: goal < value ≤ limit; `'fail'`: above. */
  readonly verdict: 'pass' | 'warn' | 'fail';
  /** Whether it does not fail: `verdict !== 'fail'`, and what an exit status asks. */
  readonly ok: boolean;
  /** One sentence: what it says when it passes. */
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
 * Makes a check: it passes up to the goal, fails above the limit, and warns between them. Without a goal there is nothing between.
 *
 * @param options `goal`: at most the limit, and the limit by default
 * @throws DomainError when value, limit or goal is not finite, so that a NaN never passes for a figure, or when the goal is above the limit
 * @example
 * ```ts
 * import { check } from 'viaduct/report';
 * console.log(check('error', 0.5, 1, 'The error is below one.').verdict); // → pass
 * const { verdict, ok } = check('error', 0.5, 1, 'The error is below a tenth.', { goal: 0.1 });
 * console.log(verdict, ok); // → warn true
 * ```
 */
export function check(name: string, value: number, limit: number, meaning: string, options: { readonly goal?: number } = {}): Check {
  const { goal = limit } = options;
  if (![value, limit, goal].every(Number.isFinite)) {
    throw new DomainError(
      `check: '${name}' has value ${value}, goal ${goal} and limit ${limit}; they must be finite, so look at what computed them`,
    );
  }
  if (goal > limit) throw new DomainError(`check: '${name}' has goal ${goal} above its limit ${limit}; pass a goal of at most the limit`);
  const verdict = value <= goal ? 'pass' : value <= limit ? 'warn' : 'fail';
  return Object.freeze({ name, value, goal, limit, verdict, ok: verdict !== 'fail', meaning });
}

/** How many checks have each verdict. */
export function verdicts(checks: readonly Check[]): { readonly [verdict in Check['verdict']]: number } {
  const counts = { pass: 0, warn: 0, fail: 0 };
  for (const { verdict } of checks) counts[verdict]++;
  return counts;
}

/**
 * The JSON form of a report: `{ ok, seconds, seed, versions, checks, …results }`; `ok` says that no check fails.
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
${summaryLine(checks)}
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

function summaryLine(checks: readonly Check[]): string {
  if (checks.length === 0) return '';
  const { pass, warn, fail } = verdicts(checks);
  const warnings = warn === 0 ? '' : `, ${warn} ${warn === 1 ? 'warns' : 'warn'}`;
  const [mark, text] =
    fail > 0
      ? ['fail', `${fail} of ${checks.length} checks fail${warnings}.`]
      : warn > 0
        ? ['warn', `${pass} of ${checks.length} checks pass${warnings}, none fails.`]
        : ['pass', `All ${checks.length} checks pass.`];
  return `<p class="${mark} verdict">${text}</p>`;
}

function checkTable(checks: readonly Check[]): string {
  if (checks.length === 0) return '';
  const rows = checks.map(({ name, value, goal, limit, verdict, meaning }) => {
    const figures = [value, goal, limit].map((figure) => `<td class="number">${number(figure)}</td>`).join('');
    return `<tr class="${verdict}"><td>${verdict}</td><td>${escape(name)}</td>${figures}<td>${escape(meaning)}</td></tr>`;
  });
  return `<table><thead><tr><th></th><th>check</th><th>value</th><th>passes up to</th><th>fails above</th><th>what it says</th></tr></thead><tbody>
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
:root { color-scheme: light dark; --line: #8884; --pass: #2a9d6f; --warn: #b7791f; --fail: #d1495b; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.pass td:first-child, .verdict.pass { color: var(--pass); font-weight: 600; }
tr.warn td:first-child, .verdict.warn { color: var(--warn); font-weight: 600; }
tr.fail td:first-child, .verdict.fail { color: var(--fail); font-weight: 600; }
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
