import { openTransportEngine } from '../../src/kernels/open-transport-engine.ts';
import type { CostBlock, TransportEngine, TransportEngineOptions } from '../../src/kernels/transport-engine.ts';

/** Numbers for one run through every operation of an engine. */
export interface TransportCase {
  readonly rows: number;
  readonly columns: number;
  /** 0 for stored costs. */
  readonly dimension: number;
  readonly inverse: number;
  /** Share of forbidden pairs, of zero weights and of potentials −∞. */
  readonly holes: number;
  readonly seed: number;
}

export type Outcome = Readonly<Record<string, Float64Array>>;

/** Uniform numbers in (0, 1) by Park and Miller. */
function uniforms(seed: number): () => number {
  let state = 1 + (Math.abs(seed) % 2147483645);
  return () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
}

/** Runs every operation on an engine opened for the purpose. */
export function runCase(problem: TransportCase, options: Omit<TransportEngineOptions, 'bytes'>): Outcome {
  const { rows, columns, dimension } = problem;
  const bytes = 8 * ((rows + 8) * (columns + 8) * 4 + (rows + columns + 16) * (60 + 2 * dimension)) + 8192;
  const engine = openTransportEngine({ ...options, bytes });
  try {
    return operations(engine, problem);
  } finally {
    engine.release();
  }
}

