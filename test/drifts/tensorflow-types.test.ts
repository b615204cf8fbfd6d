import type * as tfjs from '@tensorflow/tfjs';
import { expectTypeOf, it } from 'vitest';
import type { TensorFlow, TensorFlowLayersModel, TensorFlowVariable } from '../../src/drifts/tensorflow-types.ts';

// Checked by the compiler in `npm run check`: the types of shape alone fit the real ones.
it('fits the types of @tensorflow/tfjs', () => {
  expectTypeOf<typeof tfjs>().toExtend<TensorFlow>();
  expectTypeOf<tfjs.Variable>().toExtend<TensorFlowVariable>();
  expectTypeOf<tfjs.LayersModel>().toExtend<TensorFlowLayersModel>();
  expectTypeOf<tfjs.Sequential>().toExtend<TensorFlowLayersModel>();
});
