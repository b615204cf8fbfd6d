import { DomainError, FormatError, ShapeError } from '../errors.ts';
import { type Affine, applyAffine } from '../numerics/affine.ts';
import { joinBytes } from '../numerics/join-bytes.ts';
import { type Points, wrapPoints } from '../numerics/points.ts';
import type { DriftField } from '../references/drift-field.ts';
import type { ChainDrift, DriftModel, DriftModelContext, DriftModelSpec } from './drift-model.ts';

/**
 * Describes a drift as a known field plus a learned residual, f_k(x) = base(t_k, x) + residual_k(x): preconditioning. Only what the base
 * does not know has to be learned; a net's last layer starts at zero, so training starts at the base.
 *
 * @param base any drift field of the same dimension and horizon: a `gaussianBridge`, a `mixtureBridge`, a `sinkhornBridge`, another run
 * @param residual the model that is trained, `driftModels.mlp()` say
 * @throws DomainError when base is not a drift field or residual not a model. A run throws DomainError when the base has another horizon,
 *   ShapeError when it has another dimension
 * @example
 * ```ts
 * import { bridgeProblem, brownian, driftModels, gaussianBridge, gaussianMarginal } from 'viaduct';
 * const problem = bridgeProblem({
 *   source: gaussianMarginal({ mean: [0], covariance: 1 }),
 *   target: gaussianMarginal({ mean: [1], covariance: 2 }),
 *   reference: brownian({ sigma: 1 }),
 * });
 * console.log(driftModels.sum(gaussianBridge(problem), driftModels.mlp()).kind); // → sum
 * ```
 */
export function sum(base: DriftField, residual: DriftModelSpec): DriftModelSpec {
  if (typeof base?.drift !== 'function' || typeof base.backwardDrift !== 'function') {
    throw new DomainError('driftModels.sum: base has no drift and backwardDrift; pass a bridge, gaussianBridge(problem) say');
  }
  if (typeof residual?.make !== 'function') {
    throw new DomainError('driftModels.sum: residual is not a model; pass driftModels.mlp(), say');
  }
  const known = (base as { readonly kind?: unknown }).kind;
  const description = Object.freeze({
    kind: 'sum',
    base: typeof known === 'string' ? known : 'drift field',
    residual: residual.description,
  });
  return Object.freeze({ kind: 'sum', description, make: (context: DriftModelContext) => makeSum(context, base, residual) });
}

function makeSum(context: DriftModelContext, base: DriftField, residual: DriftModelSpec): DriftModel {
  const { dimension, horizon } = context;
  const known = knownDrift(context, base);
  const end = (base as { readonly reference?: { readonly horizon?: number } }).reference?.horizon ?? horizon;
  if (!(Math.abs(end - horizon) <= 1e-9 * horizon)) {
    throw new DomainError(`driftModels.sum: the base ends at ${end}, the run at ${horizon}; pass a base of the same horizon`);
  }
  const learned = residual.make(context);
  const mark = markOf(context, known);
  return {
    ...addDrifts(known, learned, mark),
    begin: () => learned.begin(),
    step(batch, learningRate) {
      const { count, transitions, inputs } = batch;
      const targets = batch.targets.slice(0, count * dimension);
      for (const [k, rows] of rowsByTransition(transitions, count)) {
        const x = new Float64Array(rows.length * dimension);
        const values = new Float64Array(x.length);
        rows.forEach((row, i) => {
          for (let c = 0; c < dimension; c++) x[i * dimension + c] = inputs[row * dimension + c]!;
        });
        known.evaluate(k, x, values);
        rows.forEach((row, i) => {
          for (let c = 0; c < dimension; c++) targets[row * dimension + c]! -= values[i * dimension + c]!;
        });
      }
      return learned.step({ ...batch, targets }, learningRate);
    },
    finish: () => learned.finish(),
    freeze: () => addDrifts(known, learned.freeze(), mark),
    save: () => joinBytes([mark, learned.save()]),
    load(bytes) {
      if (bytes.length < mark.length || mark.some((byte, i) => byte !== bytes[i])) {
        throw new FormatError('driftModels.sum: the state was saved with another base; pass the base of the run that saved it');
      }
      learned.load(bytes.subarray(mark.length));
    },
    dispose: () => learned.dispose?.(),
  };
}

/** The base on the transitions of the grid, at their labels. */
function knownDrift({ dimension, labels, direction }: DriftModelContext, base: DriftField): Omit<ChainDrift, 'bytes'> {
  const maps = new Map<number, Affine | undefined>();
  const affine = (k: number): Affine | undefined => {
    if (!maps.has(k)) maps.set(k, base.affineDrift?.(labels[k]!, direction));
    return maps.get(k);
  };
  const field = (k: number, x: Points): Points => {
    const map = affine(k);
    if (map !== undefined) return applyAffine(map, x);
    return direction === 'forward' ? base.drift(labels[k]!, x) : base.backwardDrift(labels[k]!, x);
  };
  return {
    dimension,
    affine,
    evaluate(k, x, out) {
      const map = affine(k);
      const fits = map === undefined || map.offset?.length === dimension;
      const values = fits ? field(k, wrapPoints(x, dimension)) : undefined;
      if (values?.data?.length !== x.length) {
        throw new ShapeError(
          `driftModels.sum: the base has no drifts of dimension ${dimension}; pass a base between the marginals of the run, gaussianBridge(problem) say`,
        );
      }
      out.set(values.data);
    },
  };
}

function addDrifts(known: Omit<ChainDrift, 'bytes'>, learned: ChainDrift, mark: Uint8Array): ChainDrift {
  return {
    dimension: learned.dimension,
    evaluate(k, x, out) {
      const first = new Float64Array(x.length);
      known.evaluate(k, x, first);
      learned.evaluate(k, x, out);
      for (let i = 0; i < first.length; i++) out[i]! += first[i]!;
    },
    affine(k) {
      const [a, b] = [known.affine(k), learned.affine(k)];
      if (a === undefined || b === undefined) return undefined;
      return { matrix: a.matrix.clone().add(b.matrix), offset: a.offset.map((value, i) => value + b.offset[i]!) };
    },
    bytes: () => joinBytes([mark, learned.bytes()]),
  };
}

/** Values of the base at a point of every transition: bytes that tell one base from another. */
function markOf({ dimension, labels, center, scale }: DriftModelContext, known: Omit<ChainDrift, 'bytes'>): Uint8Array {
  const x = center.map((value, c) => value + scale[c]! * (0.3 + 0.2 * (c % 3)));
  const values = new Float64Array(labels.length * dimension);
  labels.forEach((_, k) => {
    known.evaluate(k, x, values.subarray(k * dimension, (k + 1) * dimension));
  });
  return new Uint8Array(values.buffer);
}

function rowsByTransition(transitions: Int32Array, count: number): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (let i = 0; i < count; i++) {
    const rows = groups.get(transitions[i]!);
    if (rows === undefined) groups.set(transitions[i]!, [i]);
    else rows.push(i);
  }
  return groups;
}
