import * as fc from 'fast-check';
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { DomainError, ShapeError } from '../../src/errors.ts';
import { weightedMoments } from '../../src/numerics/moments.ts';
import { points } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import {
  brownian,
  dsbReference,
  linearReference,
  ornsteinUhlenbeck,
  type Reference,
  schedules,
  subVariancePreserving,
  timeGrid,
  varianceExploding,
  variancePreserving,
} from '../../src/references/index.ts';

const span = (reference: Reference, s: number, t: number) => {
  const { matrix, offset, covariance } = reference.transition(s, t);
  return { tau: matrix.get(0, 0), zeta: offset[0]!, kappa: covariance.get(0, 0) };
};

describe('the table of closed forms', () => {
  const positive = fc.double({ min: 0.1, max: 3, noNaN: true });
  const shares = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }));
  const relative = (actual: number, expected: number): void =>
    expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-12 * Math.abs(expected) + 1e-300);

  it('Brownian: κ = σ²(t − s), ε = σ²T', () => {
    fc.assert(
      fc.property(positive, positive, (sigma, horizon) => {
        const reference = brownian({ sigma, horizon });
        expect(span(reference, 0.2 * horizon, 0.7 * horizon)).toMatchObject({ tau: 1, zeta: 0 });
        relative(span(reference, 0.2 * horizon, 0.7 * horizon).kappa, sigma * sigma * 0.5 * horizon);
        relative(reference.effectiveEpsilon!, sigma * sigma * horizon);
      }),
      { seed: 1 },
    );
  });

  it('Ornstein–Uhlenbeck: ε = (σ²/θ) sinh θT; its stationary law stays', () => {
    fc.assert(
      fc.property(positive, positive, positive, (rate, sigma, horizon) => {
        const reference = ornsteinUhlenbeck({ rate, sigma, mean: 0.7, horizon });
        relative(reference.effectiveEpsilon!, ((sigma * sigma) / rate) * Math.sinh(rate * horizon));
        const { tau, zeta, kappa } = span(reference, 0.1 * horizon, horizon);
        const variance = (sigma * sigma) / (2 * rate);
        relative(tau * 0.7 + zeta, 0.7);
        relative(tau * tau * variance + kappa, variance);
      }),
      { seed: 2 },
    );
  });

  it('variance preserving: ε = 2 sinh(∫β/2); N(0, 1) stays', () => {
    fc.assert(
      fc.property(positive, positive, shares, (low, more, [a, b]) => {
        const reference = variancePreserving({ betaMin: low, betaMax: low + more });
        relative(reference.effectiveEpsilon!, 2 * Math.sinh((low + more / 2) / 2));
        const { tau, kappa } = span(reference, Math.min(a, b), Math.max(a, b));
        expect(tau * tau + kappa).toBeCloseTo(1, 13);
      }),
      { seed: 3 },
    );
  });

  it('sub-VP: Var(X_t | X_0) = (1 − e^{−∫β})², ε = (1 − e^{−B})² e^{B/2}', () => {
    fc.assert(
      fc.property(positive, positive, fc.double({ min: 0.01, max: 1, noNaN: true }), (low, more, t) => {
        const reference = subVariancePreserving({ betaMin: low, betaMax: low + more });
        const area = (u: number): number => u * low + (u * u * more) / 2;
        relative(span(reference, 0, t).kappa, Math.expm1(-area(t)) ** 2);
        relative(reference.effectiveEpsilon!, Math.expm1(-area(1)) ** 2 * Math.exp(area(1) / 2));
      }),
      { seed: 4 },
    );
  });

  it('variance exploding: Var(X_t | X_s) = σ_t² − σ_s²', () => {
    const sigma = (t: number): number => 0.1 * 30 ** t;
    const reference = varianceExploding({ sigmaMin: 0.1, sigmaMax: 3 });
    relative(span(reference, 0.3, 0.8).kappa, sigma(0.8) ** 2 - sigma(0.3) ** 2);
    relative(reference.effectiveEpsilon!, 9 - 0.01);
    expect(reference.diffusion(0.4)).toBeCloseTo(sigma(0.4) * Math.sqrt(2 * Math.log(30)), 13);
  });

  it.each([
    ['brownian', brownian({ sigma: 0.7 })],
    ['OU', ornsteinUhlenbeck({ rate: 1.3, sigma: 0.9, mean: 0.4 })],
    ['VE', varianceExploding({ sigmaMin: 0.1, sigmaMax: 3 })],
    ['VP', variancePreserving({ betaMin: 0.1, betaMax: 8 })],
    ['sub-VP', subVariancePreserving({ betaMin: 0.1, betaMax: 8 })],
    ['linear', linearReference({ drift: [[-0.5]], diffusion: [[2]] })],
  ] as const)('%s: short transitions keep their digits, κ(t, t + h) = g²h(1 + O(h))', (_, reference) => {
    const t = 0.5;
    const h = 2 ** -40;
    const g2 = reference.diffusionCovariance(t).get(0, 0);
    // g² changes by less than 20 % a tenth; the rest is the subtraction t + h − t, exact for a power of two.
    expect(Math.abs(span(reference, t, t + h).kappa / (g2 * h) - 1)).toBeLessThan(1e-10);
  });
});