function operations(engine: TransportEngine, { rows, columns, dimension, inverse, holes, seed }: TransportCase): Outcome {
  const uniform = uniforms(seed);
  const [height, width] = [engine.height(rows), engine.width(columns)];
  const out: Record<string, Float64Array> = {};
  const keep = (name: string, values: ArrayLike<number>, length: number): void => {
    out[name] = Float64Array.from({ length }, (_, k) => values[k]!);
  };
  const filled = (length: number, padded: number, value: () => number, padding = 0): Float64Array => {
    const array = engine.f64(padded).fill(padding);
    for (let k = 0; k < length; k++) array[k] = value();
    return array;
  };
  const holed = (value: () => number, hole: number) => () => (uniform() < holes ? hole : value());
  let costs: CostBlock;
  if (dimension === 0) {
    const c = Float64Array.from({ length: rows * columns }, holed(uniform, Number.POSITIVE_INFINITY));
    costs = engine.storedCosts(c, rows, columns);
  } else {
    const x = Float64Array.from({ length: rows * dimension }, uniform);
    costs = engine.pointCosts(x, Float64Array.from({ length: columns * dimension }, uniform), dimension, 0.5);
    keep('costs of points', engine.storedPointCosts(costs).data, height * width);
  }
  const a = filled(rows, height, holed(uniform, 0));
  const F = filled(rows, height, holed(uniform, Number.NEGATIVE_INFINITY), Number.NEGATIVE_INFINITY);
  const G = filled(columns, width, holed(uniform, Number.NEGATIVE_INFINITY));
  const v = filled(columns, width, uniform);
  const signed = filled(columns, width, () => uniform() - 0.5);
  const [u, sum, s] = [engine.f64(height), engine.f64(width), engine.f64(height)];
  for (const [name, K] of [
    ['f64', engine.f64(height * width)],
    ['f32', engine.f32(height * width)],
  ] as const) {
    engine.absorb(costs, G, inverse, K, s);
    keep(`${name} absorb`, K, height * width);
    keep(`${name} F0`, s, rows);
    engine.fused(K, v, a, u, sum, 'divide');
    keep(`${name} divide u`, u, height);
    keep(`${name} divide sum`, sum, width);
    engine.fused(K, signed, a, u, sum, 'multiply');
    keep(`${name} multiply u`, u, height);
    keep(`${name} multiply sum`, sum, width);
    engine.multiply(K, v, u);
    keep(`${name} K v`, u, rows);
    engine.multiplyTranspose(K, a, sum);
    keep(`${name} Kᵀa`, sum, width);
  }
  // A shift that keeps the exponents of every row in the range of f32.
  const shift = engine.f64(height);
  engine.softMinRows(costs, G, inverse, shift);
  for (let i = 0; i < rows; i++) shift[i]! += Math.log(uniform());
  for (const single of [false, true]) {
    const name = single ? 'f32' : 'f64';
    engine.logFused(costs, shift, G, inverse, undefined, a, u, sum, 'divide', single);
    keep(`${name} log divide q`, u, height);
    keep(`${name} log divide sum`, sum, width);
    engine.logFused(costs, shift, G, inverse, signed, a, u, sum, 'multiply', single);
    keep(`${name} log multiply q`, u, height);
    keep(`${name} log multiply sum`, sum, width);
  }
  engine.softMinRows(costs, G, inverse, u);
  keep('soft-min of rows', u, rows);
  engine.softMinColumns(costs, F, inverse, sum);
  keep('soft-min of columns', sum, width);
  out['linear'] = Float64Array.of(engine.marginals(costs, F, G, inverse, u, sum));
  keep('marginal of rows', u, height);
  keep('marginal of columns', sum, width);
  const V = filled(3 * width, 3 * width, uniform);
  const U = filled(3 * height, 3 * height, uniform);
  const [PV, PU] = [engine.f64(3 * height), engine.f64(3 * width)];
  engine.apply(costs, F, G, inverse, V, 3, PV);
  keep('P V', PV, 3 * height);
  engine.applyTranspose(costs, F, G, inverse, U, 3, PU);
  keep('Pᵀ U', PU, 3 * width);
  const eb = filled(columns, width, holed(uniform, 0));
  const logs = { a: filled(rows, height, uniform), b: filled(columns, width, uniform) };
  const sums = engine.roundedSums(costs, F, G, inverse, { x: a, y: v, ea: a, eb }, logs);
  out['rounded'] = Float64Array.of(sums.linear, sums.logs, sums.mass, sums.cross, Number(sums.forbidden));
  out['dot'] = Float64Array.of(engine.dot(v, signed));
  engine.axpy(0.3, v, sum);
  keep('axpy', sum, columns);
  engine.exp(signed, sum);
  keep('exp', sum, columns);
  engine.log(v, sum);
  keep('log', sum, columns);
  const x = filled(columns, width, uniform);
  const capacity = 5;
  const S = filled(capacity * width, capacity * width, uniform);
  const Y = filled(capacity * width, capacity * width, uniform);
  const rho = filled(capacity, capacity, () => 0.1 * uniform());
  for (const count of [0, 1, 4, 5]) {
    engine.lbfgsDirection({ S, Y, rho, newest: 2, count }, { c: x, wanted: v }, sum);
    keep(`L-BFGS of ${count}`, sum, columns);
  }
  const point = { G: signed, c: x, wanted: v };
  const keepSums = (name: string, results: object): void => keep(name, Object.values(results), Object.values(results).length);
  const weightLogs = filled(columns, width, () => Math.log(uniform()), Number.NEGATIVE_INFINITY);
  for (const penalty of [0, 0.7]) {
    keepSums(`comparison ${penalty}`, engine.compareColumns({ ...point, logs: weightLogs, penalty }, sum));
    keep(`ratios ${penalty}`, sum, columns);
  }
  const [ds, dy] = [engine.f64(width), engine.f64(width)];
  keepSums('secant', engine.secantPair(point, { G: v, c: signed, wanted: x }, ds, dy));
  keep('secant s', ds, width);
  keep('secant y', dy, width);
  engine.along(signed, -0.3, v, sum);
  keep('along', sum, width);
  engine.product(signed, v, sum);
  keep('product', sum, width);
  out['farthest'] = Float64Array.of(engine.difference(signed, v, sum));
  keep('difference', sum, width);
  // About a third of the components is longer than the guard allows, for either reason.
  keepSums('guarded', engine.guardStep(sum, { c: x, wanted: v, logRatio: signed }, 0.9, 0.2));
  keep('guarded step', sum, width);
  return out;
}
