import { describe, expect, it } from 'vitest';
import { costFunction, costMatrix } from '../../src/costs/index.ts';
import { type EntropicProblem, entropicProblem } from '../../src/couplings/index.ts';
import { type SinkhornOptions, sinkhorn, sinkhornAsync } from '../../src/discrete/index.ts';
import { ConvergenceError, DomainError, InfeasibleError, ShapeError, ViaductError } from '../../src/errors.ts';
import { discreteMarginal, histogram } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { isPlain, largestDifference, numbersOf, WAYS } from './every-way.ts';
import { randomMarginal } from './oracles.ts';

const inf = Number.POSITIVE_INFINITY;
const random = randomSource(31);
const [source, target] = [randomMarginal(20, 2, random), randomMarginal(24, 2, random)];
const problem = entropicProblem({ source, target, epsilon: 0.2 });

/** The error that a call throws, which must be one of ours: path first, and two halves, what and what to do. */
function refusal(call: () => unknown): ViaductError {
  try {
    call();
  } catch (error) {
    if (!(error instanceof ViaductError)) throw error;
    expect(error.message).toMatch(/^[a-zA-Z]+[:. ][^;]*[;:] .+/);
    return error;
  }
  throw new Error('nothing was refused');
}

describe('problems that have no answer', () => {
  const at = (weights: ArrayLike<number>) => histogram(Array.from(weights));

  it('mass mismatch between exact sides: named, with both masses; fine where a side is relaxed', () => {
    const cost = costMatrix([
      [0, 1],
      [1, 0],
    ]);
    const sides = { source: at([1, 2]), target: at([1, 1]), cost, epsilon: 1 };
    const error = refusal(() => entropicProblem(sides));
    expect(error).toBeInstanceOf(InfeasibleError);
    expect(error.message).toMatch(/3.*2|2.*3/);
    expect(error.message).toMatch(/kl/);
    for (const marginals of [{ source: { kl: 1 } }, { target: { kl: 1 } }, { source: { kl: 1 }, target: { kl: 1 } }]) {
      expect(sinkhorn(entropicProblem({ ...sides, marginals })).status).toBe('converged');
    }
  });

  it('forbidden pairs that strand mass: named, with how much', () => {
    const solve = (cost: number[][], a: number[], b: number[]) => () =>
      sinkhorn(entropicProblem({ source: at(a), target: at(b), cost: costMatrix(cost), epsilon: 1 }));
    const row = refusal(
      solve(
        [
          [0, 1],
          [inf, inf],
        ],
        [0.5, 0.5],
        [0.5, 0.5],
      ),
    );
    expect(row).toBeInstanceOf(InfeasibleError);
    expect(row.message).toContain('source point 1');
    const column = refusal(
      solve(
        [
          [0, inf],
          [1, inf],
        ],
        [0.5, 0.5],
        [0.5, 0.5],
      ),
    );
    expect(column.message).toContain('target point 1');
    // Both sources may only go to the first target, which holds 0.3.
    const stranded = refusal(
      solve(
        [
          [0, inf, inf],
          [0, inf, inf],
          [0, 0, 0],
        ],
        [0.2, 0.2, 0.6],
        [0.3, 0.3, 0.4],
      ),
    );
    expect(stranded).toBeInstanceOf(InfeasibleError);
    expect(Number(/mass ([0-9.]+) is stranded/.exec(stranded.message)?.[1])).toBeCloseTo(0.1, 12);
    // A row of forbidden pairs without weight is no trouble, nor one with a relaxed side.
    expect(
      solve(
        [
          [0, 1],
          [inf, inf],
        ],
        [1, 0],
        [0.5, 0.5],
      )().status,
    ).toBe('converged');
  });

  it.each(WAYS)('ε too small for doubles names the smallest that works, and it does: $method on $engine', (way) => {
    const of = (epsilon: number): EntropicProblem => entropicProblem({ source, target, epsilon });
    const options: SinkhornOptions = { ...way, tolerance: 1e-13, maxIterations: isPlain(way) ? 300 : 2000 };
    const error = refusal(() => sinkhorn(of(1e-12), options));
    expect(error).toBeInstanceOf(DomainError);
    expect(error.message).toMatch(/^sinkhorn: epsilon 1e-12 is too small for doubles at tolerance 1e-13/);
    expect(error.message).toContain('exactTransport');
    const smallest = Number(/smallest that works is about ([0-9.e+-]+)/.exec(error.message)?.[1]);
    expect(smallest).toBeGreaterThan(1e-4);
    expect(() => sinkhorn(of(0.98 * smallest), options)).toThrow(DomainError);
    const answer = sinkhorn(of(1.02 * smallest), options);
    expect(numbersOf(answer).every(Number.isFinite)).toBe(true);
    expect(answer.status === 'converged').toBe(answer.error <= 1e-13);
  });

  it('a cost function that throws or returns NaN names the pair; one that returns −∞, too', () => {
    const x = discreteMarginal({ points: [[1], [2], [3]] });
    const y = discreteMarginal({ points: [[10], [20]] });
    const solve = (f: (x: Float64Array, y: Float64Array) => number) => () =>
      sinkhorn(entropicProblem({ source: x, target: y, epsilon: 1, cost: costFunction(f) }));
    const only = (bad: number) => (p: Float64Array, q: Float64Array) => (p[0] === 3 && q[0] === 20 ? bad : 1);
    expect(refusal(solve(only(Number.NaN))).message).toMatch(/pair x = \[3\], y = \[20\] is NaN/);
    expect(refusal(solve(only(Number.NEGATIVE_INFINITY))).message).toMatch(/pair x = \[3\], y = \[20\] is -Infinity/);
    expect(refusal(solve(() => 'far' as never)).message).toMatch(/pair x = \[1\], y = \[10\] is far/);
    const cause = new RangeError('no road');
    const thrown = refusal(
      solve((p, q) => {
        if (p[0] === 2 && q[0] === 20) throw cause;
        return 1;
      }),
    );
    expect(thrown.message).toMatch(/x = \[2\], y = \[20\]/);
    expect(thrown.cause).toBe(cause);
  });
});

