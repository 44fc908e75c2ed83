import type { TestProject } from 'vitest/node'
import { startDynalite } from './dynalite.ts'
import { startDynamoDBLocal } from './dynamodb-local.ts'
import { availableEngines, type EngineName } from './engine.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The engines that run beside this test run, each to be tested. */
    engines: { name: EngineName; endpoint: string }[]
  }
}

/** Vitest's globalSetup: starts every engine this machine can run once per test run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const start = { dynalite: startDynalite, 'dynamodb-local': startDynamoDBLocal }
  const names = await availableEngines()
  if (!names.includes('dynamodb-local')) console.warn('\n!! No Java 17: DynamoDB Local is NOT tested in this run.\n')
  const engines = await Promise.all(names.map((name) => start[name]()))
  project.provide(
    'engines',
    engines.map(({ name, endpoint }) => ({ name, endpoint })),
  )
  return async () => {
    await Promise.all(engines.map((engine) => engine.stop()))
  }
}
