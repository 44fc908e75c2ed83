import type { StopSignal } from './deadlines.ts'
import type { RowChoice, RowPage, RowVersion, SessionRow, WriteOutcome } from './session-row.ts'
import type { Version1Table } from './version1-table.ts'

/** One of `count` parts of a table that are read side by side; `index` counts from 0. */
export interface TablePart {
  readonly index: number
  readonly count: number
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

  /** Replaces the row if its revision is that of `over` and it had not expired at `now` (milliseconds since the epoch). */
  update(row: SessionRow, over: RowVersion, now: number, signal: StopSignal): Promise<WriteOutcome>

  /**
   * Moves the expiry of a row that is alive at `now` and whose revision is that of `over`, forward only; record and
   * revision stay. Returns whether it moved. It never creates a row: that would bring a signed-out session back.
   */
  extend(key: string, expiresAt: number, over: RowVersion, now: number, signal: StopSignal): Promise<boolean>

  /** Removes the row; not an error when there is none. */
  delete(key: string, signal: StopSignal): Promise<void>

  /** Removes many rows, however many calls that takes. */
  deleteMany(keys: readonly string[], signal: StopSignal): Promise<void>

  /**
   * All session rows in pages, in any order, expired ones included; rows of another kind are left out. `page`:
   * `undefined` for the first one, then the `next` of the one before. With `part` only the rows of that part: the parts
   * together hold each row once. A table that does not gain by it has everything in part 0.
   */
  list(page: unknown, signal: StopSignal, part?: TablePart): Promise<RowPage>

  /**
   * The rows that carry the tag, in pages as those of {@link list}. Every row that a write was answered for is among
   * them for as long as it is in the table.
   */
  listUser(userTag: string, page: unknown, signal: StopSignal): Promise<RowPage>

  /**
   * Removes the chosen rows that carry the tag, those of other users never, and returns how many of them were alive at
   * `now` (milliseconds since the epoch). A write of such a row that is under way is either removed as well, and then
   * answered with `signedOut` or not at all, or comes afterwards.
   */
  deleteUser(userTag: string, which: RowChoice, now: number, signal: StopSignal): Promise<number>
}
