import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// Siblings resolve to their TypeScript source, so tests need no build. 'import' must not be among them: Node would
// then load ESM builds for the require() calls inside dependencies.
const conditions = ['waxseal-source', 'node']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    // One processor fewer would leave a machine of two with one test file at a time, most of it waiting for engines.
    maxWorkers: availableParallelism(),
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/{core,session,testing}/test/**/*.test.ts', 'tools/!(engines)/test/**/*.test.ts'],
        },
      },
      {
        // Apart, because a run of the unit tests alone need not wait for the engines.
        extends: true,
        test: {
          name: 'engines',
          include: [
            'packages/{dynamodb,drizzle}/test/**/*.test.ts',
            'examples/*/test/**/*.test.ts',
            'tools/engines/test/**/*.test.ts',
          ],
          globalSetup: ['tools/engines/src/vitest-setup.ts'],
        },
      },
    ],
  },
})
