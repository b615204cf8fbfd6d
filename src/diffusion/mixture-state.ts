import { Matrix } from 'ml-matrix';
import { type MixturePotential, potentialComponent } from '../closed-forms/mixture-potential.ts';
import { isDiagonal, type Spread } from '../closed-forms/mixture-spread.ts';
import { packArchive } from '../numerics/archive.ts';
import type { Status } from '../numerics/iterate.ts';
import type { ResolvedMixtureOptions } from './mixture-options.ts';
import { hashOfNumbers, type RunIdentity } from './run-identity.ts';
import { formatOf, openStored } from './stored-bridge.ts';

/** How a mixture was fitted, and how that ended. */
export interface MixtureFit {
  /** The options of the run with defaults filled in. */
  readonly options: ResolvedMixtureOptions;
  readonly status: Status;
  /** Steps done, of EM or of Adam. */
  readonly iterations: number;
  /** The decrease of the loss in nats that another whole step of EM promises, recomputed from the answer. */
  readonly error: number;
  /** E log c(x) − E log v(y) on the samples about their means: KL(true plan | this plan) up to a constant of the problem. */
  readonly loss: number;
  readonly seconds: number;
  readonly warnings: readonly string[];
}

/** What a fit has found: with the problem, enough to make its bridge again. */
export interface MixtureState extends MixtureFit {
  readonly potential: MixturePotential;
}

const STATUSES: readonly Status[] = ['converged', 'max-iterations', 'time-limit', 'aborted', 'stagnated', 'diverged'];

/** One binary of a fit: the manifest holds all but the numbers of the potential. `problem`: the identity of the problem. */
export function writeMixture(problem: RunIdentity, { potential, error, loss, ...rest }: MixtureState): Uint8Array {
  const diagonal = isDiagonal(potential.components[0]!.covariance);
  const manifest = {
    ...formatOf('mixture-bridge'),
    identity: problem,
    ...rest,
    components: potential.components.length,
    diagonal,
  };
  return packArchive({
    manifest,
    parts: new Map([
      ['potential', bytesOf(numbersOf(potential))],
      // JSON knows neither the NaN of a fit that exploded at once nor an infinite tolerance.
      ['figures', bytesOf(Float64Array.of(error, loss, rest.options.tolerance))],
    ]),
  });
}

/** Reads what {@link writeMixture} wrote. @throws FormatError that starts with `path` */
export function readMixture(path: string, bytes: Uint8Array): { readonly problem: RunIdentity; readonly state: MixtureState } {
  const { manifest, missing, part } = openStored(path, bytes, 'mixture-bridge');
  const { identity, options, status, iterations, seconds, warnings, components, diagonal } = manifest as unknown as Manifest;
  const dimension = identity?.['dimension'];
  if (typeof dimension !== 'number') return missing('identity');
  if (typeof options !== 'object' || options === null) return missing('options');
  if (!STATUSES.includes(status)) return missing('status');
  if (!Array.isArray(warnings)) return missing('warnings');
  const [error, loss, tolerance] = floatsOf(part('figures'));
  const numbers = floatsOf(part('potential'));
  const width = 1 + dimension + (diagonal ? dimension : dimension * dimension);
  if (error === undefined || loss === undefined || tolerance === undefined) return missing('figures');
  if (numbers.length !== components * width) return missing('whole potential');
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
    state: {
      options: Object.freeze({ ...options, tolerance }),
      potential,
      status,
      iterations,
      error,
      loss,
      seconds,
      warnings: Object.freeze(warnings),
    },
  };
}

/** SHA-256 of a potential and the seed of its fit: no times in it, so that equal fits have equal digests. */
export function mixtureDigest({ potential, options }: Pick<MixtureState, 'potential' | 'options'>): string {
  return hashOfNumbers(Float64Array.of(options.seed), numbersOf(potential));
}

type Manifest = Omit<MixtureState, 'potential' | 'error' | 'loss'> & {
  readonly identity: RunIdentity;
  readonly components: number;
  readonly diagonal: boolean;
};

/** log α, r and V of one component after the other. */
function numbersOf({ components }: MixturePotential): Float64Array {
  return Float64Array.from(
    components.flatMap(({ logWeight, mean, covariance }) => [
      logWeight,
      ...mean,
      ...(isDiagonal(covariance) ? covariance : covariance.to1DArray()),
    ]),
  );
}

function bytesOf(numbers: Float64Array): Uint8Array {
  return new Uint8Array(numbers.buffer);
}

function floatsOf(bytes: Uint8Array): Float64Array {
  return new Float64Array(bytes.slice().buffer);
}
