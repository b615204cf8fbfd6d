export {
  type LoadedTensorFlow,
  type LoadTensorFlowOptions,
  loadTensorFlow,
  type TensorFlowBackend,
  type TensorFlowRefusal,
} from './load-tensorflow.ts';