describe('options that are none', () => {
  it.each([
    ['tolerance', [-1, Number.NaN, null, '1e-9']],
    ['maxIterations', [-1, 1.5, Number.NaN, inf]],
    ['timeLimit', [0, -1, Number.NaN, '1']],
    ['scaling', ['yes']],
    ['onFailure', ['explode']],
    ['onProgress', [3, null]],
    ['threads', [0, -2, 1.5, Number.NaN]],
    ['memory', [-1, Number.NaN]],
    ['relaxation', [0, -1, Number.NaN, inf]],
    ['engine', ['gpu']],
    ['method', ['anneal', 3]],
    ['initial', [null, 3, {}, { f: [1] }, { g: [1, 2] }, { f: new Array(20).fill(Number.NaN) }]],
  ] as const)('%s', (name, values) => {
    for (const value of values) {
      const method = name === 'relaxation' ? { method: 'over-relaxed' as const } : {};
      const error = refusal(() => sinkhorn(problem, { ...method, [name]: value }));
      expect(error instanceof DomainError || error instanceof ShapeError, error.message).toBe(true);
      expect(error.message).toMatch(/^sinkhorn: /);
      expect(error.message).toContain(name);
    }
  });

  it('relaxation says what it accepts: any step, of which those above 2 diverge', () => {
    const solve = (relaxation: number) => sinkhorn(problem, { method: 'over-relaxed', relaxation, maxIterations: 5000 });
    const error = refusal(() => solve(-1));
    expect(error.message).toMatch(/relaxation must be > 0 and finite, got -1; .*above 2 it diverges/);
    expect(error.message).not.toMatch(/at most 2/);
    expect(solve(1.9).status).toBe('converged');
    expect(solve(3).status).toBe('diverged');
  });

  it('epsilon, weights and shapes', () => {
    for (const epsilon of [0, -1, Number.NaN, inf, { ofMeanCost: 0 }, { ofMeanCost: Number.NaN }, '1' as never]) {
      expect(refusal(() => entropicProblem({ source, target, epsilon })).message).toMatch(/^entropicProblem: epsilon/);
    }
    const points = [[0], [1]];
    for (const weights of [[-1, 2], [Number.NaN, 1], [inf, 1], [0, 0], [1]]) {
      expect(refusal(() => discreteMarginal({ points, weights })).message).toMatch(/^discreteMarginal/);
    }
    expect(refusal(() => discreteMarginal({ points: [[0, 1], [2]] }))).toBeInstanceOf(ShapeError);
    expect(refusal(() => discreteMarginal({ points: [[0], [Number.NaN]] }))).toBeInstanceOf(DomainError);
    const same = discreteMarginal({ points: [[1], [1]] });
    // A mean cost of 0 gives no scale.
    expect(refusal(() => entropicProblem({ source: same, target: same, epsilon: { ofMeanCost: 0.1 } })).message).toMatch(/mean cost of 0/);
  });

  it('integer arrays are accepted', () => {
    const x = discreteMarginal({ points: [[0], [1], [2]], weights: Int32Array.from([1, 2, 3]) });
    const y = histogram(Uint8Array.from([2, 2, 2]));
    expect(x.mass).toBe(6);
    const answer = sinkhorn(entropicProblem({ source: x, target: x, epsilon: 1 }));
    expect(answer.status).toBe('converged');
    const cost = costMatrix([
      [0, 1, 2],
      [1, 0, 1],
      [2, 1, 0],
    ]);
    expect(sinkhorn(entropicProblem({ source: histogram(Int16Array.from([1, 2, 3])), target: y, cost, epsilon: 1 })).mass).toBeCloseTo(
      6,
      8,
    );
  });
});

