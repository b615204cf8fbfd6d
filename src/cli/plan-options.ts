import { type Command, Option } from 'commander';
import { METHODS } from '../discrete/solver.ts';
import { numberOption } from './number-option.ts';

/** Gives a command the options of `plan` that `exact` does not have. */
export function planOptions(command: Command): Command {
  const positive = (name: string, value: string, text: string): Option =>
    new Option(`${name} <${value}>`, text).argParser(numberOption(name, 'positive'));
  const count = (name: string, text: string): Option => new Option(`${name} <n>`, text).argParser(numberOption(name, 'count'));
  return command
    .addOption(positive('--epsilon', 'e', 'regularisation, in units of cost').makeOptionMandatory())
    .option('--of-mean-cost', 'read --epsilon as a share of the mean cost', false)
    .addOption(positive('--source-penalty', 'rho', 'unbalanced: ρ·KL(marginal | source) instead of an exact side; weights keep their mass'))
    .addOption(positive('--target-penalty', 'rho', 'the same for the target'))
    .addOption(positive('--mass', 'm', 'partial: move only mass m, at most the weights on either side, which keep their mass'))
    .addOption(new Option('--method <method>', 'how to solve').choices(METHODS).default('auto'))
    .addOption(count('--threads', 'at most this many; the answer is the same to the bit'))
    .addOption(positive('--tolerance', 't', 'largest L1 marginal error').default(1e-9))
    .addOption(count('--max-iterations', 'stop after this many').default(100_000))
    .addOption(positive('--time-limit', 's', 'stop after this many seconds'));
}
