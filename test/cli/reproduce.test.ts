import { describe, expect, test } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';

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
    expect(err).toContain('memory: 3.43 MiB for the cache of the training');
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
