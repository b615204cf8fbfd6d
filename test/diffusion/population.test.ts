import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { type BridgeProblem, bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import type { CouplingMoments } from '../../src/couplings/coupling.ts';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import type { DiffusionBridge } from '../../src/diffusion/diffusion-run.ts';
import { linear } from '../../src/drifts/linear.ts';
import { populationDsb } from '../../src/gaussian/population-dsb.ts';
import { linearReference } from '../../src/references/linear-reference.ts';
import { type TimeGrid, timeGrid } from '../../src/references/time-grid.ts';
import { variancePreserving } from '../../src/references/variance-preserving.ts';
import { planarGaussians } from '../laws/planar-gaussians.ts';
import { studentQuantile, studentStatistic } from '../laws/statistics.ts';

const SEEDS = 16;
const HALF_STEPS = 4;
const TARGETS = ['mean', 'drift', 'simple', 'moment', 'endpoint'] as const;

const { source, target } = planarGaussians();

/** Uneven steps, so that γ in the wrong order or at the wrong transition shows. */
const uneven = timeGrid.fromSteps([0.05, 0.3, 0.1, 0.25, 0.2, 0.1]);

const cases: readonly { readonly name: string; readonly problem: BridgeProblem; readonly grid: TimeGrid }[] = [
  { name: 'Brownian', problem: planarGaussians(), grid: uneven },
  {
    name: 'variance preserving, g depends on t',
    problem: bridgeProblem({ source, target, reference: variancePreserving({ betaMin: 0.5, betaMax: 3 }) }),
    grid: uneven,
  },
  {
    name: 'matrix-valued',
    problem: bridgeProblem({
      source,
      target,
      reference: linearReference({
        drift: [
          [-0.5, 0.4],
          [-0.4, -0.2],
        ],
        bias: [0.3, -0.1],
        diffusion: [
          [1, 0],
          [0.4, 0.8],
        ],
      }),
    }),
    grid: uneven,
  },
];

const runs = new Map<string, Promise<DiffusionBridge[]>>();

function trained(name: string, problem: BridgeProblem, grid: TimeGrid, kind: (typeof TARGETS)[number]): Promise<DiffusionBridge[]> {
  const key = `${name} ${kind}`;
  const made =
    runs.get(key) ??
    Promise.all(
      Array.from({ length: SEEDS }, (_, seed) =>
        diffusionBridge(problem, {
          iterations: HALF_STEPS / 2,
          grid,
          target: kind,
          drift: linear(),
          innerSteps: 6,
          batchSize: 3000,
          cache: 1500,
          seed,
        }),
      ),
    );
  runs.set(key, made);
  return made;
}

/** The moments that regression decides, as named numbers: the prescribed side is exact and left out. */
function learned(moments: CouplingMoments, direction: 'forward' | 'backward'): number[] {
  const [mean, covariance] =
    direction === 'backward' ? [moments.sourceMean, moments.sourceCovariance] : [moments.targetMean, moments.targetCovariance];
  return [...mean, covariance.get(0, 0), covariance.get(0, 1), covariance.get(1, 1), ...moments.crossCovariance.to1DArray()];
}

describe('with least squares every half-step is its population value', () => {
  const compared = cases.length * TARGETS.length * HALF_STEPS * 9;
  const limit = studentQuantile(0.01 / compared, SEEDS - 1);

  test('the limit is that of Student’s t', () => {
    expect(studentQuantile(0.05, 15)).toBeCloseTo(2.13145, 4);
    expect(studentQuantile(0.01, 15)).toBeCloseTo(2.94671, 4);
    expect(limit).toBeGreaterThan(5);
    expect(limit).toBeLessThan(9);
  });

  for (const { name, problem, grid } of cases) {
    for (const kind of TARGETS) {
      test(`${name}, target ${kind}`, async () => {
        const all = await trained(name, problem, grid, kind);
        const population = populationDsb(problem, grid, { target: kind });
        for (let i = 1; i <= HALF_STEPS; i++) {
          const { direction } = population.iterate(i);
          const expected = learned(population.iterate(i).moments(), direction);
          const values = all.map((run) => learned(run.iterate(i).moments(), direction));
          expected.forEach((value, j) => {
            const z = studentStatistic(
              values.map((v) => v[j]!),
              value,
            );
            expect(Math.abs(z), `half-step ${i}, moment ${j}: z = ${z}`).toBeLessThan(limit);
          });
          // The other side is the prescribed marginal, not an estimate.
          for (const run of all) {
            const { sourceMean, targetMean } = run.iterate(i).moments();
            expect(direction === 'forward' ? sourceMean : targetMean).toEqual(direction === 'forward' ? source.mean() : target.mean());
          }
        }
      });
    }
  }
});

describe('schemes are told apart', () => {
  const { name, problem, grid } = cases[0]!;

  /** Largest |z| of half-step i against given moments. */
  async function distance(kind: (typeof TARGETS)[number], i: number, expected: number[]): Promise<number> {
    const all = await trained(name, problem, grid, kind);
    const direction = i % 2 === 1 ? 'backward' : 'forward';
    const values = all.map((run) => learned(run.iterate(i).moments(), direction));
    return Math.max(
      ...expected.map((value, j) =>
        Math.abs(
          studentStatistic(
            values.map((v) => v[j]!),
            value,
          ),
        ),
      ),
    );
  }

  test('simple and endpoint are not mean matching', async () => {
    const population = populationDsb(problem, grid, { target: 'mean' });
    for (const kind of ['simple', 'endpoint'] as const) {
      expect(await distance(kind, 2, learned(population.iterate(2).moments(), 'forward'))).toBeGreaterThan(10);
    }
  });

  test('a target that evaluates B with the label of the next transition is not mean matching', async () => {
    const previous = populationDsb(problem, grid, { target: 'mean' }).iterate(1);
    const { means, covariances, kernels } = previous;
    // F_k regresses X_k + B_k(X_{k+1}) − B_{k−1}(X_k): the second evaluation carries the label of the neighbour.
    let law = { mean: source.mean(), covariance: source.covariance() };
    let cross = source.covariance();
    kernels.forEach((kernel, k) => {
      const other = kernels[Math.max(k - 1, 0)]!;
      const after = covariances[k]!;
      const gain = covariances[k + 1]!.mmul(kernel.matrix.transpose()).mmul(inverse2(after));
      const matrix = Matrix.eye(2).add(kernel.matrix.mmul(gain)).sub(other.matrix);
      const rest = Matrix.columnVector(Array.from(means[k + 1]!)).sub(gain.mmul(Matrix.columnVector(Array.from(means[k]!))));
      const offset = kernel.matrix
        .mmul(rest)
        .to1DArray()
        .map((x, r) => x + kernel.offset[r]! - other.offset[r]!);
      const carried = matrix.mmul(Matrix.columnVector(Array.from(law.mean))).to1DArray();
      law = {
        mean: Float64Array.from(carried, (x, r) => x + offset[r]!),
        covariance: matrix.mmul(law.covariance).mmul(matrix.transpose()).add(kernel.covariance),
      };
      cross = cross.mmul(matrix.transpose());
    });
    const { mean, covariance } = law;
    const wrong = [...mean, covariance.get(0, 0), covariance.get(0, 1), covariance.get(1, 1), ...cross.to1DArray()];
    expect(await distance('mean', 2, wrong)).toBeGreaterThan(20);
  });
});

function inverse2(m: Matrix): Matrix {
  const [a, b, c, d] = [m.get(0, 0), m.get(0, 1), m.get(1, 0), m.get(1, 1)];
  const det = a * d - b * c;
  return new Matrix([
    [d / det, -b / det],
    [-c / det, a / det],
  ]);
}
