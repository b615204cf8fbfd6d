import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import type { Reproduction } from '../../src/reproduce/reproduction.ts';
import { reproductionCheck } from '../../src/reproduce/reproduction-check.ts';
import { reproductions } from '../../src/reproduce/reproductions.ts';

const scratch = mkdtempSync(join(tmpdir(), 'viaduct-reproduce-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function run(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const streams = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), interactive: false };
  const status = await runProgram(argv, streams);
  return { status, out, err };
}

describe('viaduct reproduce, in parts', () => {
  test('one set and one method of two-d', async () => {
    const part = ['--sets', 's-curve', '--methods', 'sinkhornFlowMatching', '--quick', '--seeds', '1'];
    const { status, out, err } = await run('reproduce', 'two-d', ...part);
    expect(status).toBe(0);
    // 5 partners of 1000 points, 20 transitions, 9 numbers of 4 bytes.
    expect(err).toContain('memory: 3.43 MiB for the training');
    expect(err).toMatch(/^reproduce two-d: S-curve: seed 0, exact bridge \[-{20}\] {3}0 %$/m);
    expect(out).toMatch(/S-curve +sinkhornFlowMatching/);
    expect(out).not.toMatch(/bridgeMatching {2}|^moons/m);
  });

  test('what there is not is refused, with what there is', async () => {
    const wrong = await run('reproduce', 'two-d', '--sets', 'moons,spiral');
    expect([wrong.status, wrong.err]).toEqual([2, expect.stringContaining("there is no set 'spiral'; use moons, s-curve, 8-gaussians")]);
    const empty = await run('reproduce', 'two-d', '--methods', 'bridgeMatching,');
    expect([empty.status, empty.err]).toEqual([2, expect.stringContaining('--methods must be names separated by commas')]);
    const other = await run('reproduce', 'theorem', '--sets', 'moons');
    expect([other.status, other.err]).toEqual([2, expect.stringContaining('reproduce theorem: --sets is for two-d; leave it out')]);
    const epsilon = await run('reproduce', 'two-d', '--epsilon', '1');
    expect([epsilon.status, epsilon.err]).toEqual([2, expect.stringContaining('--epsilon is for benchmark')]);
  });
});

describe('viaduct reproduce judges what it finds', () => {
  /** A table of three figures: one reached, one that chance may explain, one missed by far. */
  async function judgedTable(values: readonly number[], ...options: string[]) {
    const checks = values.map((value, i) => reproductionCheck(`figure ${i}`, value, { goal: 1, limit: 1.5, meaning: 'At most one.' }));
    const row = { method: 'ours', dimension: 1, seeds: 5, seconds: 0 };
    const table: Reproduction = { name: 'theorem', title: 'T', columns: [], rows: [row], notes: [], figures: [], checks, seconds: 0 };
    const spy = vi.spyOn(reproductions, 'theorem').mockResolvedValue(table);
    try {
      return await run('reproduce', 'theorem', ...options);
    } finally {
      spy.mockRestore();
    }
  }

  test('a figure that misses fails the command, one within the errors of its mean does not', async () => {
    const out = join(scratch, 'judged');
    const missed = await judgedTable([0.5, 1.2, 2], '--out', out);
    expect(missed.status).toBe(1);
    expect(missed.out).toMatch(/^pass figure 0 +0.5 +≤ 1, fails above 1.5$/m);
    expect(missed.out).toMatch(/^warn figure 1 +1.2 /m);
    expect(missed.out).toMatch(/^fail figure 2 +2 /m);
    expect(missed.err).toContain('reproduce theorem: 1 of 3 figures miss what is to be reached: figure 2\n');
    const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
    const three = [{ verdict: 'pass' }, { verdict: 'warn', goal: 1, limit: 1.5 }, { verdict: 'fail', value: 2 }];
    expect(report).toMatchObject({ ok: false, toReach: three, checks: three });
    expect(missed.out).toMatch(/^1 of 3 checks pass, 1 warns, 1 fails$/m);
    const page = readFileSync(join(out, 'report.html'), 'utf8');
    expect(page).toContain('1 of 3 checks fail, 1 warns.');
    expect(page).toContain('<tr class="warn"><td>warn</td><td>figure 1</td>');
    expect((await judgedTable([0.5, 1.2])).status).toBe(0);
  });

  test('the quick form shows its figures and judges none', async () => {
    const out = join(scratch, 'quick');
    const quick = await judgedTable([0.5, 2], '--quick', '--out', out);
    expect([quick.status, quick.err]).toEqual([0, '']);
    expect(quick.out).toMatch(/^not judged figure 1 +2 /m);
    const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
    expect(report).toMatchObject({ ok: true, checks: [], toReach: [{ verdict: 'not judged' }, { verdict: 'not judged' }] });
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('To reach, not judged in the quick form');
  });

  test('theorem in full: the shape of the bound, and DSB below one iteration at short horizons', async () => {
    const { status, out } = await run('reproduce', 'theorem');
    expect(status).toBe(0);
    expect(out.match(/^pass /gm)).toHaveLength(5);
    expect(out).not.toMatch(/^(warn|fail)/m);
  });

  test('gaussian in its quick form: floor, independent coupling and goal in thousandths, and a report', async () => {
    const out = join(scratch, 'gaussian');
    const { status, out: text } = await run(
      'reproduce',
      'gaussian',
      '--quick',
      '--dimension',
      '5',
      '--seeds',
      '1',
      '--network-only',
      '--out',
      out,
    );
    expect(status).toBe(0);
    expect(text).toMatch(/^d +method +KL +± +floor +independent +excess +to reach +published +s$/m);
    const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
    const [ours] = report.rows;
    // N(∓0.1, I): independent ends leave (1 − t)² + t² + t(1 − t) where the bridge has the law of its plan.
    expect(ours.independent).toBeCloseTo(independentKl(5), 2);
    expect(ours.independent).toBeGreaterThan(20 * ours.floor);
    expect(text).toContain(String(Number((1000 * ours.independent).toPrecision(3))));
    expect(text).toMatch(/^not judged d = 5: diffusionBridge, endpoint .* ≤ 0\.25/m);
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('<svg');
  });
});

/** The mean over 21 times of KL(independent | bridge) between N(∓0.1·1, I) over Brownian motion: means agree, cross-covariance (√5 − 1)/2. */
function independentKl(dimension: number): number {
  let sum = 0;
  for (let k = 0; k <= 20; k++) {
    const t = k / 20;
    const apart = (1 - t) ** 2 + t ** 2 + t * (1 - t);
    const ratio = apart / (apart + t * (1 - t) * (Math.sqrt(5) - 1));
    sum += (dimension / 2) * (ratio - 1 - Math.log(ratio));
  }
  return sum / 21;
}
