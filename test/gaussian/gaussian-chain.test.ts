import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { DomainError } from '../../src/errors.ts';
import { gaussianBridge, gaussianChain } from '../../src/gaussian/index.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian, dsbReference, timeGrid } from '../../src/references/index.ts';
import { expectMatrix, expectVector } from '../laws/coupling-laws.ts';
import { everyReference, randomGaussian } from '../laws/random-gaussians.ts';

const gammas = [0.01, 0.03, 0.06, 0.1, 0.12, 0.08, 0.05, 0.02];
const random = randomSource(51);
const [source, target] = [randomGaussian(3, random), randomGaussian(3, random)];

describe.each(everyReference)('gaussianChain over %s', (_, make) => {
  const reference = make(3, randomSource(8));
  const problem = bridgeProblem({ source, target, reference });
  const grid = timeGrid.fromSteps([1, 2, 4, 5, 3, 1].map((k) => (k * reference.horizon) / 16));

  it('hits both marginals, and the cross-covariance of the static problem of the chain', () => {
    const chain = gaussianChain(problem, grid);
    const { marginal, mean } = { marginal: chain.covariances.at(-1)!, mean: chain.means.at(-1)! };
    expectMatrix(marginal, target.covariance(), 1e-10);
    expectVector(mean, target.mean(), 1e-10);
    expectVector(chain.means[0]!, source.mean(), 0);
    const { matrix, covariance } = reference.discretise(grid).transition(0, grid.steps, 3);
    const { sourceCovariance, targetCovariance, crossCovariance } = chain.moments();
    // The off-diagonal block of the joint precision is −ΦᵀK⁻¹ whatever the marginals: A⁻¹C = ΦᵀK⁻¹·Cov(y | x).
    const conditional = Matrix.sub(targetCovariance, crossCovariance.transpose().mmul(solved(sourceCovariance, crossCovariance)));
    expectMatrix(solved(sourceCovariance, crossCovariance), matrix.transpose().mmul(solved(covariance, conditional)), 1e-8);
  });

  it('is the bridge itself on the nodes when the reference is discretised exactly', () => {
    const chain = gaussianChain(problem, grid, { scheme: 'exact' });
    const bridge = gaussianBridge(problem);
    grid.times.forEach((t, k) => {
      const marginal = bridge.marginalAt(Math.min(t, reference.horizon));
      expectVector(chain.means[k]!, marginal.mean(), 1e-9);
      expectMatrix(chain.covariances[k]!, marginal.covariance(), 1e-9);
    });
    expectMatrix(chain.crossCovariance, bridge.moments().crossCovariance, 1e-9);
  });
});

