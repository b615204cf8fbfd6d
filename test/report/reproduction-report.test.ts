import { describe, expect, test } from 'vitest';
import { reportHtml, reportJson } from '../../src/report/report.ts';
import type { Reproduction } from '../../src/reproduce/reproduction.ts';
import { reproductionReport } from '../../src/reproduce/reproduction-report.ts';

const made = { seed: 4, versions: { viaduct: '0' }, quick: true };
const table: Reproduction = {
  name: 'gaussian',
  title: 'KL < 1',
  columns: [
    { key: 'dimension', heading: 'd' },
    { key: 'method', heading: 'method' },
    { key: 'kl', heading: 'KL' },
    { key: 'spread', heading: '±' },
  ],
  rows: [
    { method: 'network', dimension: 5, seeds: 2, seconds: 1, kl: 0.00123, spread: 0.0002 },
    { method: 'DSB (published)', dimension: 20, seeds: 0, seconds: 0, kl: 0.01 },
  ],
  notes: ['One note.'],
  figures: [],
  checks: [],
  seconds: 3,
};

describe('the report of a reproduction', () => {
  test('holds its table, its notes and a picture of the table', async () => {
    const report = await reproductionReport(table, made);
    const html = reportHtml(report);
    for (const part of ['KL &lt; 1', 'One note.', '<td class="number">0.00123</td>', '<td>–</td>', 'd = 20', '<svg'])
      expect(html).toContain(part);
    // No checks, no verdict on them.
    expect(html).not.toMatch(/checks (pass|fail)/);
    expect(JSON.parse(reportJson(report))).toMatchObject({
      ok: true,
      seed: 4,
      quick: true,
      name: 'gaussian',
      rows: table.rows,
      notes: table.notes,
    });
  });

  test('keeps pictures of its own, and draws none without a figure to draw', async () => {
    const own = { title: 'a', caption: 'b', svg: '<svg/>' };
    expect((await reproductionReport({ ...table, figures: [own] }, made)).figures).toEqual([own]);
    expect((await reproductionReport({ ...table, columns: table.columns.slice(0, 2) }, made)).figures).toEqual([]);
  });
});
