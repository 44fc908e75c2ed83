import { randomUUID } from 'node:crypto'
import { startPglite } from '@waxseal/engines'
import { sql } from 'drizzle-orm'
import { drizzle as drizzleNodePostgres } from 'drizzle-orm/node-postgres'
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite'
import { drizzle as drizzlePostgresJs } from 'drizzle-orm/postgres-js'
import pg from 'pg'
import postgres from 'postgres'
import { afterAll, inject } from 'vitest'
import '@waxseal/engines/vitest-setup'
import { type PgSessionTable, type PostgresDatabase, pgSessionTable, sessionTableSql } from '../../src/session/index.ts'

/** A database that is open, and how to close it. */
export interface OpenDatabase {
  readonly db: PostgresDatabase
  close(): Promise<void>
}

/** `settings`: of the server for these connections, as `default_transaction_isolation`. */
export function openNodePostgres(
  connectionString: string,
  settings: Record<string, string> = {},
  config: pg.PoolConfig = {},
): OpenDatabase {
  const options = Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
    .join(' ')
  const pool = new pg.Pool({ connectionString, options, ...config })
  // A connection that breaks while it is idle ends the process otherwise.
  pool.on('error', () => {})
  return { db: drizzleNodePostgres({ client: pool }), close: () => pool.end() }
}

export function openPostgresJs(connectionString: string, options: postgres.Options<Record<string, never>> = {}) {
  const client = postgres(connectionString, { onnotice: () => {}, ...options })
  return { db: drizzlePostgresJs({ client }), close: () => client.end({ timeout: 1 }) }
}

async function openPglite(): Promise<OpenDatabase> {
  const { client, stop } = await startPglite(inject('pgliteImage'))
  return { db: drizzlePglite({ client }), close: stop }
}

/** Opens a database at its first use, once for the file, and closes it after the file's tests. */
function onceForFile(open: () => OpenDatabase | Promise<OpenDatabase>): () => Promise<PostgresDatabase> {
  let opened: Promise<OpenDatabase> | undefined
  afterAll(async () => (await opened)?.close())
  return async () => {
    opened ??= Promise.resolve(open())
    return (await opened).db
  }
}

/** A Postgres of this run by one of its drivers, for `describe.each`. */
export interface TestDatabase {
  readonly database: string
  open(): Promise<PostgresDatabase>
}

const server = inject('postgres')

/** A real server by two drivers: with them alone can statements race. */
export const servers: TestDatabase[] = [
  { database: 'postgres by node-postgres', open: onceForFile(() => openNodePostgres(server)) },
  { database: 'postgres by postgres.js', open: onceForFile(() => openPostgresJs(server)) },
]

export const databases: TestDatabase[] = [...servers, { database: 'pglite', open: onceForFile(openPglite) }]

/** A new, empty table of a name of its own, since test files run side by side on one server. */
export async function newTable(db: PostgresDatabase, schema?: string): Promise<PgSessionTable> {
  const table = pgSessionTable(`sessions_${randomUUID()}`, schema === undefined ? {} : { schema })
  await createTable(db, table)
  return table
}

/** One statement at a time: PGlite takes no more in one call. */
export async function createTable(db: PostgresDatabase, table: PgSessionTable): Promise<void> {
  for (const statement of sessionTableSql(table).split(';\n')) {
    if (statement.trim() !== '') await db.execute(sql.raw(statement))
  }
}
