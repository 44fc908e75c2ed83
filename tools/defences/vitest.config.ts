import { defineConfig } from 'vitest/config'
import base from '../../vitest.config.ts'

const { projects: _, ...test } = base.test ?? {}

// Of DynamoDB one engine alone, the one that starts in no time, because every defence starts it anew.
export default defineConfig({
  ...base,
  test: {
    ...test,
    include: ['{packages/{core,session,dynamodb,drizzle},tools/suite}/test/**/*.test.ts'],
    globalSetup: ['tools/defences/start-databases.ts'],
  },
})
