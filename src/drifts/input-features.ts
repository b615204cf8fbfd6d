import type { DriftModelContext } from './drift-model.ts';
import { type TimeFeatures, timeFeatureRow } from './time-features.ts';

/** What the net sees of a row: first the time, which a transition has in common, then the standardised point. */
export interface InputFeatures {
  readonly width: number;
  /** Number of features of time, which come first. */
  readonly timeWidth: number;
  /** 2t/T − 1 and the other features of time at transition k; not to be changed. */
  time(k: number): Float32Array;
  /** Writes the features of row i of x at transition k into row `to` of `rows`. */
  write(k: number, x: Float64Array | Float32Array, i: number, rows: Float32Array, to: number): void;
  /** Writes the features of points alone of `count` rows of x from row `from` on to the beginning of `rows`, `count × dimension`. */
  writePoints(x: Float64Array, from: number, count: number, rows: Float32Array): void;
}

/** 2t/T − 1 and the features of time asked for, t being the label of the transition, then (x − center)/scale. */
export function inputFeatures(context: DriftModelContext, timeFeatures: TimeFeatures): InputFeatures {
  const { dimension, labels, horizon, center } = context;
  const times = Array.from(labels, (label) => timeFeatureRow(timeFeatures, label / horizon));
  const timeWidth = timeFeatureRow(timeFeatures, 0).length;
  const width = timeWidth + dimension;
  const inverse = context.scale.map((scale) => 1 / scale);
  return {
    width,
    timeWidth,
    time: (k) => times[k]!,
    write(k, x, i, rows, to) {
      const time = times[k]!;
      let at = to * width;
      for (let j = 0; j < timeWidth; j++) rows[at++] = time[j]!;
      for (let c = 0, from = i * dimension; c < dimension; c++) rows[at++] = (x[from++]! - center[c]!) * inverse[c]!;
    },
    writePoints(x, from, count, rows) {
      for (let i = 0, at = 0, source = from * dimension; i < count; i++) {
        for (let c = 0; c < dimension; c++) rows[at++] = (x[source++]! - center[c]!) * inverse[c]!;
      }
    },
  };
}