describe('chains', () => {
  it('have an ε of their own: OU, rate 1, T = 1.5, 20 steps', () => {
    const { reference, grid } = dsbReference({ rate: 1 }, new Float64Array(20).fill(0.075));
    const chain = reference.discretise(grid);
    // K/Φ by the recursion x' = ax + √(2γ)z.
    let [phi, k] = [1, 0];
    for (let i = 0; i < 20; i++) [phi, k] = [0.925 * phi, 0.925 ** 2 * k + 0.15];
    expect(chain.effectiveEpsilon).toBeCloseTo(k / phi, 12);
    expect(chain.effectiveEpsilon!.toFixed(2)).toBe('4.72');
    expect(reference.effectiveEpsilon!.toFixed(2)).toBe('4.26');
    expect(reference.discretise(grid, { scheme: 'exact' }).effectiveEpsilon!.toFixed(2)).toBe('4.26');
  });

  it('without drift, Euler is exact and ε = 2T', () => {
    const { reference, grid } = dsbReference({}, schedules.symmetric({ min: 0.01, max: 0.1, steps: 9 }));
    expect(reference.discretise(grid).effectiveEpsilon).toBeCloseTo(2 * grid.horizon, 13);
  });

  it('Euler converges to the process at first order', () => {
    const reference = linearReference({
      drift: [
        [-0.5, 1],
        [-0.8, 0.2],
      ],
      bias: [0.3, -0.1],
      diffusion: [
        [1, 0],
        [0.4, 0.6],
      ],
    });
    const whole = reference.transition(0, 1);
    const error = (steps: number): number => {
      const { matrix, covariance } = reference.discretise(timeGrid.uniform({ steps })).transition(0, steps);
      return Matrix.sub(matrix, whole.matrix).norm('frobenius') + Matrix.sub(covariance, whole.covariance).norm('frobenius');
    };
    expect(error(200) / error(400)).toBeCloseTo(2, 1);
  });

  it('compose: transition(i, j) is kernel after kernel, and nothing for i = j', () => {
    const chain = variancePreserving({ betaMin: 0.1, betaMax: 8 }).discretise(timeGrid.uniform({ steps: 4 }));
    const [a, b] = [chain.kernel(1), chain.kernel(2)];
    const both = chain.transition(1, 3);
    expect(both.matrix.get(0, 0)).toBeCloseTo(a.matrix.get(0, 0) * b.matrix.get(0, 0), 14);
    expect(both.covariance.get(0, 0)).toBeCloseTo(b.matrix.get(0, 0) ** 2 * a.covariance.get(0, 0) + b.covariance.get(0, 0), 14);
    expect(chain.transition(2, 2).matrix.to2DArray()).toEqual([[1]]);
  });

  it('take a grid whose sum misses the horizon by rounding', () => {
    const steps = new Float64Array(10).fill(0.1);
    const grid = timeGrid.fromSteps(steps);
    expect(grid.horizon).not.toBe(1);
    for (const scheme of ['euler', 'exact'] as const) {
      expect(variancePreserving({ betaMin: 0.1, betaMax: 8 }).discretise(grid, { scheme }).kernel(9).matrix.get(0, 0)).toBeLessThan(1);
    }
  });
});

