import type { ChainDrift, DriftModel, DriftModelContext, DriftModelSpec } from '../drifts/drift-model.ts';

/** +1 forward, −1 backward. */
const FLAGS = { forward: 1, backward: -1 } as const;

/**
 * One network for both directions: coordinate d + 1 of what it sees is +1 forward and −1 backward. It is trained on the transitions of
 * both, 0 … N − 1 forward, N … 2N − 1 backward, and seen from outside as the drift of one. The model of either direction has the whole
 * network, so that each goes on from what the other one saved.
 */
export function oneNetwork(spec: DriftModelSpec): DriftModelSpec {
  return Object.freeze({
    ...spec,
    description: Object.freeze({ ...spec.description, networks: 'one' }),
    make: (context: DriftModelContext) => seenFrom(spec.make(bothDirections(context)), context),
  });
}

/** Adds the flag as last coordinate to `count` rows. */
export function withFlag(rows: ArrayLike<number>, dimension: number, direction: 'forward' | 'backward'): Float64Array {
  const count = rows.length / dimension;
  const out = new Float64Array(count * (dimension + 1));
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < dimension; c++) out[i * (dimension + 1) + c] = rows[i * dimension + c]!;
    out[i * (dimension + 1) + dimension] = FLAGS[direction];
  }
  return out;
}

/** What the network is told, the same from either direction: twice the transitions, one coordinate more. */
function bothDirections(context: DriftModelContext): DriftModelContext {
  const { dimension, durations, center, scale } = context;
  const nodes = [0];
  for (const gamma of durations) nodes.push(nodes.at(-1)! + gamma);
  return {
    ...context,
    direction: 'forward',
    dimension: dimension + 1,
    // F_k carries t_k, B_{k+1} carries t_{k+1}.
    labels: Float64Array.of(...nodes.slice(0, -1), ...nodes.slice(1)),
    durations: Float64Array.of(...durations, ...durations),
    center: Float64Array.of(...center, 0),
    scale: Float64Array.of(...scale, 1),
  };
}

function seenFrom(model: DriftModel, context: DriftModelContext): DriftModel {
  return {
    ...drift(model, context),
    begin: () => model.begin(),
    step: (batch, learningRate) => model.step(batch, learningRate),
    finish: () => model.finish(),
    freeze: () => drift(model.freeze(), context),
    save: () => model.save(),
    load: (bytes) => model.load(bytes),
    dispose: () => model.dispose?.(),
  };
}

function drift(network: ChainDrift, { dimension: d, direction, labels }: DriftModelContext): ChainDrift {
  const at = (k: number): number => (direction === 'forward' ? k : k + labels.length);
  return {
    dimension: d,
    evaluate(k, x, out) {
      const rows = withFlag(x, d, direction);
      const values = new Float64Array(rows.length);
      network.evaluate(at(k), rows, values);
      for (let i = 0; i < x.length / d; i++) for (let c = 0; c < d; c++) out[i * d + c] = values[i * (d + 1) + c]!;
    },
    affine(k) {
      const map = network.affine(at(k));
      if (map === undefined) return undefined;
      const { matrix, offset } = map;
      return {
        matrix: matrix.subMatrix(0, d - 1, 0, d - 1),
        offset: offset.slice(0, d).map((value, r) => value + FLAGS[direction] * matrix.get(r, d)),
      };
    },
    bytes: () => network.bytes(),
  };
}
