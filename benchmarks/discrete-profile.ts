// One cell, ten times, with everything the answer says of itself: for tuning.
import { sinkhorn } from '../src/discrete/sinkhorn.ts';
import { type Cell, type Form, instance, type MeasureOptions, stated } from './discrete-cell.ts';
import { trueError } from './discrete-error.ts';

const REPEATS = 10;

/** Prints ten timings and the stats of one cell. */
export function profile({ family, n, eps, target }: Cell, form: Form, options: MeasureOptions['solver'] = {}, seed = 0): void {
  const data = instance(family, n, seed);
  const { at, unit } = stated(data, form);
  const problem = at(eps);
  console.log(`${family}, n = ${n}, eps = ${eps} of the mean cost, true L1 error ${target}, from ${form}`);
  const milliseconds: number[] = [];
  for (let k = 0; k < REPEATS; k++) {
    const start = performance.now();
    const answer = sinkhorn(problem, { tolerance: target, ...options });
    const { f, g } = answer.potentials;
    milliseconds.push(performance.now() - start);
    if (k < REPEATS - 1) continue;
    console.log(`ms: ${milliseconds.map((t) => t.toFixed(1)).join(' ')}`);
    const sorted = [...milliseconds].sort((s, t) => s - t);
    console.log(`best ${sorted[0]!.toFixed(1)} ms, median ${((sorted[4]! + sorted[5]!) / 2).toFixed(1)} ms`);
    console.log(
      `${answer.status}, ${answer.iterations} iterations, error ${answer.error.toExponential(2)}, true ${trueError(data, eps, f, g, unit).toExponential(2)}`,
    );
    for (const warning of answer.warnings) console.log(`warning: ${warning}`);
    console.log(JSON.stringify(answer.stats, null, 2));
  }
}
