/** The table on real engines: the contract of every session table, by every driver and under every isolation level. */
import { sessionTableContract } from '@waxseal/testing'
import { sql } from 'drizzle-orm'
import { afterAll, describe, inject, it } from 'vitest'
import { PostgresSessionTable } from '../src/session/index.ts'
import { databases, newTable, openNodePostgres } from './support/databases.ts'

describe.each(databases)('$database', ({ open }) => {
  sessionTableContract({ describe, it }, async () => {
    const db = await open()
    return new PostgresSessionTable(db, await newTable(db))
  })
})

describe.each(['repeatable read', 'serializable'])('connections that default to %s', (isolation) => {
  const { db, close } = openNodePostgres(inject('postgres'), { default_transaction_isolation: isolation })
  afterAll(close)

  sessionTableContract({ describe, it }, async () => new PostgresSessionTable(db, await newTable(db)))
})

describe('a table in a schema of its own', () => {
  const { db, close } = openNodePostgres(inject('postgres'))
  afterAll(close)

  sessionTableContract({ describe, it }, async () => {
    await db.execute(sql`create schema if not exists "Customer ""area"""`)
    return new PostgresSessionTable(db, await newTable(db, 'Customer "area"'))
  })
})
