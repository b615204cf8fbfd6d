import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { parseMarginal } from '../../src/cli/marginal-spec.ts';
import { runProgram } from '../../src/cli/program.ts';
import { parseReference } from '../../src/cli/reference-spec.ts';
import { readPoints, writePoints } from '../../src/io/files.ts';
import * as shapes from '../../src/marginals/shapes.ts';
import { randomSource } from '../../src/numerics/random.ts';

const scratch = mkdtempSync(join(tmpdir(), 'viaduct-bridge-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function run(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const streams = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), interactive: false };
  const status = await runProgram(['bridge', ...argv], streams);
  return { status, out, err };
}

const QUICK = ['--iterations', '1', '--inner-steps', '30', '--steps', '5', '--hidden', '16', '--quiet'];
const BRIEF = ['--inner-steps', '30', '--steps', '5', '--quiet'];
const ENDS = ['--source', 'gaussian:mean=0,0:cov=1', '--target', 'moons:noise=0.1:scale=1.5'];

function digestOf(json: string): string {
  return JSON.parse(json).digest;
}

describe('viaduct bridge', () => {
  test('trains, reports, generates; a finished run resumed writes the same JSON again', async () => {
    const [folder, out, samples, json] = ['run', 'report', 'samples.csv', 'a.json'].map((name) => join(scratch, name)) as [
      string,
      string,
      string,
      string,
    ];
    const first = await run(...ENDS, ...QUICK, '--checkpoint', folder, '--out', out, '--samples', samples, '--count', '50', '--json', json);
    expect([0, 1]).toContain(first.status);
    const report = JSON.parse(readFileSync(json, 'utf8'));
    expect(report.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(report.halfSteps).toHaveLength(2);
    const names = report.checks.map(({ name }: { name: string }) => name);
    expect(names).toHaveLength(7);
    // The two of its own, and what theory says of one iteration.
    for (const name of ['Stein', 'two-sample', 'reciprocity', 'Sinkhorn rounds', 'Sinkhorn bridge']) expect(names.join()).toContain(name);
    expect(first.status).toBe(report.ok ? 0 : 1);
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('<svg');
    expect(readPoints(samples)).toMatchObject({ count: 50, dimension: 2 });

    const again = await run(...ENDS, ...QUICK, '--checkpoint', folder, '--resume', '--json');
    expect(again.out).toBe(readFileSync(json, 'utf8'));

    const careless = await run(...ENDS, ...QUICK, '--checkpoint', folder);
    expect(careless.status).toBe(2);
    expect(careless.err).toContain('--resume');

    const other = await run('--source', 'gaussian:mean=5,0', '--target', 'moons', ...QUICK, '--checkpoint', folder, '--resume');
    expect(other.status).toBe(2);
    expect(existsSync(folder)).toBe(true);
  });

  test.each([['matching'], ['endpoint'], ['moment']])('scheme %s, with and without the Gaussian base', async (scheme) => {
    const [based, alone] = [
      await run(...ENDS, ...QUICK, '--scheme', scheme, '--json'),
      await run(...ENDS, ...QUICK, '--scheme', scheme, '--network-only', '--json'),
    ];
    const [a, b] = [JSON.parse(based.out), JSON.parse(alone.out)];
    expect(a.digest).not.toBe(b.digest);
    // So short a training leaves a network alone far from the target, and one on a Gaussian base near it.
    expect(a.marginalError.target).toBeLessThan(b.marginalError.target);
  });

  test('the default regresses end points', async () => {
    const [plain, named] = [await run(...ENDS, ...QUICK, '--json'), await run(...ENDS, ...QUICK, '--scheme', 'endpoint', '--json')];
    expect(digestOf(plain.out)).toBe(digestOf(named.out));
  });

  test.each([
    ['score', BRIEF, { halfSteps: 1, check: 'arrival at the source' }],
    ['flow', [...BRIEF, '--minibatch', '64'], { halfSteps: 0, check: 'disagreement of the two laws' }],
    ['moment', [...BRIEF, '--iterations', '1', '--covariance', 'network'], { halfSteps: 2, check: 'arrival at the target' }],
    ['mixture', ['--components', '3', '--covariance', 'full', '--quiet'], { halfSteps: 0, check: 'arrival at the target' }],
  ] as const)('scheme %s: points, report and JSON', async (scheme, options, { halfSteps, check }) => {
    const [out, samples] = [join(scratch, scheme), join(scratch, `${scheme}.csv`)];
    const { status, err } = await run(...ENDS, '--scheme', scheme, ...options, '--samples', samples, '--count', '400', '--out', out);
    const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
    expect([status, err]).toEqual([report.ok ? 0 : 1, '']);
    expect(report.halfSteps).toHaveLength(halfSteps);
    expect(report.checks.map(({ name }: { name: string }) => name).join()).toContain(check);
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('<svg');
    const points = readPoints(samples);
    expect(points).toMatchObject({ count: 400, dimension: 2 });
    // The source is N(0, I), the moons are centred at (0.75, 0.375): which end was generated shows in the mean.
    const mean = points.data.reduce((sum, x, i) => sum + (i % 2 === 0 ? x / 400 : 0), 0);
    expect(scheme === 'score' ? Math.abs(mean) < 0.4 : mean > 0.35).toBe(true);
  });

  test('a covariance of another scheme is refused with those of its own', async () => {
    const moment = await run(...ENDS, '--scheme', 'moment', '--covariance', 'full');
    expect([moment.status, moment.err]).toEqual([2, expect.stringContaining('use constant or network')]);
    const mixture = await run(...ENDS, '--scheme', 'mixture', '--covariance', 'network');
    expect([mixture.status, mixture.err]).toEqual([2, expect.stringContaining('use diagonal or full')]);
  });

  test('a mixture converges or exits with 1, and tells its steps', async () => {
    const { status, out, err } = await run(...ENDS, '--scheme', 'mixture', '--components', '2');
    expect(out).toMatch(/^converged after \d+ steps, loss [\d.-]+,.* digest [0-9a-f]{64}$/m);
    expect(err).toMatch(/step \d+ of EM, loss .* nats to gain$/m);
    expect(status).toBe(/^fail /m.test(out) ? 1 : 0);
  });

  test('flow between two files learns from their whole plan, with --minibatch from plans of parts', async () => {
    const [a, b] = ['a.csv', 'b.csv'].map((name) => join(scratch, name)) as [string, string];
    writePoints(a, shapes.moons({ noise: 0.1 }).sample(80, randomSource(1)));
    writePoints(b, shapes.sCurve({ noise: 0.1 }).sample(60, randomSource(2)));
    const flow = ['--source', a, '--target', b, '--scheme', 'flow', '--inner-steps', '30', '--steps', '5', '--json'];
    const [whole, parts] = [await run(...flow), await run(...flow, '--minibatch', '40')];
    expect(digestOf(whole.out)).not.toBe(digestOf(parts.out));
    expect(whole.err).toContain('entropic plan of the end points');
    expect(parts.err).not.toContain('entropic plan');
  });

  test('a score model goes on from its checkpoint', async () => {
    const folder = join(scratch, 'score-run');
    const score = [...ENDS, '--scheme', 'score', ...BRIEF, '--checkpoint', folder, '--json'];
    const [first, again] = [await run(...score), await run(...score, '--resume')];
    expect(again.out).toBe(first.out);
  });

  test('says before training what it will hold in memory and what is doubtful, then how it goes', async () => {
    const far = ['--source', 'gaussian:mean=0,0:cov=4', '--target', 'gaussian:mean=9,0:cov=4', '--sigma', '0.3'];
    const { err } = await run(...far, '--iterations', '1', '--inner-steps', '30', '--steps', '5');
    const lines = err.trim().split('\n');
    // 5 transitions × 5000 paths × (2 copies of 2 + 2 coordinates + 1 place in the order) × 4 bytes.
    expect(lines[0]).toBe('memory: 879 KiB for the training');
    expect(lines[1]).toMatch(/^warning: diffusionBridge: ρ² = .* predicts \d+ iterations/);
    expect(lines[2]).toMatch(/^bridge: half-step 1\/2 \[-{20}\] {3}0 %$/);
    // One line every few seconds, and this takes less.
    expect(lines.length).toBeLessThanOrEqual(5);
  });

  test('a terminal has one line, no wider than it is, with loss, rate and time left', async () => {
    let err = '';
    const streams = { out: () => {}, err: (text: string) => void (err += text), interactive: true, columns: 80 };
    await runProgram(['bridge', ...ENDS, '--iterations', '1', '--inner-steps', '200', '--steps', '5', '--engine', 'linear'], streams);
    const shown = [...err.matchAll(/\r([^\r\n]*)/g)].map(([, text]) => text!);
    expect(Math.max(...shown.map(({ length }) => length))).toBe(79);
    expect(
      shown.some((text) => /^bridge: half-step [12]\/2 \[#+-*\] +\d+ %, loss [\d.e+-]+, \d+(\.\d+)? steps\/s, \d+ s left *$/.test(text)),
    ).toBe(true);
  });

  test('a network of log-variances: its memory, and a loss of its own in the second half of every half-step', async () => {
    let err = '';
    const streams = { out: () => {}, err: (text: string) => void (err += text), interactive: true, columns: 120 };
    const brief = ['--iterations', '1', '--inner-steps', '100', '--steps', '5', '--engine', 'linear', '--scheme', 'moment'];
    await runProgram(['bridge', ...ENDS, ...brief, '--covariance', 'network'], streams);
    // 879 KiB of a cache, 313 KiB of residuals, and three networks.
    const [, size] = err.match(/^memory: ([\d.]+) MiB for the training$/m)!;
    expect(Number(size)).toBeGreaterThan(2);
    const shown = [...err.matchAll(/\r([^\r\n]*)/g)].map(([, text]) => text!).filter((text) => /half-step [12]\/2/.test(text));
    const share = (text: string): number => Number(text.match(/(\d+) %/)![1]);
    const second = shown.filter((text) => text.includes(', covariance loss '));
    expect(second.length).toBeGreaterThan(2);
    for (const text of second) expect(share(text) % 50, text).toBeGreaterThanOrEqual(share(text) % 50 === 0 ? 0 : 25);
    for (const text of shown.filter((one) => / loss /.test(one) && !second.includes(one)))
      expect(share(text) % 50, text).toBeLessThanOrEqual(25);
  });

  test('engine linear is another model than the network', async () => {
    const [a, b] = [await run(...ENDS, ...BRIEF, '--json'), await run(...ENDS, ...BRIEF, '--engine', 'linear', '--json')];
    expect(digestOf(a.out)).not.toBe(digestOf(b.out));
  });

  test('engine tensorflow says what it runs on and what it could not have', async () => {
    vi.doMock('@tensorflow/tfjs-node', () => {
      throw new Error("Cannot find package '@tensorflow/tfjs-node'");
    });
    const brief = ['--iterations', '1', '--inner-steps', '5', '--steps', '3', '--hidden', '8'];
    const { status, out, err } = await run(...ENDS, ...brief, '--engine', 'tensorflow');
    vi.doUnmock('@tensorflow/tfjs-node');
    expect([0, 1]).toContain(status);
    expect(out).toMatch(/max-iterations after 2 half-steps/);
    expect(err).toContain('--engine tensorflow: @tensorflow/tfjs-node is not used: ');
    expect(err).toContain('--engine tensorflow: backend wasm');
  });

  test('engine tensorflow where none is installed says what to do', async () => {
    const names = ['@tensorflow/tfjs-node', '@tensorflow/tfjs-backend-wasm', '@tensorflow/tfjs'];
    for (const name of names) {
      vi.doMock(name, () => {
        throw new Error(`Cannot find package '${name}'`);
      });
    }
    const { status, err } = await run(...ENDS, ...BRIEF, '--engine', 'tensorflow');
    for (const name of names) vi.doUnmock(name);
    expect(status).toBe(2);
    expect(err).toMatch(/^viaduct: --engine tensorflow: .*npm install @tensorflow\/tfjs .*, or pass --engine mlp$/m);
  });

  test.each([
    [['--source', 'moon', '--target', 'moons'], "nothing is called 'moon'"],
    [['--source', 'gaussian:mean=0:var=1', '--target', 'moons'], 'gaussian takes mean=…, cov=…'],
    [['--source', 'gaussian:mean=0,x', '--target', 'moons'], 'no number'],
    [['--source', 'gaussian:mean=0,0:cov=1,2,3', '--target', 'moons'], 'cov has 3 numbers; give 1, 2 (a diagonal) or 4'],
    [['--source', 'moons', '--target', 'moons', '--resume'], '--resume needs --checkpoint'],
    [['--source', 'moons', '--target', 'moons', '--sigma', '1', '--reference', 'brownian'], 'exclude each other'],
    [['--source', 'moons', '--target', 'moons', '--reference', 'levy'], "no reference is called 'levy'"],
    [['--source', 'moons', '--target', 'moons', '--hidden', '0'], '--hidden'],
    [['--source', 'moons', '--target', 'moons', '--scheme', 'best'], '--scheme'],
    [['--source', 'moons', '--target', 'moons', '--engine', 'pytorch'], '--engine'],
    [['--source', 'moons', '--target', 'moons', '--engine', 'linear', '--hidden', '8'], '--engine linear has none'],
    [['--source', 'moons', '--target', 'moons', '--scheme', 'mixture', '--iterations', '3'], '--iterations is for --scheme endpoint'],
    [['--source', 'moons', '--target', 'moons', '--scheme', 'mixture', '--network-only'], '--network-only is for'],
    [['--source', 'moons', '--target', 'moons', '--scheme', 'score', '--iterations', '3'], 'not score'],
    [['--source', 'moons', '--target', 'moons', '--components', '3'], '--components is for --scheme mixture, not endpoint'],
    [['--source', 'moons', '--target', 'moons', '--minibatch', '3'], '--minibatch is for --scheme flow'],
    [['--source', 'moons', '--target', 'gaussian:mean=0:cov=1', ...QUICK], 'dimension'],
    [['--source', 'nowhere.csv', '--target', 'moons'], 'nowhere.csv'],
  ])('%j', async (argv, text) => {
    const { status, err } = await run(...argv);
    expect(status).toBe(2);
    expect(err).toContain(text);
    expect(err.trim().split('\n')).toHaveLength(1);
  });

  test('specifications say what they mean', () => {
    const gaussian = parseMarginal('--source', 'gaussian:mean=1,2:cov=1,0.5,0.5,2');
    expect(Array.from(gaussian.mean())).toEqual([1, 2]);
    expect(gaussian.covariance().to1DArray()).toEqual([1, 0.5, 0.5, 2]);
    expect(parseMarginal('--source', 'gaussian:mean=1,2:cov=1,3').covariance().to1DArray()).toEqual([1, 0, 0, 3]);
    expect(parseReference('ornstein-uhlenbeck:rate=2:sigma=1:mean=0,1').kind).toBe('ornstein-uhlenbeck');
    expect(parseReference('variance-preserving').horizon).toBe(1);
    expect(parseReference('brownian:sigma=2:horizon=3').effectiveEpsilon).toBeCloseTo(12, 12);
  });
});
