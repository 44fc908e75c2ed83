/** The session table behind PgBouncer in transaction mode. */
import { sessionTableContract } from '@waxseal/testing'
import { describe, it } from 'vitest'
import { PostgresSessionTable } from '../src/session/index.ts'
import { newTable } from './support/databases.ts'
import { pooled } from './support/pooled.ts'

describe.each(pooled)('$database', ({ open }) => {
  sessionTableContract({ describe, it }, async () => {
    const db = await open()
    return new PostgresSessionTable(db, await newTable(db))
  })
})
