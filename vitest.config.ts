import { defineConfig } from 'vitest/config';

const INTEGRATION = '**/*.integration.test.ts';
const NEVER = ['**/node_modules/**', 'dist/**', 'data/**', '.cache/**'];

/** Real listeners, databases and TLS: slower, and no more of them at once than a small machine carries. */
const HEAVY = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  teardownTimeout: 20_000,
  pool: 'forks',
  maxWorkers: 2,
} as const;

export default defineConfig({
  test: {
    // A forgotten `.only` would hide every other test of its file.
    allowOnly: false,
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{domain,ca,db,routes,src}/**/*.test.ts'],
          exclude: [...NEVER, INTEGRATION],
          // Hundreds of random cases take longer on a machine that does other things.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'checks',
          include: ['harness/tools/checks/**/*.test.ts'],
          exclude: NEVER,
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'fuzz',
          include: ['harness/tests/fuzz/**/*.test.ts'],
          exclude: NEVER,
          // A process of its own, whose processor time is that of the readers.
          pool: 'forks',
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'portable',
          include: ['harness/tests/conformance/**/*.test.ts'],
          exclude: [...NEVER, INTEGRATION],
          ...HEAVY,
        },
      },
      {
        test: {
          name: 'integration',
          include: [INTEGRATION],
          exclude: NEVER,
          ...HEAVY,
        },
      },
      {
        test: {
          name: 'federation',
          include: ['harness/tests/acceptance/**/*.test.ts'],
          exclude: [...NEVER, INTEGRATION],
          ...HEAVY,
        },
      },
    ],
  },
});
