export { gaussianBridge } from './gaussian-bridge.ts';
export { type GaussianChain, gaussianChain } from './gaussian-chain.ts';
export { type GaussianCoupling, gaussianCoupling } from './gaussian-coupling.ts';
export { gaussianImf } from './gaussian-imf.ts';
export { type GaussianIpf, gaussianIpf } from './gaussian-ipf.ts';
export { type PopulationDsbOptions, populationDsb } from './population-dsb.ts';
export type { GaussianBridge } from './process-bridge.ts';