describe('linearReference', () => {
  const turned = (first: number, second: number): Matrix => {
    const r = new Matrix([
      [Math.cos(0.6), -Math.sin(0.6)],
      [Math.sin(0.6), Math.cos(0.6)],
    ]);
    return r.mmul(Matrix.diag([first, second])).mmul(r.transpose());
  };

  it.each([
    [0.1, 10, 1],
    [0.1, 40, 1],
    [0.5, 5, 5],
    [0.1, 300, 2],
  ])('keeps its digits with rates %d and %d over T = %d', (slow, fast, horizon) => {
    const reference = linearReference({
      drift: turned(-slow, -fast),
      diffusion: [
        [1, 0],
        [0, 1],
      ],
      horizon,
    });
    const { matrix, covariance } = reference.transition(0, horizon);
    const variance = (rate: number): number => -Math.expm1(-2 * rate * horizon) / (2 * rate);
    const close = (a: Matrix, b: Matrix): void => expect(Matrix.sub(a, b).norm('frobenius')).toBeLessThan(1e-12);
    close(matrix, turned(Math.exp(-slow * horizon), Math.exp(-fast * horizon)));
    close(covariance, turned(variance(slow), variance(fast)));
  });

  it('of multiples of the identity is Ornstein–Uhlenbeck', () => {
    const scalar = ornsteinUhlenbeck({ rate: 0.8, sigma: 1.1, mean: [0.5, -1], horizon: 2 });
    const matrix = linearReference({
      drift: [
        [-0.8, 0],
        [0, -0.8],
      ],
      bias: [0.4, -0.8],
      diffusion: [
        [1.1, 0],
        [0, 1.1],
      ],
      horizon: 2,
    });
    const [a, b] = [scalar.transition(0.3, 1.9), matrix.transition(0.3, 1.9)];
    Matrix.sub(a.matrix, b.matrix)
      .to1DArray()
      .forEach((x) => expect(x).toBeCloseTo(0, 13));
    Matrix.sub(a.covariance, b.covariance)
      .to1DArray()
      .forEach((x) => expect(x).toBeCloseTo(0, 13));
    a.offset.forEach((x, k) => expect(x).toBeCloseTo(b.offset[k]!, 13));
    expect(matrix.effectiveEpsilon).toBeUndefined();
    expect([scalar.dimension, matrix.dimension]).toEqual([2, 2]);
  });

  it('keeps its coefficients whatever happens to the arguments and results', () => {
    const drift = [
      [-1, 0],
      [0, -1],
    ];
    const reference = linearReference({
      drift,
      diffusion: [
        [1, 0],
        [0, 1],
      ],
    });
    drift[0]![0] = 9;
    reference.driftCoefficients(0).matrix.set(0, 0, 9);
    (reference.diffusion(0) as Matrix).set(0, 0, 9);
    expect(reference.driftCoefficients(0).matrix.get(0, 0)).toBe(-1);
    expect(reference.diffusionCovariance(0).get(0, 0)).toBe(1);
    expect(Object.isFrozen(reference)).toBe(true);
  });
});