describe('gaussianChain', () => {
  const { reference, grid } = dsbReference({ rate: 0.8, mean: 0.3 }, gammas);
  const line = bridgeProblem({
    source: gaussianMarginal({ mean: [-0.7], covariance: 1.3 }),
    target: gaussianMarginal({ mean: [0.9], covariance: 0.6 }),
    reference,
  });

  it('steps by the scalar recursion M_k = a²M_{k+1}W, V_k = (1/v + M_{k+1})⁻¹', () => {
    const chain = gaussianChain(line, grid);
    const [a, v, shift] = [gammas.map((g) => 1 - 0.8 * g), gammas.map((g) => 2 * g), gammas.map((g) => 0.24 * g)];
    const phi = a.reduce((product, x) => product * x, 1);
    const [K, z] = a.reduce(([k, o], x, i) => [x * x * k! + v[i]!, x * o! + shift[i]!], [0, 0]) as [number, number];
    const epsilon = K / phi;
    const C = Math.sqrt(1.3 * 0.6 + epsilon ** 2 / 4) - epsilon / 2;
    const Q = 1 / (0.6 - (C * C) / 1.3);
    let [M, n] = [Q - 1 / K, Q * 0.9 + 0.7 / epsilon - z / K];
    for (let k = 7; k >= 0; k--) {
      const V = 1 / (1 / v[k]! + M);
      const kernel = chain.kernel(k);
      expect(kernel.covariance.get(0, 0)).toBeCloseTo(V, 12);
      expect(kernel.matrix.get(0, 0)).toBeCloseTo((V * a[k]!) / v[k]!, 12);
      expect(kernel.offset[0]).toBeCloseTo(V * (shift[k]! / v[k]! + n), 12);
      expect(Math.abs(V / v[k]! - 1)).toBeGreaterThan(1e-4);
      const W = 1 / (1 + v[k]! * M);
      n = a[k]! * W * (n - M * shift[k]!);
      M = a[k]! ** 2 * M * W;
    }
    expect(chain.crossCovariance.get(0, 0)).toBeCloseTo(C, 12);
  });

  it('has eps* of its own: OU α = 1, T = 1.5, N = 20 has 4.72, the process 4.26, 2T = 3', () => {
    const paper = dsbReference({ rate: 1 }, new Float64Array(20).fill(0.075));
    const problem = bridgeProblem({ source: line.source, target: line.target, reference: paper.reference });
    const effective = (C: number): number => (1.3 * 0.6 - C * C) / C;
    expect(effective(gaussianChain(problem, paper.grid).crossCovariance.get(0, 0))).toBeCloseTo(4.72, 2);
    expect(effective(gaussianBridge(problem).moments().crossCovariance.get(0, 0))).toBeCloseTo(4.26, 2);
  });

  it('is the same plan as Brownian motion has, whatever the steps, without drift', () => {
    const still = dsbReference({}, gammas);
    const problem = bridgeProblem({ source, target, reference: still.reference });
    expectMatrix(gaussianChain(problem, still.grid).crossCovariance, gaussianBridge(problem).moments().crossCovariance, 1e-11);
  });

  it('tends to the process with the number of steps, error ~ 1/N', () => {
    const exact = gaussianBridge(line).moments().crossCovariance.get(0, 0);
    const error = (steps: number): number =>
      gaussianChain(line, timeGrid.uniform({ steps, horizon: reference.horizon })).crossCovariance.get(0, 0) - exact;
    expect(error(100) / error(200)).toBeCloseTo(2, 1);
  });

  it.each([1, 1.6])('takes Euler steps that forget or overshoot: rate·γ = %d', (product) => {
    const paper = dsbReference({ rate: product / 0.5, mean: 0.3 }, [0.5, 0.25, 0.25]);
    const problem = bridgeProblem({ source, target, reference: paper.reference });
    const chain = gaussianChain(problem, paper.grid);
    expectMatrix(chain.covariances.at(-1)!, target.covariance(), 1e-11);
    expectVector(chain.means.at(-1)!, target.mean(), 1e-11);
    const { matrix, covariance } = paper.reference.discretise(paper.grid).transition(0, 3, 3);
    const C = chain.crossCovariance;
    const conditional = Matrix.sub(target.covariance(), C.transpose().mmul(solved(source.covariance(), C)));
    expectMatrix(C, source.covariance().mmul(matrix.transpose()).mmul(solved(covariance, conditional)), 1e-11);
    expect(C.norm() < 1e-12).toBe(product === 1);
  });

  it('refuses unknown transitions, options and horizons', () => {
    expect(() => gaussianChain(line, grid).kernel(8)).toThrow(DomainError);
    expect(() => gaussianChain(line, timeGrid.uniform({ steps: 4 }))).toThrow(/horizon/);
    expect(() => gaussianChain(line, grid, { shceme: 'exact' } as never)).toThrow(/unknown option 'shceme'/);
    const short = bridgeProblem({ source: line.source, target: line.target, reference: brownian({ sigma: 1 }) });
    expect(() => gaussianChain(short, timeGrid.uniform({ steps: 4 }), { scheme: 'milstein' as 'euler' })).toThrow(/milstein/);
  });
});

/** S⁻¹R by elimination without pivoting: S is positive definite. */
function solved(s: Matrix, right: Matrix): Matrix {
  const [work, out] = [s.clone(), right.clone()];
  for (let i = 0; i < s.rows; i++) {
    const pivot = work.get(i, i);
    for (const side of [work, out]) side.mulRow(i, 1 / pivot);
    for (let r = 0; r < s.rows; r++) {
      if (r === i) continue;
      const factor = work.get(r, i);
      for (const side of [work, out])
        side.setRow(
          r,
          side.getRow(r).map((x, k) => x - factor * side.get(i, k)),
        );
    }
  }
  return out;
}
