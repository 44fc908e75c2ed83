import type { EncryptedSessionRecord } from '@waxseal/core/version1'
import type { StopSignal } from './deadlines.ts'
import type { RowPage, SessionRow } from './session-row.ts'
import type { TablePart } from './session-table.ts'

/** What stands under the two keys of one session. */
export interface BothVersions {
  /** The row of version 2, also when it has expired. */
  readonly row: SessionRow | undefined
  /** The item of version 1, also when it has expired; beside a row where an upgrade stopped half-way. */
  readonly item: EncryptedSessionRecord | undefined
}

/** Which item of version 1 a write goes over. */
export interface LoadedItem {
  /** Only one that is alive then, in milliseconds since the epoch. */
  readonly aliveAt: number
  /** Only the writing with this tag, if given. */
  readonly authTag?: string | undefined
}

/** What became of {@link Version1Table.put}. */
export interface PutOutcome {
  readonly written: boolean
  /** The tag of the item of version 1 that was there before. */
  readonly replaced?: string | undefined
}

/**
 * - `removed`: it was there.
 * - `absent`: somebody else has removed it.
 * - `changed`: it is there, with another tag.
 * - `unknown`: it is gone, perhaps through an earlier attempt of this same call whose answer was lost.
 */
export type Removal = 'removed' | 'absent' | 'changed' | 'unknown'

/**
 * What a database does with items of version 1, which stand under the session id itself beside the rows of version 2.
 * An item is one only with version 1 and no record: the key of a row of version 2 must never serve as a session id.
 * Rules and errors are those of a {@link SessionTable}; `ERR_WAXSEAL_RECORD_MALFORMED` also for an item of version 1
 * with a field that is missing or not of its type.
 */
export interface Version1Table {
  /** The longest JSON of a session that an item can hold, in bytes. */
  readonly maxPlaintextBytes: number

  /** Both in one read, which sees every earlier write. */
  get(key: string, id: string, signal: StopSignal): Promise<BothVersions>

  /** Writes the item: over `loaded` alone, or over no row of version 2 at least. */
  put(item: EncryptedSessionRecord, loaded: LoadedItem | undefined, signal: StopSignal): Promise<PutOutcome>

  /** Moves `ttl` (seconds since the epoch) of an item that is alive at `now` (milliseconds), forward only. */
  extend(id: string, ttl: number, now: number, signal: StopSignal): Promise<boolean>

  /** Removes the item of version 1; only the one with `authTag`, if given. */
  remove(id: string, authTag: string | undefined, signal: StopSignal): Promise<Removal>

  /** Removes the row of version 2 if its record is still this one. */
  removeRow(row: Pick<SessionRow, 'key' | 'record'>, signal: StopSignal): Promise<void>

  /** As {@link SessionTable.list}, with the items of version 1. */
  list(page: unknown, signal: StopSignal, part?: TablePart): Promise<RowPage>
}
