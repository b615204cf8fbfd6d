import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JSDOM } from 'jsdom';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { entropicProblem } from '../../src/couplings/index.ts';
import { sinkhorn } from '../../src/discrete/index.ts';
import { parseCsv } from '../../src/io/csv.ts';
import { parseNpy } from '../../src/io/npy.ts';
import { discreteMarginal } from '../../src/marginals/index.ts';
import { check, reportHtml, reportJson } from '../../src/report/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'viaduct-cli-'));
const file = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(() => {
  writeFileSync(file('a.csv'), 'x,y\n0,0\n1,0\n0,1\n');
  writeFileSync(file('b.csv'), 'x,y\n2,2\n3,2\n');
  writeFileSync(file('weighted.csv'), 'x,y,w\n0,0,1\n1,0,3\n');
  writeFileSync(file('line.csv'), '0\n1\n');
  writeFileSync(file('broken.csv'), 'x,y\n0,zero\n');
});

async function run(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const status = await runProgram(argv, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    interactive: false,
  });
  return { status, out, err };
}

describe('viaduct plan', () => {
  it('writes plan, map and picture, and says what it found', async () => {
    const files = ['--out', file('plan.npy'), '--map', file('map.csv'), '--plot', file('plan.svg')];
    const { status, out } = await run('plan', '--source', file('a.csv'), '--target', file('b.csv'), '--epsilon', '0.5', ...files);
    expect(status).toBe(0);
    expect(out).toMatch(/converged after \d+ iterations/);
    const plan = parseNpy(readFileSync(file('plan.npy')));
    expect(plan.shape).toEqual([3, 2]);
    expect(plan.data.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
    const map = parseCsv(readFileSync(file('map.csv'), 'utf8'));
    expect(map.columns).toEqual(['x', 'y']);
    expect(map.count).toBe(3);
    const svg = new JSDOM(readFileSync(file('plan.svg'), 'utf8'), { contentType: 'image/svg+xml' }).window.document;
    expect(svg.documentElement.tagName).toBe('svg');
    expect(svg.querySelectorAll('circle')).toHaveLength(5);
  });

  it('prints JSON and nothing else with --json', async () => {
    const { status, out } = await run(
      'plan',
      '--source',
      file('a.csv'),
      '--target',
      file('b.csv'),
      '--epsilon',
      '0.1',
      '--of-mean-cost',
      '--json',
    );
    expect(status).toBe(0);
    const result = JSON.parse(out);
    expect(result).toMatchObject({ ok: true, status: 'converged', points: [3, 2] });
    expect(result.value.gap).toBeLessThan(1e-8);
  });

  it('is silent with --quiet and exits with 1 when it did not converge', async () => {
    const common = ['plan', '--source', file('a.csv'), '--target', file('b.csv'), '--epsilon', '0.5', '--quiet'];
    expect(await run(...common)).toEqual({ status: 0, out: '', err: '' });
    expect((await run(...common, '--max-iterations', '1', '--tolerance', '1e-13')).status).toBe(1);
  });

  it('takes weights and costs, formulas included', async () => {
    const base = [
      'plan',
      '--source',
      file('weighted.csv'),
      '--target',
      file('weighted.csv'),
      '--weights-column',
      'w',
      '--epsilon',
      '1',
      '--json',
    ];
    const cost = async (name: string): Promise<number> => JSON.parse((await run(...base, '--cost', name)).out).value.linear;
    expect(await cost('(x1 - y1)^2 + (x2 - y2)^2')).toBeCloseTo(await cost('squared-euclidean'), 12);
    expect(await cost('lp:1')).toBeCloseTo(await cost('euclidean'), 12);
    expect(2 * (await cost('half-squared-euclidean'))).toBeGreaterThan(0);
  });
});

describe('viaduct plan with sides that are not exact, and its solver', () => {
  const base = ['plan', '--source', 'weighted.csv', '--target', 'weighted.csv', '--weights-column', 'w', '--json'];
  const json = async (...more: string[]) => {
    const { out } = await run(...base.map((word) => (word.endsWith('.csv') ? file(word) : word)), ...more);
    return JSON.parse(out);
  };
  const side = discreteMarginal({
    points: [
      [0, 0],
      [1, 0],
    ],
    weights: [1, 3],
  });

  it('penalises a side, or both, and keeps the masses of the file', async () => {
    const both = await json('--epsilon', '0.5', '--source-penalty', '2', '--target-penalty', '0.3');
    const marginals = { source: { kl: 2 }, target: { kl: 0.3 } };
    const wanted = sinkhorn(entropicProblem({ source: side, target: side, epsilon: 0.5, marginals }));
    expect(both.mass).toBeCloseTo(wanted.mass, 8);
    expect(both.value.primal).toBeCloseTo(wanted.value.primal, 8);
    const one = await json('--epsilon', '0.5', '--target-penalty', '0.3');
    expect(one.mass).toBeCloseTo(4, 8);
    expect((await json('--epsilon', '0.5')).mass).toBeCloseTo(1, 12);
  });

  it('moves a part of the mass', async () => {
    const result = await json('--epsilon', '0.01', '--mass', '2.5');
    expect(result).toMatchObject({ ok: true });
    expect(result.mass).toBeCloseTo(2.5, 8);
    expect(result.value.linear).toBeCloseTo(0, 8);
  });

  it('solves by the method, on the threads and within the time that are asked for', async () => {
    const plain = await json('--epsilon', '0.5', '--method', 'sinkhorn', '--threads', '1', '--time-limit', '60');
    const auto = await json('--epsilon', '0.5');
    expect(plain).toMatchObject({ status: 'converged', threads: 1 });
    expect(plain.value.linear).toBeCloseTo(auto.value.linear, 8);
    expect(await json('--epsilon', '0.5', '--method', 'log', '--time-limit', '1e-9')).toMatchObject({
      ok: false,
      status: 'time-limit',
    });
  });
});

describe('viaduct exact', () => {
  it('finds the optimum', async () => {
    const { status, out } = await run('exact', '--source', file('a.csv'), '--target', file('a.csv'), '--json');
    expect(status).toBe(0);
    expect(JSON.parse(out).value.linear).toBe(0);
  });
});

describe('wrong calls exit with 2 and one sentence that names the option', () => {
  const sides = ['--source', 'A', '--target', 'B'];
  it.each([
    [['plan', ...sides], /--epsilon/],
    [['plan', ...sides, '--epsilon', '0'], /--epsilon must be a number > 0, got '0'/],
    [['plan', ...sides, '--epsilon', 'tiny'], /--epsilon/],
    [['plan', '--source', 'A', '--epsilon', '1'], /--target/],
    [['plan', ...sides, '--epsilon', '1', '--speed', '9'], /--speed/],
    [['plan', '--source', 'nowhere.csv', '--target', 'B', '--epsilon', '1'], /nowhere\.csv: cannot be read/],
    [['plan', '--source', 'BROKEN', '--target', 'B', '--epsilon', '1'], /line 2, column 'y'/],
    [['plan', '--source', 'LINE', '--target', 'B', '--epsilon', '1'], /--target .* 2 coordinates/],
    [['plan', ...sides, '--epsilon', '1', '--cost', 'import({})'], /--cost/],
    [['plan', ...sides, '--epsilon', '1', '--cost', 'x1 +'], /--cost/],
    [['plan', ...sides, '--epsilon', '1', '--cost', 'x9'], /--cost/],
    [['plan', ...sides, '--epsilon', '1', '--cost', 'lp:-1'], /p > 0/],
    [['plan', ...sides, '--epsilon', '1', '--method', 'magic'], /--method/],
    [['plan', ...sides, '--epsilon', '1', '--threads', '0'], /--threads must be a whole number of at least 1, got '0'/],
    [['plan', ...sides, '--epsilon', '1', '--source-penalty', '0'], /--source-penalty must be a number > 0/],
    [['plan', ...sides, '--epsilon', '1', '--mass', '0.5', '--target-penalty', '1'], /--mass .* leave out/],
    [['plan', ...sides, '--epsilon', '1', '--mass', '0.5', '--method', 'newton'], /--method newton/],
    [['plan', ...sides, '--epsilon', '1', '--mass', '2'], /mass 2 does not fit/],
    [['exact', ...sides, '--method', 'log'], /--method/],
    [['plan', ...sides, '--epsilon', '1', '--weights-column', 'mass'], /--weights-column 'mass'/],
    [['plan', ...sides, '--epsilon', '1', '--plot', 'picture.png'], /\.svg/],
    [['plan', ...sides, '--epsilon', '1', '--out', 'plan.xls'], /--out/],
    [['plan', ...sides, '--epsilon', '1', '--out', 'no/such/folder/plan.npy'], /cannot be written/],
    [['validate', '--dimension', '0'], /--dimension/],
    [['validate', '--iterations', '3'], /--dimension/],
    [['validate', '--seed', '1.5'], /--seed/],
    [['fly'], /unknown command/],
    [[], /Usage/],
  ] as const)('%j', async (argv, words) => {
    const names: Record<string, string> = { A: file('a.csv'), B: file('b.csv'), BROKEN: file('broken.csv'), LINE: file('line.csv') };
    const before = readdirSync(folder);
    const { status, out, err } = await run(...argv.map((word) => names[word] ?? word));
    expect(status).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(words);
    expect(readdirSync(folder)).toEqual(before);
  });

  it('help and version are no errors', async () => {
    expect((await run('--help')).status).toBe(0);
    expect((await run('--version')).out).toMatch(/^\d+\.\d+\.\d+/);
  });
});

describe('reports', () => {
  const report = {
    title: 'A <run>',
    summary: ['words'],
    seconds: 1.5,
    seed: 3,
    versions: { viaduct: '0' },
    checks: [check('good', 1, 2, 'Fine.'), check('bad', 3, 2, 'Not.')],
    figures: [{ title: 'Picture', caption: 'See.', svg: '<svg xmlns="http://www.w3.org/2000/svg"></svg>' }],
    results: { values: Float64Array.of(1, 2) },
  };
  it('are pages that need nothing else', () => {
    const { document } = new JSDOM(reportHtml(report)).window;
    expect(document.querySelector('h1')!.textContent).toBe('A <run>');
    expect(document.querySelectorAll('tbody tr')).toHaveLength(2);
    expect(document.querySelectorAll('script, link, img')).toHaveLength(0);
    expect(document.querySelector('.verdict')!.textContent).toMatch(/1 of 2 checks fail/);
  });
  it('are JSON with a verdict', () => {
    expect(JSON.parse(reportJson(report))).toMatchObject({ ok: false, seed: 3, values: [1, 2] });
    expect(() => check('nothing', Number.NaN, 1, '')).toThrow(/finite/);
  });
});

it('validate --dimension writes a budget and exits by its checks', async () => {
  const { status, err } = await run('validate', '--dimension', '1', '--iterations', '1', '--quiet', '--json', file('budget.json'));
  const result = JSON.parse(readFileSync(file('budget.json'), 'utf8'));
  expect(result.budgets.map((one: { target: string; drift: string }) => `${one.target} ${one.drift}`)).toEqual([
    'mean linear',
    'drift linear',
    'simple linear',
    'moment linear',
    'endpoint linear',
    'mean mlp',
  ]);
  expect(status).toBe(result.ok ? 0 : 1);
  expect(err === '').toBe(result.ok);
  expect(result.budgets[0].rows[0]).toMatchObject({ halfStep: 1, moment: 'sourceMean' });
}, 120_000);
