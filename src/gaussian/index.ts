export { type BiasEqualisingOptions, biasEqualisingGrid } from './bias-equalising-grid.ts';
export { gaussianBridge } from './gaussian-bridge.ts';
export { type GaussianChain, gaussianChain } from './gaussian-chain.ts';
export { type GaussianCoupling, gaussianCoupling } from './gaussian-coupling.ts';
export { type GaussianImf, gaussianImf } from './gaussian-imf.ts';
export { type GaussianIpf, gaussianIpf } from './gaussian-ipf.ts';
export { type PopulationDsb, type PopulationDsbOptions, populationDsb } from './population-dsb.ts';
export { type PopulationImf, populationImf } from './population-imf.ts';
export type { GaussianBridge } from './process-bridge.ts';
