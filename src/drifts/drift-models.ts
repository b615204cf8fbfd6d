import { linear } from './linear.ts';
import { mlp } from './mlp.ts';
import { sum } from './sum.ts';
import { tensorflow } from './tensorflow.ts';

/** The drift models that a run can train: immutable descriptions, from which a run makes one model per direction. */
export const driftModels: {
  readonly linear: typeof linear;
  readonly mlp: typeof mlp;
  readonly sum: typeof sum;
  readonly tensorflow: typeof tensorflow;
} = { linear, mlp, sum, tensorflow };
