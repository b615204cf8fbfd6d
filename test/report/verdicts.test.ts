import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JSDOM } from 'jsdom';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import type { dimensionReport } from '../../src/cli/validate/dimension-report.ts';
import { theoremCheck } from '../../src/diagnostics/theorem-check.ts';
import type { theoremChecks } from '../../src/diagnostics/theorem-checks.ts';
import { check, type Report, reportHtml, reportJson } from '../../src/report/report.ts';

const scratch = mkdtempSync(join(tmpdir(), 'viaduct-verdicts-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Values of the checks that the commands below are given; each passes up to 1 and fails above 3. */
const given: { values: readonly number[] } = { values: [] };

vi.mock('../../src/diagnostics/theorem-checks.ts', () => ({
  theoremChecks: async (): ReturnType<typeof theoremChecks> => {
    const lines = given.values.map((value, i) =>
      theoremCheck({ name: `figure ${i}`, value, limit: 1, knowledge: 'samples', meaning: 'At most one.' }),
    );
    return Object.assign(lines, { inapplicable: [] });
  },
}));
vi.mock('../../src/cli/validate/dimension-report.ts', () => ({
  dimensionReport: async (): ReturnType<typeof dimensionReport> => judged(given.values),
}));

function judged(values: readonly number[]): Report {
  const checks = values.map((value, i) => check(`figure ${i}`, value, 3, 'At most one.', { goal: 1 }));
  return { title: 'T', summary: [], seconds: 2, seed: 0, versions: {}, checks, figures: [], results: {} };
}

async function run(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const streams = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), interactive: false };
  return { status: await runProgram(argv, streams), out, err };
}

describe('a check', () => {
  test.each([
    [1, 'pass', true],
    [1.0000001, 'warn', true],
    [3, 'warn', true],
    [3.0000001, 'fail', false],
  ] as const)('of value %d, goal 1 and limit 3: %s', (value, verdict, ok) => {
    expect(check('a', value, 3, 'Words.', { goal: 1 })).toEqual({ name: 'a', value, goal: 1, limit: 3, verdict, ok, meaning: 'Words.' });
  });

  test('without a goal has nothing between', () => {
    expect([check('a', 2, 2, ''), check('a', 2.1, 2, '')].map(({ goal, verdict }) => [goal, verdict])).toEqual([
      [2, 'pass'],
      [2, 'fail'],
    ]);
  });

  test('is refused by name', () => {
    expect(() => check('a', 1, 2, '', { goal: 3 })).toThrow("check: 'a' has goal 3 above its limit 2; pass a goal of at most the limit");
    expect(() => check('a', 1, 2, '', { goal: Number.NaN })).toThrow(/^check: 'a' has value 1, goal NaN and limit 2; they must be finite/);
  });
});

describe('a report', () => {
  const page = (...values: number[]): Document => new JSDOM(reportHtml(judged(values))).window.document;

  test('has a row for each check, marked by its verdict, with goal and limit', () => {
    const rows = [...page(0.5, 2, 4).querySelectorAll('tbody tr')];
    expect(rows.map((row) => [row.className, ...[...row.children].map(({ textContent }) => textContent)])).toEqual([
      ['pass', 'pass', 'figure 0', '0.5', '1', '3', 'At most one.'],
      ['warn', 'warn', 'figure 1', '2', '1', '3', 'At most one.'],
      ['fail', 'fail', 'figure 2', '4', '1', '3', 'At most one.'],
    ]);
  });

  test.each([
    [[0.5, 0.5], 'pass verdict', 'All 2 checks pass.'],
    [[0.5, 2], 'warn verdict', '1 of 2 checks pass, 1 warns, none fails.'],
    [[0.5, 2, 2, 4], 'fail verdict', '1 of 4 checks fail, 2 warn.'],
  ])('of values %j is summed up as "%s"', (values, mark, text) => {
    const line = page(...values).querySelector('.verdict')!;
    expect([line.className, line.textContent]).toEqual([mark, text]);
  });

  test('is JSON with verdict and ok: a warning is no pass, and does not fail', () => {
    const { ok, checks } = JSON.parse(reportJson(judged([0.5, 2])));
    expect([ok, checks.map((one: { verdict: string; ok: boolean }) => [one.verdict, one.ok])]).toEqual([
      true,
      [
        ['pass', true],
        ['warn', true],
      ],
    ]);
    expect(JSON.parse(reportJson(judged([0.5, 4])))).toMatchObject({ ok: false, checks: [{ ok: true }, { verdict: 'fail', ok: false }] });
  });
});

describe('a command prints a warning as one, and fails only by a failure', () => {
  const bridge = ['bridge', '--source', 'gaussian:mean=0:cov=1', '--target', 'gaussian:mean=0.5:cov=1', '--quiet'];
  const linear = ['--engine', 'linear', '--iterations', '3', '--steps', '10', '--inner-steps', '20'];
  beforeEach(() => {
    given.values = [0.5, 2];
  });

  test('viaduct bridge, on the terminal and in its report', async () => {
    const out = join(scratch, 'bridge');
    const argv = [...bridge.slice(0, -1), ...linear, '--out', out];
    const warned = await run(...argv);
    expect(warned.status).toBe(0);
    expect(warned.out).toMatch(/^pass figure 0 +0\.5 {2}≤ 1, fails above 3$/m);
    expect(warned.out).toMatch(/^warn figure 1 +2 {2}≤ 1, fails above 3$/m);
    expect(warned.out).toMatch(/^pass arrival at the target, BW²-UVP in % +[\d.e-]+ {2}≤ 5$/m);
    expect(warned.out).toMatch(/^4 of 5 checks pass, 1 warns$/m);
    const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
    expect(report.ok).toBe(true);
    expect(report.checks.at(-1)).toMatchObject({ name: 'figure 1', goal: 1, limit: 3, verdict: 'warn', ok: true });
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('<tr class="warn"><td>warn</td><td>figure 1</td>');
    given.values = [2, 4];
    const failed = await run(...argv);
    expect(failed.status).toBe(1);
    expect(failed.out).toMatch(/^fail figure 1 +4 /m);
    expect(failed.out).toMatch(/^3 of 5 checks pass, 1 warns, 1 fails$/m);
  });

  test('viaduct validate, which is npm start', async () => {
    const warned = await run('validate', '--dimension', '1');
    expect([warned.status, warned.err]).toEqual([0, '']);
    expect(warned.out).toBe(
      'pass figure 0       0.5  ≤ 1, fails above 3\nwarn figure 1         2  ≤ 1, fails above 3\n1 of 2 checks pass, 1 warns, 2.0 s\n',
    );
    given.values = [0.5, 2, 4];
    const failed = await run('validate', '--dimension', '1');
    expect([failed.status, failed.err]).toEqual([1, 'validate: 1 of 3 checks fail: figure 2\n']);
    expect(failed.out).toMatch(/^fail figure 2 +4 {2}≤ 1, fails above 3\n1 of 3 checks pass, 1 warns, 1 fails, 2\.0 s$/m);
  });
});
