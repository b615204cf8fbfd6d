import type { TensorFlowKernel, TensorFlowOperations } from './tensorflow-types.ts';

/** Marks the kernel put in place here, also for another copy of this package. */
const MARK: unique symbol = Symbol.for('viaduct.transposedOperands') as never;

/** What a kernel of the WebAssembly backend is given and gives, and what it asks of the backend. */
interface TensorInfo {
  readonly dataId: object;
  readonly shape: readonly number[];
}
interface ProductParameters {
  readonly inputs: { readonly a: TensorInfo; readonly b: TensorInfo };
  readonly attrs: { readonly transposeA: boolean; readonly transposeB: boolean };
  readonly backend: { disposeData(dataId: object): unknown };
}

/**
 * Lets the WebAssembly backend of TensorFlow.js transpose the operands of a matrix product before it multiplies. Its own kernel sends
 * AᵀB and ABᵀ, which every gradient is made of, to a scalar loop: training is three times slower. On other backends, and the second time,
 * nothing happens.
 */
export function transposeOperandsOnWasm(tf: TensorFlowOperations): void {
  if (tf.getBackend() !== 'wasm') return;
  const product = tf.getKernel('BatchMatMul', 'wasm');
  const transpose = tf.getKernel('Transpose', 'wasm');
  if (product === undefined || transpose === undefined || MARK in product.kernelFunc) return;
  const kernelFunc = (parameters: ProductParameters): unknown => {
    const { inputs, attrs, backend } = parameters;
    const made: TensorInfo[] = [];
    const turned = (x: TensorInfo, turn: boolean): TensorInfo => {
      if (!turn) return x;
      const rank = x.shape.length;
      const perm = [...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1, rank - 2];
      made.push(transpose.kernelFunc({ inputs: { x }, backend, attrs: { perm } }) as TensorInfo);
      return made.at(-1)!;
    };
    const [a, b] = [turned(inputs.a, attrs.transposeA), turned(inputs.b, attrs.transposeB)];
    const out = product.kernelFunc({ inputs: { a, b }, backend, attrs: { transposeA: false, transposeB: false } });
    for (const { dataId } of made) backend.disposeData(dataId);
    return out;
  };
  tf.unregisterKernel('BatchMatMul', 'wasm');
  tf.registerKernel({ ...product, kernelFunc: Object.assign(kernelFunc, { [MARK]: true }) as TensorFlowKernel['kernelFunc'] });
}
