import { entropicProblem, transportProblem } from '../../couplings/index.ts';
import type { DiscreteCoupling } from '../../discrete/discrete-coupling.ts';
import { exactTransport } from '../../discrete/exact-transport.ts';
import { sinkhorn } from '../../discrete/sinkhorn.ts';
import { dataMarginal } from '../../marginals/discrete-marginal.ts';
import { plotCoupling } from '../../plot/plot-coupling.ts';
import { type Check, check, type Figure } from '../../report/report.ts';
import type { Penguins } from './penguins.ts';

/** What a part of the main job adds to the report. */
export interface Part {
  readonly checks: readonly Check[];
  readonly figures: readonly Figure[];
  readonly results: Readonly<Record<string, unknown>>;
}

/** ε as a share of the mean cost. */
const EPSILON = 0.05;
const TOLERANCE = 1e-9;

/** (a) The entropic plan between the species, and the exact one. */
export async function staticPart({ source, target }: Penguins): Promise<Part> {
  const [a, b] = [dataMarginal(source), dataMarginal(target)];
  const problem = entropicProblem({ source: a, target: b, epsilon: { ofMeanCost: EPSILON } });
  const entropic = sinkhorn(problem, { tolerance: TOLERANCE });
  const exact = exactTransport(transportProblem({ source: a, target: b }));
  const entropy = Math.min(Math.log(source.count), Math.log(target.count));
  const excess = (entropic.value.linear - exact.value.linear) / (problem.epsilon * entropy);
  return {
    checks: [
      check('entropic plan: marginal error', entropic.error, TOLERANCE, 'Sinkhorn met both marginals, recomputed from its potentials.'),
      check(
        'entropic plan: duality gap',
        entropic.value.gap / Math.abs(entropic.value.dual),
        1e-7,
        'The value lies in an interval of this relative width.',
      ),
      check(
        'exact plan: duality gap',
        Math.abs(exact.value.gap) / exact.value.primal,
        1e-10,
        'The network simplex found a plan and a proof that none is cheaper.',
      ),
      check('entropic cost above exact cost', excess, 1, 'Regularisation costs at most ε times the smaller entropy of the marginals.'),
      check('exact cost above entropic cost', -excess, 1e-9, 'No plan is cheaper than the exact one.'),
    ],
    figures: [
      await planFigure(
        'The entropic plan',
        entropic,
        `Each line joins an Adelie (blue) to a Gentoo (orange) penguin and is as dark as the mass that moves; at ε = ${EPSILON} of the mean cost every animal spreads over its likely partners.`,
      ),
      await planFigure(
        'The exact plan',
        exact,
        'The same without regularisation: almost every animal has one partner, some two where the samples differ in number.',
      ),
    ],
    results: { plan: { epsilon: problem.epsilon, iterations: entropic.iterations, entropic: entropic.value, exact: exact.value } },
  };
}

async function planFigure(title: string, coupling: DiscreteCoupling, caption: string): Promise<Figure> {
  const svg = await plotCoupling(coupling, { coordinates: [0, 1], labels: ['beak length (standardised)', 'beak depth (standardised)'] });
  return { title, caption, svg };
}
