import { describe, expect, it } from 'vitest';
import { costMatrix, squaredEuclidean } from '../../src/costs/index.ts';
import { type EntropicProblem, entropicProblem, transportProblem } from '../../src/couplings/index.ts';
import {
  barycenter,
  barycenterAsync,
  exactTransport,
  exactTransportAsync,
  sinkhorn,
  sinkhornAsync,
  sinkhornDivergence,
  sinkhornDivergenceAsync,
} from '../../src/discrete/index.ts';
import { ConvergenceError, DomainError, InfeasibleError, ViaductError } from '../../src/errors.ts';
import { discreteMarginal, gridMarginal, histogram } from '../../src/marginals/index.ts';
import type { Status } from '../../src/numerics/iterate.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { squaredDistances, sum } from './every-way.ts';
import { randomMarginal } from './oracles.ts';

interface Answer {
  readonly status: Status;
  readonly iterations: number;
  readonly warnings: readonly string[];
  toJSON(): object;
}
type Options = Readonly<Record<string, unknown>>;

const random = randomSource(41);
const [source, target] = [randomMarginal(25, 2, random), randomMarginal(30, 2, random)];
const image = (shape: number[]) => {
  const raw = Array.from({ length: shape[0]! * shape[1]! }, () => random.uniform());
  return gridMarginal({ shape, weights: raw.map((w) => w / sum(raw)), spacing: 0.1 });
};
const [left, right] = [image([14, 13]), image([13, 14])];
const entropic = (name: string, problem: EntropicProblem) =>
  [
    name,
    'sinkhorn',
    (options: Options): Answer => sinkhorn(problem, options),
    (options: Options): Promise<Answer> => sinkhornAsync(problem, options),
  ] as const;
const bary = (name: string, more: object) => {
  const problem = { measures: [source, target], epsilon: 0.1, ...more };
  return [
    name,
    'barycenter',
    (options: Options): Answer => barycenter(problem, options),
    (options: Options): Promise<Answer> => barycenterAsync(problem, options),
  ] as const;
};
const divergence = entropicProblem({ source, target, epsilon: 0.1 });
const exact = transportProblem({ source, target });

const SOLVERS = [
  entropic('balanced', entropicProblem({ source, target, epsilon: 0.05 })),
  entropic('penalised', entropicProblem({ source, target, epsilon: 0.02, marginals: { source: { kl: 1 }, target: { kl: 0.3 } } })),
  entropic('partial', entropicProblem({ source, target, epsilon: 0.05, marginals: { source: 'at-most', target: 'at-most', mass: 0.6 } })),
  entropic('between grids', entropicProblem({ source: left, target: right, epsilon: 0.02 })),
  [
    'divergence',
    'sinkhornDivergence',
    (options: Options): Answer => sinkhornDivergence(divergence, options),
    (options: Options): Promise<Answer> => sinkhornDivergenceAsync(divergence, options),
  ] as const,
  bary('barycenter', {}),
  bary('debiased barycenter', { debiased: true }),
  bary('free barycenter', { support: { free: 6 } }),
  [
    'exact',
    'exactTransport',
    (options: Options): Answer => exactTransport(exact, options),
    (options: Options): Promise<Answer> => exactTransportAsync(exact, options),
  ] as const,
];

