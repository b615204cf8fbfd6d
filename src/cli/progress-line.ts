import type { TrainingProgress } from '../diffusion/training-options.ts';
import { now } from '../numerics/iterate.ts';
import { trainedShare } from '../reproduce/reproduction.ts';
import type { Console } from './console.ts';

/**
 * What takes long, in one line: `bridge: half-step 3/8 [######--------------]  31 %, loss 2.052, 412 steps/s, 12 s left`.
 *
 * What a training will hold in memory and what is doubtful about it is said once, on lines of its own, before it starts.
 */
export interface ProgressLine {
  /** What is under way, and where it is known which share of it is done; a training inside it adds its loss and pace. */
  step(title: string, share?: number, training?: TrainingProgress): void;
  /** For `onProgress` of a trained scheme. */
  training(title: string): (progress: TrainingProgress) => void;
  /** A line that stays, said once. */
  note(text: string): void;
}

const BAR = 20;
const LEAST_BAR = 5;

/** Makes the progress line of a command. */
export function progressLine(console: Pick<Console, 'progress' | 'note' | 'width'>): ProgressLine {
  const said = new Set<string>();
  const timeLeft = clock();
  const pace = pacemaker();
  const line: ProgressLine = {
    note(text) {
      if (said.has(text)) return;
      said.add(text);
      console.note(text);
    },
    step(title, share, training) {
      if (training !== undefined) {
        line.note(`memory: ${bytesText(training.memoryBytes)} for the training`);
        for (const warning of training.warnings) line.note(`warning: ${warning}`);
      }
      const figures = [
        training !== undefined && Number.isFinite(training.loss) ? lossText(training) : undefined,
        training === undefined ? undefined : pace(training),
        share === undefined ? undefined : timeLeft(share),
      ].filter((figure) => figure !== undefined);
      console.progress(fitted(title, share, figures, console.width));
    },
    training: (title) => (progress) => {
      line.step(`${title}: half-step ${progress.halfStep}/${progress.halfSteps}`, trainedShare(progress), progress);
    },
  };
  return line;
}

/** The losses of a half-step's two trainings are of different kinds. */
function lossText({ learning, loss }: TrainingProgress): string {
  return `${learning === 'covariance' ? 'covariance loss' : 'loss'} ${loss.toPrecision(4)}`;
}

/** Title, bar and figures; where they do not fit, first the bar is shorter, then the title. */
function fitted(title: string, share: number | undefined, figures: readonly string[], width: number): string {
  const done = share === undefined ? [] : [`${String(Math.floor(100 * share)).padStart(3)} %`];
  const rest = [...done, ...figures].join(', ');
  if (rest === '') return title;
  const room = width - title.length - rest.length - ' [] '.length;
  const length = Math.max(LEAST_BAR, Math.min(BAR, room));
  const name = room < LEAST_BAR ? `${title.slice(0, Math.max(0, title.length - (LEAST_BAR - room) - 1))}…` : title;
  return share === undefined ? `${title}, ${rest}` : `${name} ${bar(share, length)} ${rest}`;
}

function bar(share: number, length: number): string {
  const filled = Math.max(0, Math.min(length, Math.round(length * share)));
  return `[${'#'.repeat(filled)}${'-'.repeat(length - filled)}]`;
}

/** Time left of what a share measures, at the pace since that began; a share that falls is another one's. */
function clock(): (share: number) => string | undefined {
  let since = { at: 0, share: Number.POSITIVE_INFINITY };
  let last = Number.POSITIVE_INFINITY;
  return (share) => {
    if (share < last) since = { at: now(), share };
    last = share;
    const done = share - since.share;
    return done > 0 ? `${durationText(((now() - since.at) / done) * (1 - share))} left` : undefined;
  };
}

/** Training steps a second since the training, or this part of a resumed one, began. */
function pacemaker(): (progress: TrainingProgress) => string | undefined {
  let begun = { steps: 0, seconds: Number.POSITIVE_INFINITY };
  let last = begun.seconds;
  return ({ halfStep, step, steps, seconds }) => {
    const done = (halfStep - 1) * steps + step;
    if (seconds < last) begun = { steps: done, seconds };
    last = seconds;
    const rate = (done - begun.steps) / (seconds - begun.seconds);
    return rate > 0 && Number.isFinite(rate) ? `${rate >= 100 ? Math.round(rate) : rate.toPrecision(2)} steps/s` : undefined;
  };
}

/** 12 s, 3 min, 2.1 h. */
function durationText(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  return seconds < 6000 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function bytesText(bytes: number): string {
  const [size, unit] = bytes < 2 ** 20 ? [bytes / 2 ** 10, 'KiB'] : bytes < 2 ** 30 ? [bytes / 2 ** 20, 'MiB'] : [bytes / 2 ** 30, 'GiB'];
  return `${size.toPrecision(3)} ${unit}`;
}
