import { fileURLToPath } from 'node:url'
import type { PostgresDatabase } from '@waxseal/drizzle'
import { createLogger, openLocalPostgres } from '@waxseal-examples/support'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import { migrate as migrateLocal } from 'drizzle-orm/pglite/migrator'
import { Pool } from 'pg'
import { services } from './environment.ts'

/** The app's database; sessions and grants share it, as they would share that of a real app. */
export interface Database {
  readonly db: PostgresDatabase
  /** Runs the migrations that drizzle-kit made of `schema.ts`, those that have not run yet. */
  migrate(): Promise<void>
  close(): Promise<void>
}

const migrations = { migrationsFolder: fileURLToPath(new URL('../../drizzle', import.meta.url)) }
const { DATABASE_URL } = process.env

export const database: Database = DATABASE_URL === undefined ? await openLocal() : openServer(DATABASE_URL)

// The tables of a server are made once, by `migrate`; the embedded database starts out empty.
if (DATABASE_URL === undefined) await database.migrate()

function openServer(connectionString: string): Database {
  const pool = new Pool({ connectionString, query_timeout: 10_000, connectionTimeoutMillis: 10_000 })
  // Without a listener, a connection that breaks while it is idle would end the process.
  pool.on('error', ({ message }) => createLogger().warn({ message }, 'connection lost'))
  const db = drizzle({ client: pool })
  return { db, migrate: () => migrate(db, migrations), close: () => pool.end() }
}

async function openLocal(): Promise<Database> {
  const { db, close } = await openLocalPostgres(services.data)
  return { db, migrate: () => migrateLocal(db, migrations), close }
}