describe('bridges', () => {
  it('of Brownian motion are the textbook ones', () => {
    const { fromStart, fromEnd, offset, covariance } = brownian({ sigma: 2, horizon: 3 }).bridge(0.5, 1, 2.5);
    expect(fromStart.get(0, 0)).toBeCloseTo(0.75, 14);
    expect(fromEnd.get(0, 0)).toBeCloseTo(0.25, 14);
    expect(offset[0]).toBe(0);
    expect(covariance.get(0, 0)).toBeCloseTo((4 * 0.5 * 1.5) / 2, 13);
  });

  it('start and end where they are told', () => {
    for (const reference of [
      ornsteinUhlenbeck({ rate: 2, sigma: 1, mean: [1, 3] }),
      linearReference({
        drift: [
          [0, 1],
          [-1, 0],
        ],
        bias: [1, 0],
        diffusion: [
          [1, 0],
          [1, 1],
        ],
      }),
    ]) {
      for (const [t, start, end] of [
        [0.2, 1, 0],
        [0.9, 0, 1],
      ] as const) {
        const bridge = reference.bridge(0.2, t, 0.9, 2);
        const near = (m: Matrix, share: number): void =>
          expect(Matrix.sub(m, Matrix.eye(2, 2, share)).norm('frobenius')).toBeLessThan(1e-12);
        near(bridge.fromStart, start);
        near(bridge.fromEnd, end);
        near(bridge.covariance, 0);
        bridge.offset.forEach((x) => expect(x).toBeCloseTo(0, 12));
      }
    }
  });

  it('are the regression of simulated paths', () => {
    const reference = ornsteinUhlenbeck({ rate: 1.2, sigma: 0.8, mean: 0.5 });
    const random = randomSource(5);
    const n = 40_000;
    const [first, second] = [span(reference, 0, 0.4), span(reference, 0.4, 1)];
    const rows = Array.from({ length: n }, () => {
      const start = random.normal();
      const middle = first.tau * start + first.zeta + Math.sqrt(first.kappa) * random.normal();
      const end = second.tau * middle + second.zeta + Math.sqrt(second.kappa) * random.normal();
      return [start, middle, end];
    });
    const { fromStart, fromEnd, offset, covariance } = reference.bridge(0, 0.4, 1);
    const residuals = rows.map(([x, y, z]) => [y! - fromStart.get(0, 0) * x! - fromEnd.get(0, 0) * z! - offset[0]!, x!, z!]);
    const moments = weightedMoments(points(residuals));
    const variance = covariance.get(0, 0);
    expect(Math.abs(moments.mean[0]!)).toBeLessThan(4.5 * Math.sqrt(variance / n));
    expect(Math.abs(moments.covariance.get(0, 0) / variance - 1)).toBeLessThan(4.5 * Math.sqrt(2 / n));
    // Uncorrelated with both ends.
    for (const k of [1, 2])
      expect(Math.abs(moments.covariance.get(0, k))).toBeLessThan(4.5 * Math.sqrt((variance * moments.covariance.get(k, k)) / n));
  });
});

describe('dimensions', () => {
  it('scalar references fit every one, others have their own', () => {
    const scalar = ornsteinUhlenbeck({ rate: 1, sigma: 1, mean: 2 });
    expect(scalar.dimension).toBeUndefined();
    expect(scalar.transition(0, 1).matrix.rows).toBe(1);
    expect(Array.from(scalar.transition(0, 1, 3).offset)).toHaveLength(3);
    expect(Array.from(scalar.drift(0, [[1, 2, 3]]).data)).toEqual([1, 0, -1]);
    const vector = ornsteinUhlenbeck({ rate: 1, sigma: 1, mean: [0, 1] });
    expect(vector.dimension).toBe(2);
    expect(vector.transition(0, 1).matrix.rows).toBe(2);
    for (const call of [
      () => vector.transition(0, 1, 3),
      () => vector.drift(0, [[1]]),
      () => vector.bridge(0, 0.5, 1, 1),
      () => vector.discretise(timeGrid.uniform({ steps: 2 })).kernel(0, 1),
    ]) {
      expect(call).toThrow(ShapeError);
      expect(call).toThrow(/^ornsteinUhlenbeck: has dimension 2, asked for/);
    }
  });
});

