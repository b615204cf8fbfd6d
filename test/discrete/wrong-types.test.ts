import { describe, expect, it } from 'vitest';
import { costFunction, costMatrix } from '../../src/costs/index.ts';
import { entropicProblem, transportProblem } from '../../src/couplings/index.ts';
import { barycenter, exactTransport, implicitGradient, sinkhorn, sinkhornBatch, sinkhornDivergence } from '../../src/discrete/index.ts';
import { ViaductError } from '../../src/errors.ts';
import { discreteMarginal, gridMarginal, histogram } from '../../src/marginals/index.ts';

type Nested = Readonly<Record<string, unknown>>;
/** What none of the options is, in most places. */
const WRONG: readonly unknown[] = [
  null,
  undefined,
  true,
  3,
  -1,
  0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  'x',
  '',
  {},
  { f: null },
  { u: 1, v: 2 },
  [],
  [null],
  [undefined, 1],
  ['a'],
  [Number.NaN, 1],
  [[1, 2], null],
  [[null]],
  [{}],
  [{ u: null, v: [1] }],
  () => null,
  new Map(),
  new Date(0),
  5n,
  Symbol('s'),
];

const source = discreteMarginal({ points: [[0], [1], [2.5]], weights: [0.2, 0.3, 0.5] });
const target = discreteMarginal({ points: [[0.5], [2]] });
const problem = entropicProblem({ source, target, epsilon: 0.5 });
const exact = transportProblem({ source, target });
const plane = discreteMarginal({
  points: [
    [0, 0],
    [1, 0],
    [0, 1],
  ],
});
const flat = transportProblem({ source: plane, target: plane });
const answer = sinkhorn(problem);
const matrix = costMatrix([
  [0, 1],
  [1, 0],
]);
const iteration = { tolerance: 1e-6, maxIterations: 50, timeLimit: 1, onProgress: () => {}, onFailure: 'return' };
const compute = { threads: 1, memory: 1e9, engine: 'typescript' };
const solver = { ...iteration, ...compute, method: 'over-relaxed', scaling: false, relaxation: 1.2, initial: { f: [0, 0, 0] } };

/** Public functions with arguments that are right. */
const CALLS: readonly (readonly [string, (...args: never[]) => unknown, readonly unknown[]])[] = [
  ['discreteMarginal', discreteMarginal, [{ points: [[0], [1]], weights: [0.5, 0.5] }]],
  ['histogram', histogram, [[0.5, 0.5]]],
  ['gridMarginal', gridMarginal, [{ shape: [2, 2], weights: [0.1, 0.2, 0.3, 0.4], spacing: [1, 1], origin: [0, 0] }]],
  [
    'costMatrix',
    costMatrix,
    [
      [
        [0, 1],
        [1, 0],
      ],
    ],
  ],
  ['costFunction', costFunction, [() => 1, { gradient: () => {} }]],
  [
    'entropicProblem',
    entropicProblem,
    [{ source, target, epsilon: 0.5, cost: costFunction(() => 1), marginals: { source: { kl: 1 }, target: 'exact' } }],
  ],
  [
    'entropicProblem',
    entropicProblem,
    [{ source, target, epsilon: { ofMeanCost: 0.1 }, marginals: { source: 'at-most', target: 'at-most', mass: 0.5 } }],
  ],
  ['transportProblem', transportProblem, [{ source, target, cost: costFunction(() => 1) }]],
  ['sinkhorn', sinkhorn, [problem, solver]],
  ['sinkhorn', sinkhorn, [problem, { initial: { g: [0, 0] } }]],
  ['sinkhornBatch', sinkhornBatch, [[problem, problem], { ...iteration, ...compute, method: 'log' }]],
  [
    'sinkhornDivergence',
    sinkhornDivergence,
    [
      entropicProblem({ source: histogram([0.5, 0.5]), target: histogram([0.5, 0.5]), epsilon: 1, cost: matrix }),
      { ...solver, initial: { g: [0, 0] }, selfCosts: { source: matrix, target: matrix } },
    ],
  ],
  [
    'exactTransport',
    exactTransport,
    [exact, { timeLimit: 1, maxIterations: 5, onProgress: () => {}, onFailure: 'return', initial: { f: [0, 0, 0] } }],
  ],
  [
    'exactTransport',
    exactTransport,
    [flat, { timeLimit: 1, maxIterations: 5, onProgress: () => {}, onFailure: 'return', initial: { f: [0, 0, 0] } }],
  ],
  [
    'implicitGradient',
    implicitGradient,
    [
      problem,
      answer,
      {
        plan: [
          [1, 0],
          [0, 0],
          [0, 1],
        ],
        f: [0, 0, 0],
        g: [0, 0],
      },
      { ...iteration, ...compute },
    ],
  ],
  ['implicitGradient', implicitGradient, [problem, answer, { plan: [{ u: [1, 0, 0], v: [1, 0] }] }]],
  [
    'barycenter',
    barycenter,
    [
      {
        measures: [source, source],
        weights: [0.5, 0.5],
        epsilon: 0.5,
        cost: costFunction((x, y) => (x[0]! - y[0]!) ** 2),
        support: [[0], [1]],
        debiased: true,
      },
      { ...iteration, ...compute },
    ],
  ],
  [
    'barycenter',
    barycenter,
    [
      { measures: [source, target], weights: [0.5, 0.5], epsilon: 0.5, support: { free: [[0], [1]] }, debiased: false },
      { ...iteration, ...compute },
    ],
  ],
  ['barycenter', barycenter, [{ measures: [source, target], support: { free: 2 } }]],
  ['apply', (v: never) => answer.apply(v), [[1, 2]]],
  ['applyTranspose', (v: never) => answer.applyTranspose(v), [[1, 2, 3]]],
  ['conditionalMean', (v: never) => answer.conditionalMean(v), [[[0], [1]]]],
  ['transportCost', (v: never) => answer.transportCost(v), [costFunction(() => 1)]],
];