describe('extreme numbers: right, or honestly not', () => {
  const few = (weights: number[]) => discreteMarginal({ points: weights.map((_, i) => [i, i * i]), weights });

  it('masses whose products leave the range of doubles are refused', () => {
    for (const mass of [1e300, 1e-300, 5e-324]) {
      const both = few([mass, mass, mass]);
      const error = refusal(() => sinkhorn(entropicProblem({ source: both, target: both, epsilon: 1 })));
      expect(error.message).toMatch(/^sinkhorn: source has mass .*; rescale the weights/);
    }
    expect(sinkhorn(entropicProblem({ source: few([1e90, 1e80]), target: few([1e90, 1e80]), epsilon: 1 })).status).toBe('converged');
  });

  it('rounding never turns the interval around, and an ε far above the costs is pointed out', () => {
    for (const marginals of [{}, { source: { kl: 1 }, target: { kl: 1 } }, { source: 'at-most', target: 'at-most', mass: 0.5 }] as const) {
      for (const epsilon of [1, 1e5, 1e16, 1e100, 1e308]) {
        const answer = sinkhorn(entropicProblem({ source, target, epsilon, marginals }));
        expect(answer.value.gap).toBeGreaterThanOrEqual(0);
        expect(answer.value.dual).toBeLessThanOrEqual(answer.value.primal);
        expect(answer.warnings.some((words) => words.includes('far above the costs'))).toBe(epsilon > 1e9);
        expect(Number.isFinite(answer.value.linear)).toBe(true);
      }
    }
  });
});

describe('what an answer is asked', () => {
  const answer = sinkhorn(problem);
  it.each([
    ['apply of another length', () => answer.apply([1])],
    ['apply of NaN', () => answer.apply(new Array(24).fill(Number.NaN))],
    ['apply of nothing', () => answer.apply(null as never)],
    ['sample of -1', () => answer.sample(-1, randomSource(1))],
    ['sample without randomness', () => answer.sample(3, undefined as never)],
  ])('%s is refused', (_, call) => {
    expect(refusal(call)).toBeInstanceOf(DomainError);
  });
});

describe.each(WAYS)('limits: $method on $engine', (way) => {
  const hard = entropicProblem({ source, target, epsilon: 0.02 });

  it('maxIterations 0 is the start, honestly judged', () => {
    const answer = sinkhorn(hard, { ...way, maxIterations: 0 });
    expect(answer).toMatchObject({ status: 'max-iterations', iterations: 0 });
    expect(answer.errors).toHaveLength(1);
    expect(answer.error).toBeGreaterThan(1e-3);
    expect(answer.value.dual).toBeLessThanOrEqual(answer.value.primal);
    expect(numbersOf(answer).every(Number.isFinite)).toBe(true);
  });

  it('a time limit ends the solve with what there is', () => {
    const answer = sinkhorn(hard, { ...way, timeLimit: 1e-9 });
    expect(answer).toMatchObject({ status: 'time-limit', iterations: 0 });
    expect(() => sinkhorn(hard, { ...way, timeLimit: 1e-9, onFailure: 'throw' })).toThrow(ConvergenceError);
    expect(sinkhorn(hard, { ...way, timeLimit: 100 }).status).toBe('converged');
  });

  it('an abort in the middle leaves potentials that a later solve starts from', async () => {
    const whole = sinkhorn(hard, way);
    expect(whole.status).toBe('converged');
    for (const after of [0, 1, Math.floor(whole.iterations / 2), Math.floor(0.9 * whole.iterations)]) {
      const controller = new AbortController();
      const aborted = await sinkhornAsync(hard, {
        ...way,
        signal: controller.signal,
        onProgress: ({ iteration }) => {
          if (iteration === after) controller.abort();
        },
      });
      expect(aborted).toMatchObject({ status: 'aborted', iterations: after });
      expect(aborted.warnings.join()).toContain('aborted');
      expect(numbersOf(aborted).every(Number.isFinite)).toBe(true);
      const resumed = sinkhorn(hard, { ...way, initial: aborted });
      expect(resumed.status).toBe('converged');
      expect(largestDifference(resumed.plan().to1DArray(), whole.plan().to1DArray())).toBeLessThan(1e-7);
      // Nothing done was lost: plain iterations go on where they stopped.
      if (isPlain(way)) expect(Math.abs(after + resumed.iterations - whole.iterations)).toBeLessThanOrEqual(2);
    }
  });
});

it('an error thrown by onProgress comes through, and the next solve is none the worse', () => {
  const before = sinkhorn(problem).plan().to1DArray();
  const boom = new Error('mine');
  const call = () =>
    sinkhorn(problem, {
      onProgress: () => {
        throw boom;
      },
    });
  expect(call).toThrow(boom);
  expect(sinkhorn(problem).plan().to1DArray()).toEqual(before);
});
