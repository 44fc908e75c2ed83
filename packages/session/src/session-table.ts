import type { EncryptedSessionRecord } from '@waxseal/core/version1'
import type { StopSignal } from './deadlines.ts'
import type { Version1Table } from './version1-table.ts'

/** One stored session, as a database holds it. */
export interface SessionRow {
  /** Base64url SHA-256 of the session id: a leaked table holds no usable session. */
  readonly key: string
  /** The sealed session; opaque to the table. */
  readonly record: Uint8Array
  /** Milliseconds since the epoch. A hint for the database; the sealed absolute expiry bounds it. */
  readonly expiresAt: number
  /** Starts at 1, one more at every write of the record; a touch leaves it. */
  readonly revision: number
  /** Name of the key-encryption key, so that rows under an old key can be found without opening them. */
  readonly kid: string
}

/** What became of a conditional write. */
export interface WriteOutcome {
  readonly written: boolean
  /** When not written: the row that stood in the way; absent when there is none (any more). */
  readonly current?: SessionRow | undefined
}

/** A page of a listing; `next` is absent on the last one and is otherwise handed back as it is. */
export interface RowPage {
  readonly rows: readonly SessionRow[]
  readonly next?: unknown
  /** Sessions of version 1, in the pages of a {@link Version1Table}. */
  readonly version1?: readonly Pick<EncryptedSessionRecord, 'sessionId' | 'ttl'>[]
}

/**
 * The port that a database implements. A table stores and compares; it neither encrypts nor decides what a session is.
 *
 * Every method settles soon after `signal` aborts: later writes of that session wait for it. The call that is under way
 * sets `signal.onabort`, one call at a time.
 *
 * Errors: `ERR_WAXSEAL_STORE_UNAVAILABLE` when the database cannot answer, `ERR_WAXSEAL_TABLE_INVALID` or
 * `ERR_WAXSEAL_CONFIG` when somebody has to act, `ERR_WAXSEAL_RECORD_MALFORMED` when a row's columns are not of their
 * types. Reads see every earlier write.
 */
export interface SessionTable {
  /** The largest record that a row can hold, in bytes; at most 1,000,000, as the record format ends at 1 MiB. */
  readonly maxRecordBytes: number

  /** Where rows of version 1 can stand in the same table; only DynamoDB ever had them. */
  readonly version1?: Version1Table

  /** The row, also when it has expired; `undefined` when there is none. */
  get(key: string, signal: StopSignal): Promise<SessionRow | undefined>

  /** Writes the row if there is none, or only one that had expired at `now` (milliseconds since the epoch). */
  insert(row: SessionRow, now: number, signal: StopSignal): Promise<WriteOutcome>

  /** Replaces the row if its revision is `revision` and it had not expired at `now` (milliseconds since the epoch). */
  update(row: SessionRow, revision: number, now: number, signal: StopSignal): Promise<WriteOutcome>

  /**
   * Moves the expiry of a row that is alive at `now`, forward only; record and revision stay.
   * Returns whether it moved. It never creates a row: that would bring a signed-out session back.
   */
  extend(key: string, expiresAt: number, now: number, signal: StopSignal): Promise<boolean>

  /** Removes the row; not an error when there is none. */
  delete(key: string, signal: StopSignal): Promise<void>

  /** Removes many rows, however many calls that takes. */
  deleteMany(keys: readonly string[], signal: StopSignal): Promise<void>

  /** All session rows in pages, in any order, expired ones included; rows of another kind are left out. */
  list(page: unknown, signal: StopSignal): Promise<RowPage>
}
