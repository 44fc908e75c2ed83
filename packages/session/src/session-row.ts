import type { EncryptedSessionRecord } from '@waxseal/core/version1'

/** One stored session, as a database holds it. */
export interface SessionRow {
  /** Base64url SHA-256 of the session id: a leaked table holds no usable session. */
  readonly key: string
  /** The sealed session; opaque to the table. */
  readonly record: Uint8Array
  /** Milliseconds since the epoch. A hint for the database; the sealed absolute expiry bounds it. */
  readonly expiresAt: number
  /**
   * One more at every write of the record; a touch leaves it. Begins at a random multiple of 2^20, so that a row made anew
   * under the same key is not taken for the one before; a safe integer.
   */
  readonly revision: number
  /** Name of the key-encryption key, so that rows under an old key can be found without opening them. */
  readonly kid: string
  /**
   * Keyed hash of the user's id, by which the sessions of one user are found; absent where the session has no user or
   * the store has no `userId` option. The user's id itself stands nowhere but in the record.
   */
  readonly userTag?: string | undefined
  /**
   * Beside a `userTag`, in a row that is written: when the session ends whatever happens, in milliseconds since the
   * epoch. For tables that keep an index of users; reading does not give it back.
   */
  readonly absoluteExpiresAt?: number | undefined
}

/** The writing of a row that an update goes over. */
export type RowVersion = Pick<SessionRow, 'revision' | 'userTag'>

/** What became of a conditional write. */
export interface WriteOutcome {
  readonly written: boolean
  /** When not written: the row that stood in the way; absent when there is none (any more). */
  readonly current?: SessionRow | undefined
  /** When not written: the sessions of the row's user were removed meanwhile, and this one with them. */
  readonly signedOut?: boolean
}

/** Some of the rows of one user, by their keys. */
export type RowChoice = { readonly except: readonly string[] } | { readonly only: readonly string[] }

export function isChosen(key: string, which: RowChoice): boolean {
  return 'only' in which ? which.only.includes(key) : !which.except.includes(key)
}

/** A page of a listing; `next` is absent on the last one and is otherwise handed back as it is. */
export interface RowPage {
  readonly rows: readonly SessionRow[]
  readonly next?: unknown
  /** Sessions of version 1, in the pages of a {@link Version1Table}. */
  readonly version1?: readonly Pick<EncryptedSessionRecord, 'sessionId' | 'ttl'>[]
}
