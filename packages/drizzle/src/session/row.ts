import { WaxsealError } from '@waxseal/core'
import type { SessionRow } from '@waxseal/session'
import type { PgSessionTable } from './schema.ts'

/** A row as the driver hands it out. */
export type StoredRow = PgSessionTable['$inferSelect']

/** Throws `ERR_WAXSEAL_RECORD_MALFORMED`: whoever can write the table can write anything, and may have made its columns. */
export function toRow({ key, record, expiresAt, revision, kid, userTag }: StoredRow): SessionRow {
  const isRow =
    typeof key === 'string' &&
    record instanceof Uint8Array &&
    isCount(expiresAt) &&
    isCount(revision) &&
    typeof kid === 'string' &&
    (userTag === null || typeof userTag === 'string')
  if (!isRow) throw new WaxsealError('ERR_WAXSEAL_RECORD_MALFORMED', 'The row is not a session row')
  return { key, record, expiresAt, revision, kid, ...(userTag !== null && { userTag }) }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
