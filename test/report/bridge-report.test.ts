import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Bridge } from '../../src/couplings/bridge.ts';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { errorBudget } from '../../src/diagnostics/error-budget.ts';
import { theoremChecks } from '../../src/diagnostics/theorem-checks.ts';
import { bridgeMatching } from '../../src/diffusion/bridge-matching.ts';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import { mixtureBridge } from '../../src/diffusion/mixture-bridge.ts';
import { scoreModel } from '../../src/diffusion/score-model.ts';
import { sinkhornFlowMatching } from '../../src/diffusion/sinkhorn-flow-matching.ts';
import { sinkhornBridge } from '../../src/discrete/sinkhorn-bridge.ts';
import { linear } from '../../src/drifts/linear.ts';
import { mlp } from '../../src/drifts/mlp.ts';
import { DomainError } from '../../src/errors.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { dataMarginal } from '../../src/marginals/discrete-marginal.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/brownian.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { bridgeReport } from '../../src/report/bridge-report.ts';
import { type Report, reportHtml, reportJson, writeReport } from '../../src/report/report.ts';
import { planarGaussians } from '../laws/planar-gaussians.ts';

const scratch = mkdtempSync(join(tmpdir(), 'viaduct-report-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const plane = planarGaussians();
const short = { grid: timeGrid.uniform({ steps: 6 }), drift: linear(), innerSteps: 20, cache: 2000, seed: 1 } as const;

const names = ({ checks }: Report): string => checks.map(({ name }) => name).join('; ');
const failed = ({ checks }: Report): string[] => checks.filter(({ ok }) => !ok).map(({ name }) => name);
const titles = ({ figures }: Report): string[] => figures.map(({ title }) => title);

describe('a trained run between Gaussians', () => {
  test('laws, exact plan, theorems, budget, pictures; the same again from the same run', async () => {
    const run = await diffusionBridge(plane, { ...short, iterations: 3 });
    const report = await bridgeReport(run, { title: 'A <run>', versions: { viaduct: '0' } });
    expect(failed(report)).toEqual([]);
    const theorems = await theoremChecks(run);
    expect(report.checks).toHaveLength(3 + theorems.length);
    expect(theorems.length).toBe(10);
    for (const { name, limit } of theorems) expect(report.checks).toContainEqual(expect.objectContaining({ name, goal: limit }));
    expect(titles(report)).toEqual(['Error budget', 'Marginals over time', 'Paths']);
    // Not the words of the report's own tables, but the figures of the diagnostics behind them.
    const budget = await errorBudget(run);
    const first = budget.rows.filter(({ halfStep }) => halfStep === 1).flatMap(({ ipf }) => [...ipf]);
    const size = Math.hypot(...first) / Math.sqrt(first.length);
    expect(report.tables![1]!.rows).toHaveLength(6);
    expect(report.tables![1]!.rows[0]![1]).toBeCloseTo(size, 12);
    const json = JSON.parse(reportJson(report));
    expect(json).toMatchObject({ ok: true, digest: run.digest, status: 'max-iterations', seed: 1 });
    expect(json.halfSteps).toHaveLength(6);
    expect(json.budget).toHaveLength(30);
    expect(reportJson(await bridgeReport(run, { versions: { viaduct: '0' } }))).toBe(reportJson(report));
    writeReport(scratch, report);
    const html = readFileSync(join(scratch, 'report.html'), 'utf8');
    expect(html).toContain('A &lt;run&gt;');
    expect(html.match(/<svg/g)).toHaveLength(3);
    expect(html).toContain('Distance from the exact bridge');
    expect(JSON.parse(readFileSync(join(scratch, 'report.json'), 'utf8'))).toEqual(json);
  });

  test('an untrained network fails', async () => {
    const run = await diffusionBridge(plane, { ...short, iterations: 1, drift: mlp({ hidden: [8] }), innerSteps: 1, learningRate: 1e-9 });
    const report = await bridgeReport(run, { budgetPaths: 1000 });
    for (const part of ['arrival at the target', 'disagreement', 'plan against the exact one', 'Stein']) {
      expect(failed(report).join()).toContain(part);
    }
    expect(reportHtml(report)).toContain('checks fail.');
    expect(JSON.parse(reportJson(report)).ok).toBe(false);
  });

  test('stopped after one half-step: what was not learned is not judged', async () => {
    const stop = new AbortController();
    const run = await diffusionBridge(plane, {
      ...short,
      iterations: 2,
      signal: stop.signal,
      onProgress: ({ halfStep }) => void (halfStep === 2 && stop.abort()),
    });
    expect(run.halfSteps).toHaveLength(1);
    const report = await bridgeReport(run);
    expect(report.checks).toHaveLength(1);
    expect(JSON.parse(reportJson(report)).status).toBe('aborted');
  });
});

describe('every scheme', () => {
  test('bridge matching, flow matching from a plan and from mini-batches', async () => {
    const matching = await bridgeReport(await bridgeMatching(plane, { ...short, iterations: 2 }));
    expect(failed(matching)).toEqual([]);
    const { iterations: _, ...training } = { ...short, iterations: 0 };
    const flow = await bridgeReport(await sinkhornFlowMatching(plane, { ...training, coupling: gaussianBridge(plane) }));
    expect(failed(flow)).toEqual([]);
    expect(names(flow)).toContain('disagreement');
    const explained = 'Checks that do not apply';
    expect(flow.tables).toHaveLength(3);
    expect(flow.tables!.at(-1)!.title).toBe(explained);
    // One answer, no course over half-steps to draw.
    expect(titles(flow)).toEqual(['Marginals over time', 'Paths']);
    const batches = await sinkhornFlowMatching(plane, { ...training, coupling: () => gaussianBridge(plane) });
    expect((await bridgeReport(batches)).tables!.map(({ title }) => title)).toEqual([expect.any(String), explained]);
  });

  test('a score model arrives at its source', async () => {
    const problem = bridgeProblem({
      ...ends(plane),
      reference: brownian({ sigma: 4 }),
      target: gaussianMarginal({ mean: [0, 0], covariance: 17 }),
    });
    const grid = timeGrid.uniform({ steps: 60 });
    const report = await bridgeReport(await scoreModel(problem, { ...short, grid, innerSteps: 100 }));
    expect(names(report)).toContain('arrival at the source');
    expect(names(report)).toContain('Stein');
    expect(names(report)).not.toContain('disagreement');
    expect(report.figures.at(-1)!.caption).toContain('backward');
  });

  test('closed forms: Gaussian, mixture, Sinkhorn', async () => {
    const gaussian = await bridgeReport(gaussianBridge(plane));
    // Three of its laws, five of theory; those that need iterates are explained.
    expect(gaussian.checks).toHaveLength(8);
    expect(gaussian.results).toMatchObject({ inapplicable: Array.from({ length: 7 }, () => expect.anything()) });
    expect(failed(gaussian)).toEqual([]);
    const known = await bridgeReport(gaussianBridge(plane), { truth: gaussianBridge(plane) });
    for (const part of ['drift against the exact one', 'energy against the exact one']) expect(names(known)).toContain(part);
    expect(failed(known)).toEqual([]);
    const mixture = await bridgeReport(await mixtureBridge(plane, { components: 1, covariance: 'full', samples: 1000 }));
    expect(failed(mixture)).toEqual([]);
    expect(mixture.tables).toHaveLength(3);
    expect(names(mixture)).toContain('Stein');
    const data = (side: 'source' | 'target') => dataMarginal(plane[side].sample(60, randomSource(1).split(side)));
    const sinkhorn = await bridgeReport(sinkhornBridge(bridgeProblem({ ...ends(plane), source: data('source'), target: data('target') })), {
      seed: 3,
    });
    expect(names(sinkhorn)).toContain('arrival at the target, L1');
    expect(failed(sinkhorn)).toEqual([]);
    expect(sinkhorn).toMatchObject({ seed: 3, tables: [{ title: 'Checks that do not apply' }] });
    for (const part of ['Stein', 'two-sample', 'reciprocity']) expect(names(sinkhorn)).toContain(part);
  });

  test('bad input is named', async () => {
    await expect(bridgeReport({} as Bridge)).rejects.toThrow(DomainError);
    await expect(bridgeReport({} as Bridge)).rejects.toThrow('bridgeReport: this is no bridge');
    await expect(bridgeReport(gaussianBridge(plane), { paths: 3 } as never)).rejects.toThrow("unknown option 'paths'");
  });
});

function ends({ source, target, reference }: typeof plane) {
  return { source, target, reference };
}
