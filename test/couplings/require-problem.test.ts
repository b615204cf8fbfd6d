import { describe, expect, it } from 'vitest';
import { squaredEuclidean } from '../../src/costs/index.ts';
import { bridgeProblem, entropicProblem, transportProblem } from '../../src/couplings/index.ts';
import { diffusionBridge } from '../../src/diffusion/index.ts';
import { exactTransport, sinkhorn, sinkhornBridge } from '../../src/discrete/index.ts';
import { ViaductError } from '../../src/errors.ts';
import { gaussianBridge, gaussianChain, gaussianCoupling, gaussianImf, gaussianIpf, populationDsb } from '../../src/gaussian/index.ts';
import { discreteMarginal, histogram } from '../../src/marginals/index.ts';
import { points } from '../../src/numerics/points.ts';
import { brownian, timeGrid } from '../../src/references/index.ts';

const source = discreteMarginal({ points: [[0], [1]] });
const entropic = entropicProblem({ source, target: source, epsilon: 1 });
const transport = transportProblem({ source, target: source });
const bridge = bridgeProblem({ source, target: source, reference: brownian({ sigma: 1 }) });
const grid = timeGrid.uniform({ steps: 2 });

describe('a problem of another kind is refused, with the function that makes the right one', () => {
  it.each([
    ['sinkhorn', () => sinkhorn(transport as never), /entropicProblem/],
    ['sinkhorn of nothing', () => sinkhorn(undefined as never), /entropicProblem/],
    ['exactTransport', () => exactTransport(entropic as never), /transportProblem/],
    ['sinkhornBridge', () => sinkhornBridge(entropic as never), /bridgeProblem/],
    ['gaussianCoupling', () => gaussianCoupling(bridge as never), /entropicProblem/],
    ['gaussianBridge', () => gaussianBridge(entropic as never), /bridgeProblem/],
    ['gaussianChain', () => gaussianChain(null as never, grid), /bridgeProblem/],
    ['gaussianIpf', () => gaussianIpf(transport as never), /bridgeProblem/],
    ['gaussianImf', () => gaussianImf(transport as never), /bridgeProblem/],
    ['populationDsb', () => populationDsb(transport as never, grid, { target: 'mean' }), /bridgeProblem/],
    [
      'bridge of a histogram',
      () => bridgeProblem({ source: histogram([1]), target: source, reference: brownian({ sigma: 1 }) }),
      /histogram/,
    ],
    ['entropicProblem of nothing', () => entropicProblem(undefined as never), /object of options/],
  ] as const)('%s', (_, call, words) => {
    expect(call).toThrow(ViaductError);
    expect(call).toThrow(words);
  });

  it('diffusionBridge', async () => {
    await expect(diffusionBridge(entropic as never)).rejects.toThrow(/bridgeProblem/);
  });
});

it('a cost that overflows is no forbidden pair', () => {
  expect(() => squaredEuclidean().between(points([[1e200]]), points([[0]]))).toThrow(/overflows/);
});
