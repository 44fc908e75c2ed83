import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { drizzle, type PgliteDatabase } from 'drizzle-orm/pglite'
import { lockFolder } from './folder-lock.ts'
import { cannotStart } from './settings.ts'

/** A Postgres inside this process. */
export interface LocalPostgres {
  readonly db: PgliteDatabase
  close(): Promise<void>
}

/**
 * Opens the embedded Postgres (PGlite) in `postgres` of this folder; its rows outlive the process, also one that is killed.
 * Ends the process, saying so, when another one has it open: PGlite would let both write.
 */
export async function openLocalPostgres(folder: string): Promise<LocalPostgres> {
  const unlock = await lockFolder(join(folder, 'postgres-lock')).catch((error: Error) => cannotStart([error.message]))
  const client = await PGlite.create(join(folder, 'postgres'))
  return {
    db: drizzle({ client }),
    async close() {
      await client.close()
      await unlock()
    },
  }
}
