import { bridgeProblem, entropicProblem, transportProblem } from '../../src/couplings/index.ts';
import { exactTransport, sinkhorn, sinkhornBridge } from '../../src/discrete/index.ts';
import type { RandomSource } from '../../src/numerics/random.ts';
import { brownian, ornsteinUhlenbeck } from '../../src/references/index.ts';
import { bridgeLaws } from '../laws/bridge-laws.ts';
import { couplingLaws } from '../laws/coupling-laws.ts';
import { randomMarginal } from './oracles.ts';

const sides = (random: RandomSource) => ({ source: randomMarginal(6, 2, random), target: randomMarginal(9, 2, random) });
const bridgeSides = (random: RandomSource) => ({ source: randomMarginal(5, 2, random), target: randomMarginal(4, 2, random) });

couplingLaws('sinkhorn', (random) => sinkhorn(entropicProblem({ ...sides(random), epsilon: 0.5 }), { tolerance: 1e-11 }));
couplingLaws('exactTransport', (random) => exactTransport(transportProblem(sides(random))));
for (const [name, reference] of [
  ['brownian', brownian({ sigma: 1 })],
  ['ornsteinUhlenbeck', ornsteinUhlenbeck({ rate: 0.8, sigma: 1, mean: 0.2 })],
] as const) {
  const make = (random: RandomSource) => sinkhornBridge(bridgeProblem({ ...bridgeSides(random), reference }), { tolerance: 1e-11 });
  couplingLaws(`sinkhornBridge, ${name}`, make);
  bridgeLaws(`sinkhornBridge, ${name}`, make);
}
