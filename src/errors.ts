/**
 * What every error of this library has in common: a stable `code` for programs and a message for people, which starts with the
 * public path of the argument (`sinkhorn: epsilon must be > 0, got 0`) and ends with what to do.
 */
export class ViaductError extends Error {
  /** Stable name of the kind of error, for programs. */
  readonly code: string;

  /** Subclasses fix the code. */
  constructor(message: string, options: ErrorOptions & { readonly code?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code ?? 'VIADUCT';
    this.name = new.target.name;
  }
}

/** Arrays whose lengths or dimensions do not fit each other. */
export class ShapeError extends ViaductError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { ...options, code: 'SHAPE' });
  }
}

/** A value outside the set on which the operation is defined: NaN, a negative weight, `epsilon` ≤ 0, an unknown option. */
export class DomainError extends ViaductError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { ...options, code: 'DOMAIN' });
  }
}

/** A covariance that is indefinite, asymmetric, or singular where an inverse is needed. */
export class NotPositiveDefiniteError extends ViaductError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { ...options, code: 'NOT_POSITIVE_DEFINITE' });
  }
}

/** A problem without any feasible plan: unequal masses of two exact marginals, or forbidden pairs that leave mass stranded. */
export class InfeasibleError extends ViaductError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { ...options, code: 'INFEASIBLE' });
  }
}

/** Thrown instead of an unconverged result, only when the caller asked for it with `onFailure: 'throw'`. */
export class ConvergenceError extends ViaductError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { ...options, code: 'CONVERGENCE' });
  }
}

/** An engine (WebAssembly SIMD, say) that this runtime does not have. */
export class BackendUnavailableError extends ViaductError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { ...options, code: 'BACKEND_UNAVAILABLE' });
  }
}

/** Bytes or text that are not what they claim to be. */
export class FormatError extends ViaductError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { ...options, code: 'FORMAT' });
  }
}
