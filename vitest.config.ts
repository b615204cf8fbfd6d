import { defineConfig } from 'vitest/config';

export default defineConfig({
  // What package.json maps to the built file.
  resolve: {
    alias: {
      '#threads': new URL('./src/kernels/threads-node.ts', import.meta.url).pathname,
      '#batch-threads': new URL('./src/discrete/batch-threads-node.ts', import.meta.url).pathname,
    },
  },
  test: {
    globalSetup: 'scripts/build-worker.mjs',
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
