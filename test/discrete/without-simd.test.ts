import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

/** Modules that have compiled nothing yet. */
async function fresh() {
  vi.resetModules();
  const [discrete, { entropicProblem }, marginals, { BackendUnavailableError }] = await Promise.all([
    import('../../src/discrete/index.ts'),
    import('../../src/couplings/index.ts'),
    import('../../src/marginals/index.ts'),
    import('../../src/errors.ts'),
  ]);
  return { ...discrete, ...marginals, entropicProblem, BackendUnavailableError };
}

const forbidden = (): never => {
  throw new Error('content policy');
};

describe.each<[string, object | undefined]>([
  ['without WebAssembly', undefined],
  ['without SIMD', { validate: () => false }],
  ['that forbids compiling', { validate: () => true, Module: forbidden }],
])('in a runtime %s', (_, stub) => {
  let reference: { readonly primal: number; readonly grid: number };
  beforeEach(async () => {
    reference = solve(await fresh());
    vi.stubGlobal('WebAssembly', stub);
  });
  afterEach(() => void vi.unstubAllGlobals());

  const line = Array.from({ length: 70 }, (_, i) => [i / 20]);
  const problems = ({ discreteMarginal, gridMarginal, entropicProblem }: Awaited<ReturnType<typeof fresh>>) => {
    const [source, target] = [discreteMarginal({ points: line }), discreteMarginal({ points: line.map(([x]) => [x! ** 2 / 3]) })];
    const image = (at: number) => {
      const raw = Array.from({ length: 144 }, (_, i) => Math.exp(-(((i % 12) - at) ** 2) / 8));
      return gridMarginal({ shape: [12, 12], weights: raw.map((w) => w / raw.reduce((s, v) => s + v)), spacing: 0.1 });
    };
    return {
      points: entropicProblem({ source, target, epsilon: 0.05 }),
      grid: entropicProblem({ source: image(3), target: image(8), epsilon: 0.05 }),
    };
  };

  function solve(modules: Awaited<ReturnType<typeof fresh>>) {
    const { points, grid } = problems(modules);
    const [a, b] = [modules.sinkhorn(points), modules.sinkhorn(grid)];
    expect([a.status, b.status]).toEqual(['converged', 'converged']);
    return { primal: a.value.primal, grid: b.value.primal, engines: [a.stats.engine, b.stats.engine] };
  }

  it('plain TypeScript gives the same answers, and stats say so', async () => {
    const found = solve(await fresh());
    expect(found.engines).toEqual(['typescript', 'typescript']);
    expect(found.primal).toBeCloseTo(reference.primal, 9);
    expect(found.grid).toBeCloseTo(reference.grid, 9);
  });

  it('WebAssembly that is asked for is refused by name, with the remedy', async () => {
    const modules = await fresh();
    const { points, grid } = problems(modules);
    for (const problem of [points, grid]) {
      expect(() => modules.sinkhorn(problem, { engine: 'wasm' })).toThrow(modules.BackendUnavailableError);
      expect(() => modules.sinkhorn(problem, { engine: 'wasm' })).toThrow(/typescript/);
    }
  });
});
