import { bridgeProblem, gaussianBridge, gaussianIpf, gaussianMarginal, variancePreserving } from 'viaduct';

// The exact bridge over a variance-preserving process, and how fast IPF would find it.
const problem = bridgeProblem({
  source: gaussianMarginal({ mean: [2, 0], covariance: 0.3 }),
  target: gaussianMarginal({ mean: [0, 0], covariance: 1 }),
  reference: variancePreserving({ betaMin: 0.1, betaMax: 8 }),
});
const bridge = gaussianBridge(problem);
console.log(bridge.marginalError().target < 1e-9); // → true
console.log('error left after an iteration of IPF:', gaussianIpf(problem).rate);
for (const t of [0, 0.25, 0.5, 0.75, 1]) console.log(t, bridge.marginalAt(t).mean());
