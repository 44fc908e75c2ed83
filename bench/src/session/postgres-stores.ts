import { randomUUID } from 'node:crypto'
import { createEnvelope, generateKey, localKeyring } from '@waxseal/core'
import { PostgresSessionStore, pgSessionTable, sessionTableSql } from '@waxseal/drizzle/session'
import connectPgSimple from 'connect-pg-simple'
import { drizzle } from 'drizzle-orm/node-postgres'
import expressSession, { type Store } from 'express-session'
import pg from 'pg'

export async function waxsealPostgresStore(connectionString: string): Promise<PostgresSessionStore> {
  const pool = new pg.Pool({ connectionString })
  const table = pgSessionTable(`waxseal_${randomUUID()}`)
  await pool.query(sessionTableSql(table))
  const envelope = createEnvelope({ keyring: localKeyring(generateKey()), encryptionContext: { app: 'bench' } })
  return new PostgresSessionStore({ db: drizzle({ client: pool }), table, envelope, pruneIntervalSeconds: 0 })
}

/** connect-pg-simple as it is, unencrypted, on as many connections. */
export async function connectPgStore(connectionString: string): Promise<Store> {
  const pool = new pg.Pool({ connectionString })
  // The server may end before the pool does.
  pool.on('error', () => {})
  const tableName = `connect_${randomUUID()}`
  // Its own way to create a table names the key the same for every table.
  await pool.query(
    `CREATE TABLE "${tableName}" (sid varchar PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL);
     CREATE INDEX ON "${tableName}" (expire)`,
  )
  const Store = connectPgSimple(expressSession)
  return new Store({ pool, tableName, pruneSessionInterval: false })
}
