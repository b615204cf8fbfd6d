import type { TrainingProgress } from '../diffusion/training-options.ts';
import type { Check, Figure } from '../report/report.ts';

/** One line of a reproduced table. Numbers are finite; what a method or paper does not have is absent. */
export interface ReproductionRow {
  /** What was run: `diffusionBridge, endpoint`, `LightSB (published)`, `floor` … */
  readonly method: string;
  readonly dimension: number;
  /** Seeds behind the mean. */
  readonly seeds: number;
  readonly seconds: number;
  readonly [figure: string]: number | string | readonly number[] | undefined;
}

/** A table of the field, run again. */
export interface Reproduction {
  readonly name: string;
  readonly title: string;
  /** Columns in the order in which they are printed, with the text above them. */
  readonly columns: readonly ReproductionColumn[];
  readonly rows: readonly ReproductionRow[];
  /** What makes the rows comparable with the published ones, or not. */
  readonly notes: readonly string[];
  readonly figures: readonly Figure[];
  /** What is to be reached, cell by cell. */
  readonly checks: readonly Check[];
  readonly seconds: number;
}

/** A column of a table. */
export interface ReproductionColumn {
  readonly key: string;
  readonly heading: string;
  /** Numbers are shown this many times as large; rows and JSON keep their unit. @defaultValue 1 */
  readonly scale?: number;
}

/** What a cell of a table shows. */
export function shownValue(row: ReproductionRow, { key, scale = 1 }: ReproductionColumn): ReproductionRow[string] {
  const value = row[key];
  return typeof value === 'number' ? scale * value : value;
}

/** Options of every reproduction. */
export interface ReproduceOptions {
  /** First of the seeds. @defaultValue 0 */
  readonly seed?: number;
  /** How many seeds. @defaultValue 5, and 1 above 16 dimensions */
  readonly seeds?: number;
  /** Only this dimension. */
  readonly dimension?: number;
  /** Only this ε, in `benchmark`. */
  readonly epsilon?: number;
  /** Leave out what is preconditioned by a closed form. @defaultValue false */
  readonly networkOnly?: boolean;
  /** Only these sets of the table; `two-d` has `moons`, `s-curve`, `8-gaussians` and `moons-to-8-gaussians`. */
  readonly sets?: readonly string[];
  /**
   * Only these methods; `two-d` has `diffusionBridge`, `bridgeMatching` and `sinkhornFlowMatching`, `benchmark` has `mixtureBridge`,
   * `diffusionBridge` and `bridgeMatching`.
   */
  readonly methods?: readonly string[];
  /** A short form that shows that everything runs; its figures are not those of the table. @defaultValue false */
  readonly quick?: boolean;
  readonly signal?: AbortSignal;
  /** Told what is under way, which share of the whole is done, and of a training inside it how it goes. */
  readonly onProgress?: ProgressReport;
}

/** Told what is under way, the share that is done, and how a training inside it goes. */
export type ProgressReport = (text: string, share: number, training?: TrainingProgress) => void;

/** Told the share of one training that is done, and how it goes. */
export type ShareReport = (share: number, training?: TrainingProgress) => void;

/** The share of a training that is done. */
export function trainedShare({ halfStep, halfSteps, step, steps }: TrainingProgress): number {
  return (halfStep - 1 + step / steps) / halfSteps;
}

/** `onProgress` of a trained scheme that reports its share. */
export function sharesOf(report: ShareReport): (progress: TrainingProgress) => void {
  return (progress) => report(trainedShare(progress), progress);
}

/** Mean and standard deviation over seeds; the latter 0 for one seed. */
export function meanAndSpread(values: readonly number[]): { readonly mean: number; readonly spread: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, spread: values.length > 1 ? Math.sqrt(square / (values.length - 1)) : 0 };
}

/** The seeds of a run. */
export function seedsOf({ seed = 0, seeds }: ReproduceOptions, dimension: number): number[] {
  return Array.from({ length: seeds ?? (dimension > 16 ? 1 : 5) }, (_, i) => seed + i);
}
