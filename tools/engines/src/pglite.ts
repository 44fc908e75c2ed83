import { PGlite } from '@electric-sql/pglite'

/** PostgreSQL compiled to WebAssembly, in the process that started it. */
export interface PgliteEngine {
  readonly name: 'pglite'
  readonly client: PGlite
  stop(): Promise<void>
}

/** Starts PGlite in memory; takes some four seconds of CPU time, most of it for its initdb. */
export async function startPglite(): Promise<PgliteEngine> {
  const client = await PGlite.create()
  return { name: 'pglite', client, stop: () => client.close() }
}
