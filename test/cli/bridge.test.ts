import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseMarginal } from '../../src/cli/marginal-spec.ts';
import { runProgram } from '../../src/cli/program.ts';
import { parseReference } from '../../src/cli/reference-spec.ts';
import { readPoints } from '../../src/io/files.ts';

const scratch = mkdtempSync(join(tmpdir(), 'viaduct-bridge-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function run(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const streams = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), interactive: false };
  const status = await runProgram(['bridge', ...argv], streams);
  return { status, out, err };
}

const QUICK = ['--iterations', '1', '--inner-steps', '30', '--steps', '5', '--hidden', '16', '--quiet'];
const ENDS = ['--source', 'gaussian:mean=0,0:cov=1', '--target', 'moons:noise=0.1:scale=1.5'];

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
