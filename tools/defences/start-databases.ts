import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProvidedContext } from 'vitest'
import type { TestProject } from 'vitest/node'
import { startDynalite } from '../engines/src/dynalite.ts'
import { savePgliteImage } from '../engines/src/pglite.ts'
import { startPostgres } from '../engines/src/postgres.ts'
import type {} from '../engines/src/vitest-setup.ts'

const addresses = ['WAXSEAL_DEFENCES_POSTGRES', 'WAXSEAL_DEFENCES_PGLITE_IMAGE'] as const

/**
 * Starts PostgreSQL and makes the image of PGlite once for all runs, which find them in the environment: in each run
 * they would take longer than the test. Resolves to what ends them.
 */
export async function startSharedDatabases(): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'waxseal-defences-pglite-'))
  const image = join(folder, 'image.tar')
  const [{ url, stop }] = await Promise.all([startPostgres(), savePgliteImage(image)])
  Object.assign(process.env, { [addresses[0]]: url, [addresses[1]]: image })
  return async () => {
    await stop()
    rmSync(folder, { recursive: true })
  }
}

/** Vitest's globalSetup of the runs without a defence. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Anew for each run, since it takes no time, and a test without its defence may leave anything behind.
  const { name, endpoint, stop } = await startDynalite()
  const engines: ProvidedContext['engines'] = [{ name, endpoint }]
  project.provide('engines', engines)
  const [postgres = '', pgliteImage = ''] = addresses.map((address) => process.env[address])
  project.provide('postgres', postgres)
  project.provide('pgliteImage', pgliteImage)
  return stop
}
