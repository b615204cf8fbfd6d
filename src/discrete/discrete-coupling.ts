import type { Matrix } from 'ml-matrix';
import type { Cost } from '../costs/cost.ts';
import type { Coupling } from '../couplings/coupling.ts';
import { DomainError } from '../errors.ts';
import type { DiscreteMarginal } from '../marginals/discrete-marginal.ts';
import { categoricalSampler, sampleCategories } from '../numerics/categorical.ts';
import type { Status } from '../numerics/iterate.ts';
import { weightedMean } from '../numerics/moments.ts';
import { allocatePoints, type Points, type PointsLike, requireDimension, row, takeRows, toPoints } from '../numerics/points.ts';
import { requireInteger, toNumbers } from '../numerics/vectors.ts';
import type { ConditionalLaw } from './conditional-law.ts';
import { type DiscreteGradients, gradientsOf, reversedGradients } from './discrete-gradients.ts';
import type { LevelRecord } from './level-record.ts';
import { planMoments, transportCostOf } from './plan-moments.ts';
import type { PointGradients } from './point-gradients.ts';
import { planMatrix, rowMasses, type TransportPlan, transposedPlan } from './transport-plan.ts';
import type { DiscreteValue } from './values.ts';

/** What the work was. */
export interface SolverStats {
  /** Passes over a stored kernel (none in the log domain), each a full Sinkhorn iteration's worth. */
  readonly matrixPasses: number;
  /** Passes of n·m exponentials. */
  readonly exponentialPasses: number;
  readonly seconds: number;
  readonly threads: number;
  /** In a batch shared by several threads: which one solved this problem, alone; 0 is the caller. Absent elsewhere. */
  readonly batchThread?: number;
  /** How the passes were done: `'wasm'` or `'typescript'`. Absent where there were none. */
  readonly engine?: 'wasm' | 'typescript';
  /** Every ε of the way with its method, precision, iterations and the error reached. */
  readonly levels?: readonly LevelRecord[];
}

/** A plan between two discrete measures, with the truth about how it was found. */
export interface DiscreteCoupling extends Coupling {
  readonly kind: 'discrete-coupling';
  readonly source: DiscreteMarginal;
  readonly target: DiscreteMarginal;
  readonly status: Status;
  readonly iterations: number;
  readonly warnings: readonly string[];
  /** L1 error of both sides together, relative to the total mass, recomputed from the answer. */
  readonly error: number;
  /** The error after every iteration. */
  readonly errors: Float64Array;
  readonly value: DiscreteValue;
  /** Dual potentials in units of cost: P = a ⊗ b exp((f ⊕ g − C)/ε) when entropic. */
  readonly potentials: { readonly f: Float64Array; readonly g: Float64Array };
  /** P, n × m. */
  plan(): Matrix;
  /** P v. */
  apply(v: ArrayLike<number>): Float64Array;
  /** Pᵀ u. */
  applyTranspose(u: ArrayLike<number>): Float64Array;
  /** Derivatives of the optimal value. */
  gradients(): DiscreteGradients;
  readonly stats: SolverStats;
  /** A summary: never the plan. */
  toJSON(): object;
}

/** What a solver hands over. */
export interface DiscreteAnswer {
  readonly path: string;
  readonly source: DiscreteMarginal;
  readonly target: DiscreteMarginal;
  readonly cost: Cost;
  readonly plan: TransportPlan;
  readonly status: Status;
  readonly iterations: number;
  readonly warnings: readonly string[];
  readonly errors: Float64Array;
  readonly sideErrors: { readonly source: number; readonly target: number };
  /** Computed when first asked for. */
  readonly value: () => DiscreteValue;
  readonly potentials: { readonly f: Float64Array; readonly g: Float64Array };
  readonly weightGradients: () => { readonly a: Float64Array; readonly b: Float64Array };
  /** The derivatives in the points by a shorter way than over all pairs, where there is one. */
  readonly derivatives?: () => PointGradients | undefined;
  /** Where they do not follow from the rows of the plan, which are dear in a transposed one. */
  readonly gradients?: () => DiscreteGradients;
  readonly stats: SolverStats;
  /** The law of the partner of any source point, where potentials know it. */
  readonly conditional?: ConditionalLaw;
  /** The same for target points. */
  readonly conditionalBack?: ConditionalLaw;
}

