import { WaxsealTypeError } from '@waxseal/core'
import { is } from 'drizzle-orm'
import { PgDatabase, type PgQueryResultHKT, PgTransaction } from 'drizzle-orm/pg-core'

/** A Drizzle database over any Postgres driver, with or without a schema. */
export type PostgresDatabase = PgDatabase<PgQueryResultHKT, Record<string, unknown>>

/** What would happen on a database that must not be taken. */
export interface Harm {
  /** In a transaction of the caller's. */
  readonly transaction: string
  /** On replicas. */
  readonly replicas: string
}

/** Throws `ERR_WAXSEAL_ARGUMENT` for anything on which a write could be lost or read in an old state. */
export function checkDatabase(db: unknown, harm: Harm): void {
  if (is(db, PgTransaction)) fail(`db must not be a transaction: ${harm.transaction}`)
  if (typeof db === 'object' && db !== null && '$replicas' in db) {
    fail(`db must be the primary, db.$primary: ${harm.replicas}`)
  }
  if (!is(db, PgDatabase)) fail('db must be a Drizzle database on Postgres, as drizzle() makes it')
}

function fail(message: string): never {
  throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', message)
}
