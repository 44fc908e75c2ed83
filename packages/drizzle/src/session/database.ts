import { WaxsealTypeError } from '@waxseal/core'
import { is } from 'drizzle-orm'
import { PgDatabase, type PgQueryResultHKT, PgTransaction } from 'drizzle-orm/pg-core'

/** A Drizzle database over any Postgres driver, with or without a schema. */
export type PostgresDatabase = PgDatabase<PgQueryResultHKT, Record<string, unknown>>

/** Throws `ERR_WAXSEAL_ARGUMENT` for anything on which a session could be lost or read in an old state. */
export function checkDatabase(db: unknown): void {
  if (is(db, PgTransaction)) {
    fail('db must not be a transaction: its rollback would take back a session that a request was told is stored')
  }
  if (typeof db === 'object' && db !== null && '$replicas' in db) {
    fail('db must be the primary, db.$primary: a replica may not have the session that was just stored')
  }
  if (!is(db, PgDatabase)) fail('db must be a Drizzle database on Postgres, as drizzle() makes it')
}

function fail(message: string): never {
  throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', message)
}
