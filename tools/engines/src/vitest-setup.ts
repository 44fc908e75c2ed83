import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startDynalite } from './dynalite.ts'
import { startDynamoDBLocal } from './dynamodb-local.ts'
import { availableEngines, type EngineName } from './engine.ts'
import { savePgliteImage } from './pglite.ts'
import { startPostgres } from './postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The engines of DynamoDB that run beside this test run, each to be tested. */
    engines: { name: EngineName; endpoint: string }[]
    /** Connection string of the PostgreSQL server that runs beside this test run. */
    postgres: string
    /** Path of an image for `startPglite`: each test file starts a PGlite of its own. */
    pgliteImage: string
  }
}

/** Vitest's globalSetup: starts every engine this machine can run once per test run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const start = { dynalite: startDynalite, 'dynamodb-local': startDynamoDBLocal }
  const names = await availableEngines()
  if (!names.includes('dynamodb-local')) console.warn('\n!! No Java 17: DynamoDB Local is NOT tested in this run.\n')
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-pglite-'))
  const pgliteImage = join(folder, 'image.tar')
  const [postgres, , ...engines] = await Promise.all([
    startPostgres(),
    savePgliteImage(pgliteImage),
    ...names.map((name) => start[name]()),
  ])
  project.provide(
    'engines',
    engines.map(({ name, endpoint }) => ({ name, endpoint })),
  )
  project.provide('postgres', postgres.url)
  project.provide('pgliteImage', pgliteImage)
  return async () => {
    await Promise.all([postgres, ...engines].map((engine) => engine.stop()))
    await rm(folder, { recursive: true })
  }
}
