import { DomainError } from '../errors.ts';

/** The problems and the functions that make them. */
const MAKERS = { entropic: 'entropicProblem', transport: 'transportProblem', bridge: 'bridgeProblem' } as const;

/** Refuses anything that is not a problem of that kind, naming the function that makes one. */
export function requireProblem(path: string, problem: { readonly kind: string } | undefined, kind: keyof typeof MAKERS): void {
  if (problem?.kind === kind) return;
  const got = problem === undefined || problem === null ? String(problem) : `a problem of kind '${problem.kind}'`;
  throw new DomainError(`${path}: expected a problem of ${MAKERS[kind]}, got ${got}; pass ${MAKERS[kind]}({ source, target, … })`);
}
