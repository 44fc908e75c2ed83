import { checkDatabase as check } from '../database.ts'

export type { PostgresDatabase } from '../database.ts'

/** Throws `ERR_WAXSEAL_ARGUMENT` for anything on which a session could be lost or read in an old state. */
export function checkDatabase(db: unknown): void {
  check(db, {
    transaction: 'its rollback would take back a session that a request was told is stored',
    replicas: 'a replica may not have the session that was just stored',
  })
}