/** Everything that differs from `value` in one place by a wrong one. */
function* spoilt(value: unknown, wrong: unknown, depth = 0): Generator<unknown> {
  yield wrong;
  // Problems and the like are replaced as a whole: they are made by functions that check.
  if (depth > 2 || typeof value !== 'object' || value === null || 'kind' in value) return;
  const known = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  if (!known) return;
  for (const key of Object.keys(value)) {
    for (const part of spoilt((value as Nested)[key], wrong, depth + 1)) {
      if (Array.isArray(value)) yield value.map((own, k) => (k === Number(key) ? part : own));
      else yield { ...value, [key]: part };
    }
  }
}

const describeWrong = (wrong: unknown): string => (typeof wrong === 'bigint' ? `${wrong}n` : (JSON.stringify(wrong) ?? String(wrong)));

/** What is wrong with the error of a call, if it throws one: not ours, or without the path that was called. */
function complaint(name: string, call: () => unknown): string | undefined {
  try {
    call();
  } catch (error) {
    if (!(error instanceof ViaductError)) return `raw ${String(error)}`;
    if (!error.message.startsWith(name) && !error.message.startsWith(`sinkhorn.${name}`)) return `no path: ${error.message}`;
  }
  return undefined;
}

describe('arguments of a wrong type', () => {
  it.each(CALLS.map(([name, call, args], k) => ({ title: `${name} (${k})`, name, call, args })))(
    '$title: refused by a typed error, or harmless',
    ({ name, call, args }) => {
      call(...(args as never[]));
      const raw: string[] = [];
      args.forEach((argument, at) => {
        for (const wrong of WRONG) {
          for (const part of spoilt(argument, wrong)) {
            if (at === 0 && part === undefined) continue;
            const problemOf = complaint(name, () => call(...(args.map((own, k) => (k === at ? part : own)) as never[])));
            if (problemOf !== undefined) raw.push(`argument ${at} with ${describeWrong(wrong)}: ${problemOf}`);
          }
        }
      });
      expect(raw, name).toEqual([]);
    },
  );

  it('a cotangent names its part', () => {
    const wrong = (cotangent: unknown) => () => implicitGradient(problem, answer, cotangent as never);
    for (const cotangent of [null, undefined, 3, {}]) expect(wrong(cotangent)).toThrow(/^implicitGradient: (cotangent|expected)/);
    for (const plan of [null, 3, 'x', [null], [[1, 2], null], [{ u: [1, 0, 0] }], [{}]]) {
      expect(wrong({ plan })).toThrow(/^implicitGradient: cotangent\.plan: /);
    }
    expect(wrong({ plan: [{ u: null, v: [1, 0] }] })).toThrow(/^implicitGradient: cotangent\.plan\.u: /);
    for (const f of [null, 'abc', [1, 2, null], [1, 2, Number.NaN]]) expect(wrong({ f })).toThrow(/^implicitGradient: cotangent\.f: /);
  });
});