/** Completes an answer to a {@link DiscreteCoupling}. */
export function discreteCoupling(answer: DiscreteAnswer): DiscreteCoupling {
  const { path, source, target, cost, plan, potentials, sideErrors } = answer;
  let masses: Float64Array | undefined;
  const rows = (): Float64Array => {
    masses ??= rowMasses(plan);
    return masses;
  };
  let value: DiscreteValue | undefined;
  const values = (): DiscreteValue => {
    value ??= answer.value();
    return value;
  };
  const weightsGiven = (name: string, x: PointsLike): { at: Points; weights: (i: number) => Float64Array } => {
    const at = toPoints(`${path}.${name}`, x);
    requireDimension(`${path}.${name}`, at, source.dimension);
    const found = answer.conditional === undefined ? matchSupport(path, name, at, source) : undefined;
    const weights = (i: number): Float64Array => {
      const given = found === undefined ? answer.conditional!.weights(at, i) : plan.row(found[i]!);
      if (given.every((w) => w === 0)) throw new DomainError(partnerless(`${path}.${name}`, i));
      return given;
    };
    return { at, weights };
  };
  const json = (): object => ({
    kind: 'discrete-coupling',
    status: answer.status,
    iterations: answer.iterations,
    error: sideErrors.source + sideErrors.target,
    value: values(),
    points: [plan.rows, plan.columns],
    warnings: answer.warnings,
  });
  const coupling: DiscreteCoupling = {
    kind: 'discrete-coupling',
    source,
    target,
    get mass() {
      return rows().reduce((sum, p) => sum + p, 0);
    },
    status: answer.status,
    iterations: answer.iterations,
    warnings: Object.freeze([...answer.warnings]),
    error: sideErrors.source + sideErrors.target,
    errors: answer.errors,
    get value() {
      return values();
    },
    potentials: Object.freeze(potentials),
    stats: Object.freeze(answer.stats),
    plan: () => planMatrix(`${path}.plan`, plan),
    apply: (v) => plan.apply(requireLength(`${path}.apply`, v, plan.columns), 1),
    applyTranspose: (u) => plan.applyTranspose(requireLength(`${path}.applyTranspose`, u, plan.rows), 1),
    gradients: answer.gradients ?? (() => gradientsOf(answer)),
    sample(count, random) {
      const first = sampleCategories(rows(), requireInteger(`${path}.sample: count`, count, 1), random);
      const samplers = new Map<number, ReturnType<typeof categoricalSampler>>();
      const second = first.map((i) => {
        let draw = samplers.get(i);
        if (draw === undefined) {
          draw = categoricalSampler(plan.row(i));
          samplers.set(i, draw);
        }
        return draw(random);
      });
      return { x: takeRows(source.points, first), y: takeRows(target.points, second) };
    },
    sampleConditional(x, random) {
      const { at, weights } = weightsGiven('sampleConditional', x);
      return takeRows(
        target.points,
        Int32Array.from({ length: at.count }, (_, i) => categoricalSampler(weights(i))(random)),
      );
    },
    conditionalMean(x) {
      const { at, weights } = weightsGiven('conditionalMean', x);
      if (answer.conditional !== undefined) {
        const means = answer.conditional.mean(at);
        const lost = means.data.findIndex(Number.isNaN);
        if (lost >= 0) throw new DomainError(partnerless(`${path}.conditionalMean`, Math.floor(lost / means.dimension)));
        return means;
      }
      const out = allocatePoints(at.count, target.dimension);
      for (let i = 0; i < at.count; i++) row(out, i).set(weightedMean(target.points, weights(i)));
      return out;
    },
    moments: () => planMoments(plan, source.points, target.points),
    marginalError: () => ({ metric: 'l1', ...sideErrors }),
    transportCost: (wanted = cost) => transportCostOf(`${path}.transportCost`, plan, source.points, target.points, wanted),
    reverse: () => discreteCoupling(reversed(answer)),
    toJSON: json,
  };
  Object.defineProperty(coupling, Symbol.for('nodejs.util.inspect.custom'), { value: () => json(), enumerable: false });
  return Object.freeze(coupling);
}

function partnerless(path: string, i: number): string {
  return `${path}: row ${i} has no partner, since its pairs are forbidden or carry nothing; leave it out`;
}

function reversed(answer: DiscreteAnswer): DiscreteAnswer {
  const { source, target, plan, potentials, sideErrors, cost, conditional, conditionalBack, gradients, ...rest } = answer;
  const between: Cost['between'] = (y, x) => {
    const costs = (cost.view ?? cost.between)(x, y);
    const out = new Float64Array(costs.length);
    for (let j = 0, p = 0; j < y.count; j++) for (let i = 0; i < x.count; i++, p++) out[p] = costs[i * y.count + j]!;
    return out;
  };
  const back: Cost = {
    ...cost,
    between,
    ...(cost.view === undefined ? {} : { view: between }),
    ...(cost.gradient === undefined ? {} : { gradient: (y, x, dy, dx) => cost.gradient!(x, y, dx, dy) }),
  };
  return {
    ...rest,
    ...(conditionalBack === undefined ? {} : { conditional: conditionalBack }),
    ...(conditional === undefined ? {} : { conditionalBack: conditional }),
    source: target,
    target: source,
    cost: back,
    plan: transposedPlan(plan),
    potentials: { f: potentials.g, g: potentials.f },
    sideErrors: { source: sideErrors.target, target: sideErrors.source },
    weightGradients: () => {
      const { a, b } = answer.weightGradients();
      return { a: b, b: a };
    },
    gradients: () => reversedGradients((gradients ?? (() => gradientsOf(answer)))()),
  };
}

/** The indices of support points that the given ones equal. */
function matchSupport(path: string, name: string, at: Points, source: DiscreteMarginal): Int32Array {
  const places = new Map<string, number>();
  for (let i = 0; i < source.points.count; i++) if (source.weights[i]! > 0) places.set(row(source.points, i).join(), i);
  return Int32Array.from({ length: at.count }, (_, i) => {
    const found = places.get(row(at, i).join());
    if (found === undefined) {
      throw new DomainError(
        `${path}.${name}: row ${i} is no support point of the source, and this plan knows no other; use sinkhorn with a cost of points`,
      );
    }
    return found;
  });
}

function requireLength(path: string, v: ArrayLike<number>, length: number): Float64Array {
  if (v?.length !== length) throw new DomainError(`${path}: expected ${length} numbers, got ${v?.length ?? String(v)}; pass one a point`);
  const made = toNumbers(v);
  const bad = made.findIndex(Number.isNaN);
  if (bad >= 0) throw new DomainError(`${path}: entry ${bad} is ${String(v[bad])}; pass numbers`);
  return made;
}
