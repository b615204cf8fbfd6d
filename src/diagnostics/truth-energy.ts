import { gaussianBridge } from '../gaussian/gaussian-bridge.ts';
import { difference, driftEnergy, type PathMean } from './drift-energy.ts';
import { energyOver, exactNodes, type ForwardProcess, forwardProcess } from './forward-process.ts';
import { hasGaussianBridge } from './gaussian-theorems.ts';
import { type Judged, regressionNoise, type Truth } from './judged.ts';
import { type Finding, inapplicable, type TheoremCheck, theoremCheck } from './theorem-check.ts';

const IDENTITY = 'energy identity';
const DRIFT = 'drift against the exact one';
const ENERGY = 'energy against the exact one';

/** Standard errors that are taken for chance. */
const CHANCE = 4;

/**
 * E ∫|f* − f_ref|²/(2g²) dt = KL(π* | reference): the energy of the forward drift against the KL of the bridge, in closed form between
 * Gaussians and along paths of the exact drift where that is given; and how far the drift is from the exact one, in the same units.
 */
export function energyChecks(judged: Judged): Finding[] {
  const { truth, problem } = judged;
  const known = hasGaussianBridge(problem);
  const without = [
    ...(known ? [] : inapplicable([IDENTITY], 'needs Gaussian marginals with densities, and a reference whose law is known')),
    ...(truth === undefined ? inapplicable([DRIFT, ENERGY], 'needs the exact drift: pass truth') : []),
  ];
  // What nobody asks for is not computed.
  if (!known && truth === undefined) return without;
  const forward = forwardProcess(judged);
  if ('refusal' in forward)
    return [...without, ...inapplicable([...(known ? [IDENTITY] : []), ...(truth === undefined ? [] : [DRIFT, ENERGY])], forward.refusal)];
  return [
    ...(known ? [energyIdentity(judged, forward)] : []),
    ...(truth === undefined ? [] : againstTruth(judged, forward, truth)),
    ...without,
  ];
}

function energyIdentity(judged: Judged, forward: ForwardProcess): TheoremCheck {
  const expected = gaussianBridge(judged.problem).pathKl();
  return theoremCheck({
    name: IDENTITY,
    value: relativeGap(judged, forward, { mean: expected, standardError: 0 }),
    limit: 0.1,
    knowledge: 'closed form',
    meaning: `The energy of the drift over the reference, ${forward.energy.mean.toPrecision(3)} nats, is the KL of the bridge from the reference, ${expected.toPrecision(3)}.`,
  });
}

/** |energy − expected| beyond chance, what regression adds and the error of the integral, over what is expected. */
function relativeGap(judged: Judged, { energy, quadrature }: ForwardProcess, expected: PathMean): number {
  const noise = regressionNoise(judged);
  const chance = CHANCE * Math.hypot(energy.standardError, expected.standardError) + noise + quadrature;
  return share(Math.abs(energy.mean - expected.mean) - chance, Math.max(expected.mean, noise));
}

/** The excess over the whole; nothing beside nothing is right. */
function share(excess: number, whole: number): number {
  return excess <= 0 ? 0 : excess / whole;
}

function againstTruth(judged: Judged, forward: ForwardProcess, truth: Truth): TheoremCheck[] {
  const { problem, random } = judged;
  const { grid, stops, drifts, energy, stopsOf } = forward;
  const exact = stops.map(({ t, x }) => truth.drift(t, x));
  const error = driftEnergy(problem.reference, stops, (k) => difference(drifts[k]!, exact[k]!));
  const size = energyOver(judged, stops, exact);
  const noise = regressionNoise(judged);
  const exactStops = stopsOf(exactNodes(judged, truth, grid, random.split('exact paths')));
  const expected = energyOver(
    judged,
    exactStops,
    exactStops.map(({ t, x }) => truth.drift(t, x)),
  );
  return [
    theoremCheck({
      name: DRIFT,
      value: share(error.mean - CHANCE * error.standardError - noise, Math.max(size.mean, noise)),
      limit: 0.1,
      knowledge: 'densities',
      meaning: `KL of the process from the exact bridge, ${error.mean.toPrecision(2)} nats, is small beside the energy of the exact drift, ${size.mean.toPrecision(3)}.`,
    }),
    theoremCheck({
      name: ENERGY,
      value: relativeGap(judged, forward, expected),
      limit: 0.1,
      knowledge: 'densities',
      meaning: `The process spends ${energy.mean.toPrecision(3)} nats over the reference, paths of the exact drift ${expected.mean.toPrecision(3)}.`,
    }),
  ];
}
