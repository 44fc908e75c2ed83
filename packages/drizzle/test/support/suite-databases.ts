import type { RemoteDatabase, SuiteDatabase, SuiteTable } from '@waxseal/suite'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { inject, onTestFinished } from 'vitest'
import '@waxseal/engines/vitest-setup'
import {
  type PgSessionTable,
  type PostgresDatabase,
  PostgresSessionStore,
  PostgresSessionTable,
  pgSessionTable,
} from '../../src/session/index.ts'
import { databases, newTable, openNodePostgres } from './databases.ts'

function tableOf(db: PostgresDatabase, table: PgSessionTable): SuiteTable {
  return {
    port: new PostgresSessionTable(db, table),
    newStore: (options) => new PostgresSessionStore({ db, table, pruneIntervalSeconds: 0, ...options }),
  }
}

/** A real server by two drivers, and PGlite. */
export const suiteDatabases: readonly SuiteDatabase[] = databases.map(({ database, open }) => ({
  name: database,
  start: open,
  async newTable() {
    const db = await open()
    return tableOf(db, await newTable(db))
  },
}))

const server = inject('postgres')

/** By node-postgres: version 3.4.9 of postgres.js ends the process on some broken connections (porsager/postgres#1208). */
export const remoteDatabase: RemoteDatabase = {
  name: 'postgres by node-postgres',
  address: server.replace(/^.*@/, 'http://').replace(/\/[^/]*$/, ''),
  async newTable() {
    const { db, close } = openNodePostgres(server)
    onTestFinished(close)
    return tableOf(db, await newTable(db))
  },
  async newTableAt(address) {
    const direct = openNodePostgres(server)
    const table = await newTable(direct.db)
    await direct.close()
    // As the README advises: without it a connection that fell silent would stay in the pool for good.
    const { db, close } = openNodePostgres(through(address), {}, { query_timeout: 600 })
    onTestFinished(close)
    return tableOf(db, table)
  },
  failingTable(error) {
    const pool = new pg.Pool()
    Object.assign(pool, { query: () => Promise.reject(error) })
    return tableOf(drizzle({ client: pool }), pgSessionTable())
  },
}

/** The address of a proxy in the place of the server's. */
function through(address: string): string {
  const url = new URL(server)
  url.host = new URL(address).host
  return url.href
}
