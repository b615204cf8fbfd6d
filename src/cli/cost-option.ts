import { cosine } from '../costs/cosine.ts';
import type { Cost } from '../costs/cost.ts';
import { costFunction } from '../costs/cost-function.ts';
import { euclidean } from '../costs/euclidean.ts';
import { lp } from '../costs/lp.ts';
import { halfSquaredEuclidean, squaredEuclidean } from '../costs/squared-euclidean.ts';
import { UsageError } from './console.ts';

/** The costs that have a name. */
const NAMED: Readonly<Record<string, () => Cost>> = {
  'squared-euclidean': squaredEuclidean,
  'half-squared-euclidean': halfSquaredEuclidean,
  euclidean,
  cosine,
};

/** Functions that would let a formula reach beyond arithmetic. */
const FORBIDDEN = ['import', 'createUnit', 'evaluate', 'parse', 'simplify', 'derivative', 'resolve'] as const;

/** The cost that `--cost` names: a name, `lp:<p>`, or a formula in x1, x2, …, y1, y2, … */
export async function parseCost(text: string, dimension: number): Promise<Cost> {
  const named = NAMED[text];
  if (named !== undefined) return named();
  if (text.startsWith('lp:')) {
    const p = Number(text.slice(3));
    if (!(p > 0 && Number.isFinite(p))) throw new UsageError(`--cost lp:<p> needs p > 0, got '${text}'; pass --cost lp:1.5, say`);
    return lp(p);
  }
  return formulaCost(text, dimension);
}

async function formulaCost(text: string, dimension: number): Promise<Cost> {
  const { all, create } = await loadMathjs();
  const math = create(all, {});
  const compile = math.compile;
  const refuse = (name: string) => () => {
    throw new UsageError(`--cost: the function ${name} is not allowed in a formula; use arithmetic`);
  };
  math.import(Object.fromEntries(FORBIDDEN.map((name) => [name, refuse(name)])), { override: true });
  const names = (side: string): string[] => Array.from({ length: dimension }, (_, k) => `${side}${k + 1}`);
  let formula: { evaluate(scope: Map<string, number>): unknown };
  try {
    formula = compile(text);
  } catch (cause) {
    throw new UsageError(
      `--cost '${text}' is neither a name (${Object.keys(NAMED).join(', ')}, lp:<p>) nor a formula (${(cause as Error).message}); pass (x1 - y1)^2, say`,
      { cause },
    );
  }
  const evaluate = (x: Float64Array, y: Float64Array): number => {
    const scope = new Map<string, number>();
    names('x').forEach((name, k) => {
      scope.set(name, x[k]!);
    });
    names('y').forEach((name, k) => {
      scope.set(name, y[k]!);
    });
    const value = formula.evaluate(scope);
    return typeof value === 'number' ? value : Number.NaN;
  };
  // Once on harmless values, so that a misspelt name is found before the work starts.
  try {
    evaluate(new Float64Array(dimension), new Float64Array(dimension).fill(1));
  } catch (cause) {
    throw new UsageError(
      `--cost '${text}' is neither a name (${Object.keys(NAMED).join(', ')}, lp:<p>) nor a formula in x1 … x${dimension}, y1 … y${dimension} (${(cause as Error).message}); pass (x1 - y1)^2, say`,
      { cause },
    );
  }
  return costFunction(evaluate);
}

// mathjs/number is the number-only build: no matrices, no units, no big numbers.
async function loadMathjs(): Promise<{
  all: object;
  create: (
    dependencies: object,
    config: object,
  ) => {
    compile: (text: string) => { evaluate(scope: Map<string, number>): unknown };
    import: (functions: object, options: object) => void;
  };
}> {
  return (await import('mathjs/number')) as never;
}