describe.each(SOLVERS)('limits: %s', (_, path, solve, solveAsync) => {
  const finite = (answer: Answer): void => expect(JSON.stringify(answer.toJSON())).not.toContain('NaN');

  it('ends by itself', () => {
    expect(solve({})).toMatchObject({ status: 'converged', warnings: [] });
  });

  it('maxIterations 0, and a time limit that is over at once', () => {
    const none = solve({ maxIterations: 0 });
    expect(none.status).toBe('max-iterations');
    expect(none.warnings.join()).toMatch(/max-iterations/);
    finite(none);
    const late = solve({ timeLimit: 1e-9 });
    // So few points are done before the simplex method looks at the clock.
    expect(late.status).toBe(path === 'exactTransport' ? 'converged' : 'time-limit');
    finite(late);
  });

  it('throws what it would have said, when asked to', () => {
    let thrown: unknown;
    try {
      solve({ maxIterations: 1, onFailure: 'throw' });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ConvergenceError);
    expect((thrown as Error).message).toMatch(new RegExp(`^${path}: max-iterations after .*; .+`));
  });

  it('an abort before and in the middle', async () => {
    const before = await solveAsync({ signal: AbortSignal.abort() });
    expect(before.status).toBe(path === 'exactTransport' ? 'converged' : 'aborted');
    finite(before);
    const controller = new AbortController();
    let calls = 0;
    const middle = await solveAsync({
      signal: controller.signal,
      onProgress: () => {
        if (++calls === 2) controller.abort();
      },
    });
    expect(middle.status).toBe(path === 'exactTransport' ? 'converged' : 'aborted');
    finite(middle);
  });

  it('is the same with and without holding the thread', async () => {
    const plain = (answer: Answer): string => JSON.stringify(answer.toJSON(), (key, value) => (key === 'seconds' ? undefined : value));
    expect(plain(await solveAsync({}))).toBe(plain(solve({})));
  });

  it('options that are none', async () => {
    const bad: Options[] = [
      { tol: 1 },
      { maxIterations: -1 },
      { timeLimit: 0 },
      { timeLimit: '1' },
      { onProgress: 3 },
      { onFailure: 'explode' },
    ];
    if (path !== 'exactTransport')
      bad.push({ tolerance: -1 }, { tolerance: null }, { tolerance: Number.NaN }, { threads: 0 }, { engine: 'gpu' }, { memory: -1 });
    for (const options of bad) {
      expect(() => solve(options), JSON.stringify(options)).toThrow(DomainError);
      expect(() => solve(options)).toThrow(new RegExp(`^${path}: .*${Object.keys(options)[0]}.*; .+`));
      await expect(solveAsync(options)).rejects.toThrow(new RegExp(`^${path}Async: .*${Object.keys(options)[0]}`));
    }
  });
});

it('exact transport of many points stops in the middle, at a feasible plan', async () => {
  const [x, y] = [randomMarginal(400, 2, random), randomMarginal(400, 2, random)];
  const problem = transportProblem({ source: x, target: y });
  const optimum = exactTransport(problem).value.linear;
  const controller = new AbortController();
  const stopped = [
    exactTransport(problem, { timeLimit: 1e-9 }),
    await exactTransportAsync(problem, { signal: AbortSignal.abort() }),
    await exactTransportAsync(problem, { signal: controller.signal, onProgress: () => controller.abort() }),
  ];
  expect(stopped.map(({ status }) => status)).toEqual(['time-limit', 'aborted', 'aborted']);
  for (const { value, error } of stopped) {
    expect(value.linear).toBeGreaterThan(optimum - 1e-12);
    expect(error).toBeLessThan(1e-12);
  }
});

it('a debiased barycenter converges at every tolerance, or goes on', () => {
  for (const tolerance of [1e-6, 1e-8, 1e-9, 1e-10, 1e-12]) {
    const answer = barycenter({ measures: [source, target], epsilon: 0.1, debiased: true }, { tolerance });
    expect(answer.status).toBe('converged');
    expect(answer.error).toBeLessThanOrEqual(tolerance);
  }
});

describe('memory beyond the limit', () => {
  const C = costMatrix(squaredDistances(source.points, target.points));
  const memory = 3000;

  it.each([
    ['sinkhorn', () => sinkhorn(entropicProblem({ source, target, cost: C, epsilon: 1 }), { memory })],
    [
      'sinkhorn',
      () =>
        sinkhorn(entropicProblem({ source, target, cost: C, epsilon: 1, marginals: { source: 'at-most', target: 'at-most', mass: 0.5 } }), {
          memory,
        }),
    ],
    [
      'sinkhornDivergence',
      () => sinkhornDivergence(entropicProblem({ source, target, cost: C, epsilon: 1 }), { memory, selfCosts: { source: C, target: C } }),
    ],
  ])('%s says how much it needs and what avoids it', (path, run) => {
    expect(run).toThrow(DomainError);
    expect(run).toThrow(
      new RegExp(`^${path}: 25 × 30 costs need [0-9.e-]+ GB, above the limit of [0-9.e-]+ GB; raise memory, or use squaredEuclidean`),
    );
  });

  it('squared distances of points fit', () => {
    for (const marginals of [{}, { source: 'at-most', target: 'at-most', mass: 0.5 }] as const) {
      expect(sinkhorn(entropicProblem({ source, target, cost: squaredEuclidean(), epsilon: 1, marginals }), { memory }).status).toBe(
        'converged',
      );
    }
    expect(() => sinkhorn(entropicProblem({ source, target, epsilon: 1 }), { memory: 1 })).toThrow(
      /^sinkhorn: 25 \+ 30 points of 2 coordinates need [0-9.e-]+ GB, above the limit of [0-9.e-]+ GB; raise memory$/,
    );
  });
});