describe('schedules and grids', () => {
  it('mirror exactly, rise, and stay between min and max', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 41 }), fc.constantFrom('linear' as const, 'geometric' as const), (steps, spacing) => {
        const gammas = schedules.symmetric({ min: 0.001, max: 0.1, steps, spacing });
        expect(gammas).toHaveLength(steps);
        expect(Array.from(gammas).reverse()).toEqual(Array.from(gammas));
        expect(Math.max(...gammas)).toBeCloseTo(0.1, 14);
        if (steps > 2) expect(gammas[0]).toBe(0.001);
        for (let k = 1; k < steps / 2; k++) if (steps - 1 - k >= k) expect(gammas[k]!).toBeGreaterThan(gammas[k - 1]!);
        const ratios = [gammas[1]! / gammas[0]!, gammas[2]! / gammas[1]!];
        if (spacing === 'geometric' && steps >= 6) expect(ratios[0]).toBeCloseTo(ratios[1]!, 12);
      }),
      { seed: 6 },
    );
  });

  it('uniform grids end exactly at the horizon', () => {
    const { times, durations } = timeGrid.uniform({ steps: 3, horizon: 0.7 });
    expect(times[3]).toBe(0.7);
    durations.forEach((gamma, k) => expect(gamma).toBeCloseTo(times[k + 1]! - times[k]!, 15));
    expect(timeGrid.uniform({ steps: 5 }).horizon).toBe(1);
  });
});

describe('bad input is refused by name', () => {
  const grid = timeGrid.uniform({ steps: 2 });
  it.each([
    ['NaN sigma', () => brownian({ sigma: Number.NaN }), /^brownian: sigma/],
    ['horizon 0', () => brownian({ sigma: 1, horizon: 0 }), /horizon/],
    ['infinite mean', () => ornsteinUhlenbeck({ rate: 1, sigma: 1, mean: Number.POSITIVE_INFINITY }), /mean/],
    ['NaN in a mean', () => ornsteinUhlenbeck({ rate: 1, sigma: 1, mean: [0, Number.NaN] }), /mean: entry 1/],
    ['sigmaMin = sigmaMax', () => varianceExploding({ sigmaMin: 1, sigmaMax: 1 }), /sigmaMax 1 must be > sigmaMin/],
    ['betaMin 0', () => subVariancePreserving({ betaMin: 0, betaMax: 1 }), /^subVariancePreserving: betaMin/],
    ['time NaN', () => brownian({ sigma: 1 }).drift(Number.NaN, [[0]]), /time NaN is outside/],
    ['time < 0', () => brownian({ sigma: 1 }).diffusion(-0.1), /outside \[0, 1\]/],
    ['bridge out of order', () => brownian({ sigma: 1 }).bridge(0, 0.8, 0.5), /do not ascend/],
    ['kernel past the end', () => brownian({ sigma: 1 }).discretise(grid).kernel(2), /no transition 2; pass 0 … 1/],
    ['grid of another horizon', () => brownian({ sigma: 1, horizon: 1 + 1e-8 }).discretise(grid), /make the horizons equal/],
    ['misspelt horizon', () => timeGrid.uniform({ steps: 3, T: 2 } as never), /unknown option 'T'/],
    ['horizon ∞', () => timeGrid.uniform({ steps: 3, horizon: Number.POSITIVE_INFINITY }), /horizon/],
    ['negative step', () => timeGrid.fromSteps([0.1, -0.1]), /step 1 is -0.1/],
    ['rate < 0', () => dsbReference({ rate: -1 }, [0.1]), /rate must be ≥ 0/],
    ['one step', () => schedules.symmetric({ min: 1, max: 2, steps: 1 }), /at least 2/],
    ['max below min', () => schedules.symmetric({ min: 2, max: 1, steps: 4 }), /exchange/],
    ['unknown spacing', () => schedules.symmetric({ min: 1, max: 2, steps: 4, spacing: 'cosine' as never }), /'cosine'/],
  ] as const)('%s', (_, call, words) => {
    expect(call).toThrow(DomainError);
    expect(call).toThrow(words);
  });
});
