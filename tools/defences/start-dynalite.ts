import type { ProvidedContext } from 'vitest'
import type { TestProject } from 'vitest/node'
import { startDynalite } from '../engines/src/dynalite.ts'
import type {} from '../engines/src/vitest-setup.ts'

/** Vitest's globalSetup of the runs without a defence, which name no test of another engine. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { name, endpoint, stop } = await startDynalite()
  const engines: ProvidedContext['engines'] = [{ name, endpoint }]
  project.provide('engines', engines)
  return stop
}
