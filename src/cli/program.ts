import { Command, CommanderError, Option } from 'commander';
import { reproductions } from '../reproduce/reproductions.ts';
import { type BridgeOptions, bridgeCommand } from './bridge-command.ts';
import { SCHEME_HELP, SCHEMES } from './bridge-schemes.ts';
import { type Streams, sentence, UsageError } from './console.ts';
import { ENGINES } from './drift-engine.ts';
import { MARGINAL_HELP } from './marginal-spec.ts';
import { namesOption } from './names-option.ts';
import { numberOption } from './number-option.ts';
import { planOptions } from './plan-options.ts';
import { REFERENCE_HELP } from './reference-spec.ts';
import { type ReproduceCommandOptions, reproduceCommand } from './reproduce-command.ts';
import { exactCommand, type PlanOptions, planCommand, type TransportOptions } from './transport-commands.ts';
import { type ValidateOptions, validateCommand } from './validate/validate-command.ts';
import { packageVersion } from './versions.ts';

/** Runs the command line and returns the exit status: 0 done, 1 a check failed or a solver did not converge, 2 bad input. */
export async function runProgram(argv: readonly string[], streams: Streams): Promise<number> {
  let status = 0;
  const program = new Command('viaduct')
    .description('Computational optimal transport and Schrödinger bridges.')
    .version(packageVersion())
    .exitOverride()
    .configureOutput({ writeOut: streams.out, writeErr: () => {} });
  const command = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .exitOverride()
      .addOption(new Option('--seed <n>', 'seed of all random numbers').argParser(numberOption('--seed', 'integer')).default(0))
      .option('--quiet', 'say nothing but what was asked for', false)
      .option('--json [file]', 'write the result as JSON to the file, or to standard output');

  const count = (name: string, unit: string, text: string): Option =>
    new Option(`${name} <${unit}>`, text).argParser(numberOption(name, 'count'));

  command('validate', 'judge learned bridges against exact answers')
    .option('--out <dir>', 'folder of the report', 'viaduct-report')
    .option('--quick', 'the short form', false)
    .addOption(
      new Option('--dimension <d>', 'only the Gaussian error budget in d dimensions').argParser(numberOption('--dimension', 'count')),
    )
    .addOption(new Option('--iterations <k>', 'outer iterations, with --dimension').argParser(numberOption('--iterations', 'count')))
    .action(async (options: ValidateOptions) => {
      if (options.iterations !== undefined && options.dimension === undefined) {
        throw new UsageError('--iterations needs --dimension; the main job fixes its own iterations, pass --dimension 5 too');
      }
      status = await validateCommand(options, streams);
    });

  const transport = (name: string, description: string): Command =>
    command(name, description)
      .requiredOption('--source <file>', 'points of the source, .csv or .npy')
      .requiredOption('--target <file>', 'points of the target')
      .option(
        '--cost <cost>',
        'squared-euclidean, half-squared-euclidean, euclidean, cosine, lp:<p>, or a formula in x1 …, y1 …',
        'squared-euclidean',
      )
      .option('--weights-column <name>', 'column that holds the weights')
      .option('--out <file>', 'the plan, .npy or .csv')
      .option('--map <file>', 'the barycentric map of the source points, .csv or .npy')
      .option('--plot <file>', 'a picture of the plan, .svg');

  planOptions(transport('plan', 'the entropic plan between two files of points')).action(async (options: PlanOptions) => {
    status = await planCommand(options, streams);
  });
  transport('exact', 'the optimal plan between two files of points').action(async (options: TransportOptions) => {
    status = await exactCommand(options, streams);
  });

  command('bridge', 'make a Schrödinger bridge between two marginals')
    .requiredOption('--source <spec>', MARGINAL_HELP)
    .requiredOption('--target <spec>', 'likewise')
    .addOption(new Option('--sigma <s>', 'Brownian reference of this σ; 1 when absent').argParser(numberOption('--sigma', 'positive')))
    .option('--reference <spec>', REFERENCE_HELP)
    .addOption(new Option('--scheme <scheme>', SCHEME_HELP).choices(SCHEMES).default('endpoint'))
    .addOption(count('--iterations', 'k', 'outer iterations, two half-steps each; 5 when absent'))
    .addOption(count('--inner-steps', 'n', 'training steps in a half-step, or of a direction; 800 when absent'))
    .addOption(count('--steps', 'n', 'steps of the time grid; 20 when absent'))
    .addOption(
      new Option(
        '--engine <engine>',
        'what learns the drift: the embedded network, TensorFlow.js, or least squares; mlp when absent',
      ).choices(ENGINES),
    )
    .option('--hidden <sizes>', 'layers of the network; 64,64 when absent')
    .option('--network-only', 'learn the whole drift, without the Gaussian bridge of the moments to start from', false)
    .addOption(
      count(
        '--minibatch',
        'n',
        'flow: points a side of the mini-batches whose plans are learned; without it the whole plan of two files, or 256',
      ),
    )
    .addOption(count('--components', 'k', 'mixture: Gaussians in the potential; 10 when absent'))
    .addOption(
      new Option(
        '--covariance <shape>',
        'mixture: shape of their covariances, diagonal (when absent) or full; moment: conditional covariances constant (when absent) or of a network',
      ).choices(['diagonal', 'full', 'constant', 'network']),
    )
    .option('--checkpoint <dir>', 'folder in which the run is kept, so that it can go on')
    .option('--resume', 'go on with the run in --checkpoint, if there is one', false)
    .option('--samples <file>', 'where to write points generated at the target (score: at the source), .csv or .npy')
    .addOption(count('--count', 'n', 'how many').default(1000))
    .option('--out <dir>', 'folder of a report with pictures')
    .action(async (options: BridgeOptions) => {
      status = await bridgeCommand(options, streams);
    });

  command('reproduce', 'run a published table or figure of the field again')
    .argument('<name>', Object.keys(reproductions).join(', '))
    .addOption(new Option('--dimension <d>', 'only this dimension').argParser(numberOption('--dimension', 'count')))
    .addOption(new Option('--seeds <k>', 'number of seeds').argParser(numberOption('--seeds', 'count')))
    .option('--network-only', 'leave out what a closed form helps', false)
    .addOption(new Option('--epsilon <eps>', 'benchmark: only this ε').argParser(numberOption('--epsilon', 'positive')))
    .addOption(new Option('--sets <names>', 'two-d: only these sets, separated by commas').argParser(namesOption('--sets')))
    .addOption(
      new Option('--methods <names>', 'two-d, benchmark: only these methods, separated by commas').argParser(namesOption('--methods')),
    )
    .option('--quick', 'a short form that only shows that it runs', false)
    .option('--out <dir>', 'folder of a report with pictures')
    .action(async (name: string, options: ReproduceCommandOptions) => {
      status = await reproduceCommand(name, options, streams);
    });

  try {
    await program.parseAsync([...argv], { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return commanderStatus(error, program, streams);
    streams.err(`viaduct: ${sentence(error)}\n`);
    return 2;
  }
}

/** Help and version are fine; everything else is a wrong call. */
function commanderStatus(error: CommanderError, program: Command, streams: Streams): number {
  if (error.exitCode === 0) return 0;
  if (error.code === 'commander.help') {
    streams.err(program.helpInformation());
    return 2;
  }
  streams.err(`viaduct: ${error.message.replace(/^error: /, '')}; see viaduct --help\n`);
  return 2;
}
