export type { Bridge, Paths, SimulateOptions } from './bridge.ts';
export { type BridgeProblem, bridgeProblem } from './bridge-problem.ts';
export type { Coupling, CouplingMoments, MarginalError } from './coupling.ts';
export { type EntropicProblem, entropicProblem, type MarginalConstraint } from './entropic-problem.ts';
export { independentCoupling } from './independent-coupling.ts';
export { staticProblem } from './static-problem.ts';
export { type TransportProblem, transportProblem } from './transport-problem.ts';
