import { Matrix } from 'ml-matrix';
import { type MixturePotential, potentialComponent } from '../closed-forms/mixture-potential.ts';
import { isDiagonal, type Spread } from '../closed-forms/mixture-spread.ts';
import { FormatError } from '../errors.ts';
import { packArchive, unpackArchive } from '../numerics/archive.ts';
import type { Status } from '../numerics/iterate.ts';
import { sha256 } from '../numerics/sha256.ts';
import type { ResolvedMixtureOptions } from './mixture-options.ts';
import type { RunIdentity } from './run-identity.ts';

/** What a fit has found: with the problem, enough to make its bridge again. */
export interface MixtureState {
  readonly options: ResolvedMixtureOptions;
  readonly potential: MixturePotential;
  readonly status: Status;
  readonly iterations: number;
  readonly error: number;
  readonly loss: number;
  readonly seconds: number;
  readonly warnings: readonly string[];
}

/** The format of the bytes, which their manifest names. */
export const MIXTURE_FORMAT = 'mixture-bridge';
const VERSION = 1;
const STATUSES: readonly Status[] = ['converged', 'max-iterations', 'time-limit', 'aborted', 'stagnated', 'diverged'];

/** One binary of a fit: the manifest holds all but the numbers of the potential. `problem`: the identity of the problem. */
export function writeMixture(problem: RunIdentity, { potential, error, loss, ...rest }: MixtureState): Uint8Array {
  const diagonal = isDiagonal(potential.components[0]!.covariance);
  const manifest = {
    format: MIXTURE_FORMAT,
    version: VERSION,
    identity: problem,
    ...rest,
    components: potential.components.length,
    diagonal,
  };
  return packArchive({
    manifest,
    parts: new Map([
      ['potential', bytesOf(numbersOf(potential))],
      // JSON knows no NaN, which the loss of a fit that exploded at once may be.
      ['figures', bytesOf([error, loss])],
    ]),
  });
}

/** Reads what {@link writeMixture} wrote. @throws FormatError that starts with `path` */
export function readMixture(path: string, bytes: Uint8Array): { readonly problem: RunIdentity; readonly state: MixtureState } {
  const { manifest, parts } = unpackArchive(path, bytes);
  if (manifest['format'] !== MIXTURE_FORMAT) {
    throw new FormatError(
      `${path}: these bytes are of a ${String(manifest['format'])}; pass those of a mixtureBridge, or use restoreBridge`,
    );
  }
  if (manifest['version'] !== VERSION) {
    throw new FormatError(
      `${path}: the stored bridge has format version ${String(manifest['version'])}, this library reads ${VERSION}; use the release that wrote it`,
    );
  }
  const { identity, options, status, iterations, seconds, warnings, components, diagonal } = manifest as unknown as Manifest;
  const missing = (what: string): never => {
    throw new FormatError(`${path}: the stored bridge has no ${what}; pass the bytes of toBytes(), unchanged`);
  };
  const dimension = identity?.['dimension'];
  if (typeof dimension !== 'number') return missing('identity');
  if (typeof options !== 'object' || options === null) return missing('options');
  if (!STATUSES.includes(status)) return missing('status');
  if (!Array.isArray(warnings)) return missing('warnings');
  const [error, loss] = floatsOf(parts.get('figures') ?? missing('figures'));
  const numbers = floatsOf(parts.get('potential') ?? missing('potential'));
  const width = 1 + dimension + (diagonal ? dimension : dimension * dimension);
  if (numbers.length !== components * width || error === undefined || loss === undefined) return missing('whole potential');
  const potential = {
    dimension,
    components: Array.from({ length: components }, (_, k) => {
      const at = numbers.slice(k * width, (k + 1) * width);
      const spread = at.slice(1 + dimension);
      const covariance: Spread = diagonal ? spread : Matrix.from1DArray(dimension, dimension, Array.from(spread));
      return potentialComponent(at[0]!, at.slice(1, 1 + dimension), covariance);
    }),
  };
  return {
    problem: identity,
    state: { options: Object.freeze(options), potential, status, iterations, error, loss, seconds, warnings: Object.freeze(warnings) },
  };
}

/** SHA-256 of a potential and the seed of its fit: no times in it, so that equal fits have equal digests. */
export function mixtureDigest({ potential, options }: Pick<MixtureState, 'potential' | 'options'>): string {
  return sha256(bytesOf([options.seed, ...numbersOf(potential)]));
}

type Manifest = Omit<MixtureState, 'potential' | 'error' | 'loss'> & {
  readonly identity: RunIdentity;
  readonly components: number;
  readonly diagonal: boolean;
};

/** log α, r and V of one component after the other. */
function numbersOf({ components }: MixturePotential): number[] {
  return components.flatMap(({ logWeight, mean, covariance }) => [
    logWeight,
    ...mean,
    ...(isDiagonal(covariance) ? covariance : covariance.to1DArray()),
  ]);
}

function bytesOf(numbers: readonly number[]): Uint8Array {
  return new Uint8Array(Float64Array.from(numbers).buffer);
}

function floatsOf(bytes: Uint8Array): Float64Array {
  return new Float64Array(bytes.slice().buffer);
}
