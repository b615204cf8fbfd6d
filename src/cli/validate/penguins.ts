import { readFileSync } from 'node:fs';
import { csvParse } from 'd3-dsv';
import { FormatError } from '../../errors.ts';
import { weightedMoments } from '../../numerics/moments.ts';
import { type Points, toPoints } from '../../numerics/points.ts';

/** The four body measurements, with the names that pictures show. */
const MEASUREMENTS = ['beak_length_mm', 'beak_depth_mm', 'flipper_length_mm', 'body_mass_g'] as const;

/** Two species in units of the pooled standard deviation of each measurement. */
export interface Penguins {
  readonly source: Points;
  readonly target: Points;
  /** Rows left out because a measurement is missing. */
  readonly dropped: number;
}

/** Reads Adelie and Gentoo penguins from the data set that comes with the package. */
export function readPenguins(): Penguins {
  const path = new URL('../../../examples/data/penguins.csv', import.meta.url);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new FormatError('validate: the penguins that come with the package are missing; install it again', { cause });
  }
  const rows = csvParse(text);
  let dropped = 0;
  const species = (name: string): Points => {
    const all = rows.filter((row) => row['species'] === name);
    const complete = all.filter((row) => MEASUREMENTS.every((key) => row[key] !== undefined && row[key] !== ''));
    dropped += all.length - complete.length;
    return toPoints(
      `validate: ${name}`,
      complete.map((row) => MEASUREMENTS.map((key) => Number(row[key]))),
    );
  };
  const [source, target] = [species('Adelie'), species('Gentoo')];
  return { ...standardise(source, target), dropped };
}

/** Subtracts the pooled mean and divides by the pooled standard deviation, coordinate by coordinate. */
function standardise(source: Points, target: Points): { source: Points; target: Points } {
  const d = source.dimension;
  const pooled = { data: Float64Array.of(...source.data, ...target.data), count: source.count + target.count, dimension: d };
  const { mean, covariance } = weightedMoments(pooled);
  const scaled = (x: Points): Points => ({
    ...x,
    data: x.data.map((value, i) => (value - mean[i % d]!) / Math.sqrt(covariance.get(i % d, i % d))),
  });
  return { source: scaled(source), target: scaled(target) };
}