describe('variants that mean nothing', () => {
  const half = histogram([0.5, 0.5]);
  const cost = costMatrix([
    [0, Number.POSITIVE_INFINITY],
    [1, 0],
  ]);

  it.each<[string, () => unknown, new (...args: never[]) => Error, RegExp]>([
    [
      'more mass than a side has',
      () => entropicProblem({ source, target, epsilon: 1, marginals: { source: 'at-most', target: 'at-most', mass: 1.5 } }),
      InfeasibleError,
      /1\.5/,
    ],
    [
      'partial without a mass',
      () => entropicProblem({ source, target, epsilon: 1, marginals: { source: 'at-most', target: 'at-most' } }),
      DomainError,
      /mass/,
    ],
    [
      'partial beyond what allowed pairs can carry',
      () =>
        sinkhorn(
          entropicProblem({
            source: histogram([0.9, 0.1]),
            target: half,
            cost,
            epsilon: 1,
            marginals: { source: 'at-most', target: 'at-most', mass: 0.9 },
          }),
        ),
      InfeasibleError,
      /allowed|forbidden|avoid/,
    ],
    ['barycenter of nothing', () => barycenter({ measures: [], epsilon: 1 }), ViaductError, /at least one/],
    [
      'barycenter of unequal masses',
      () => barycenter({ measures: [source, discreteMarginal({ points: [[0, 0]], weights: [2] })], epsilon: 1 }),
      InfeasibleError,
      /measures\[1\] has mass 2/,
    ],
    [
      'divergence of rectangular costs',
      () => sinkhornDivergence(entropicProblem({ source: half, target: histogram([1]), cost: costMatrix([[0], [1]]), epsilon: 1 })),
      ViaductError,
      /selfCosts/,
    ],
  ])('%s', (_, run, type, words) => {
    expect(run).toThrow(type);
    expect(run).toThrow(words);
  });
});

describe('ε too small for doubles', () => {
  const fixed = { measures: [source, target] };
  it.each([
    ['barycenter', fixed],
    ['debiased barycenter', { ...fixed, debiased: true }],
    ['barycenter of moving points', { ...fixed, support: { free: 4 } }],
  ])('%s: named with the smallest that works, and it does', (_, problem) => {
    const at = (epsilon: number) => barycenter({ ...problem, epsilon }, { tolerance: 1e-9, maxIterations: 60, timeLimit: 2 });
    let words = '';
    try {
      at(1e-12);
    } catch (error) {
      expect(error).toBeInstanceOf(DomainError);
      words = (error as Error).message;
    }
    expect(words).toMatch(/^barycenter: epsilon 1e-12 is too small for doubles at tolerance/);
    const smallest = Number(/smallest that works is about ([0-9.e+-]+)/.exec(words)?.[1]);
    expect(smallest).toBeGreaterThan(1e-9);
    expect(() => at(0.98 * smallest)).toThrow(DomainError);
    const made = at(1.02 * smallest);
    expect(made.error).toBeLessThan(Number.POSITIVE_INFINITY);
    expect(made.marginal.weights.every(Number.isFinite)).toBe(true);
    expect(made.status === 'converged').toBe(made.error <= 1e-9);
  });

  it('divergence whose costs within a measure are much larger', () => {
    const far = discreteMarginal({ points: [[0], [1e6]] });
    const close = costMatrix([
      [0, 1],
      [1, 0],
    ]);
    const wide = costMatrix([
      [0, 1e6],
      [1e6, 0],
    ]);
    const problem = entropicProblem({ source: histogram([0.5, 0.5]), target: histogram(far.weights), cost: close, epsilon: 1e-7 });
    expect(() => sinkhornDivergence(problem, { selfCosts: { source: close, target: wide } })).toThrow(
      /^sinkhornDivergence: epsilon 1e-7 is too small/,
    );
  });
});
