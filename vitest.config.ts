import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

/** Vitest's own number is one less than there are cores, which leaves one of two without work. */
const workers = availableParallelism();

/** `unit` needs neither root nor a cluster; the other projects start real servers and are run by `npm test`. */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/{lib,operator,agent,policies,config,cli,checks,bench,cluster,worlds,policy}/**/*.test.ts'],
          exclude: ['**/*.server.test.ts'],
          maxWorkers: workers,
          // Property tests take seconds on a machine that is busy with something else.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'server',
          include: ['test/**/*.server.test.ts'],
          exclude: ['test/e2e/**'],
          globalSetup: ['test/machine.ts'],
          // Operators, agents and command lines start in half the processor time, as in their containers.
          env: { NODE_COMPILE_CACHE: join(tmpdir(), 'kubeloom-compile-cache') },
          maxWorkers: workers,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // The test cluster itself, which needs no product and starts clusters of its own.
        test: {
          name: 'cluster',
          include: ['test/e2e/cluster.test.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: ['test/e2e/cluster.test.ts'],
          globalSetup: ['test/e2e/setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
