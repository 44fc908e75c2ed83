import { type Clock, type Envelope, WaxsealTypeError } from '@waxseal/core'
import type { StoredSession } from './sealed-session.ts'
import type { Version1Options } from './version1-options.ts'

/**
 * What becomes of a write whose session was changed by another request since it was loaded.
 *
 * - `merge`: both changes are kept where they are of different top-level keys, and neither concerns the user or a
 *   guarded key: a state that no request had must not come about from "is user 2" and "has passed the second factor".
 *   Anything else as `reject`.
 * - `reject`: `ERR_WAXSEAL_SESSION_CONFLICT`; what the other request stored stays.
 * - `lastWriteWins`: the write goes over it, and is counted by an `overwritten` event.
 */
export type ConflictPolicy = 'merge' | 'reject' | 'lastWriteWins'

/** What every session store takes, whatever its database. */
export interface SessionOptions {
  /** Seals and opens the records; the store adds `purpose: session` to its encryption context. */
  readonly envelope: Envelope
  /** Idle life in seconds of a session whose cookie has none of its own. Default 604,800 (7 days). */
  readonly ttlSeconds?: number
  /** Longest life in seconds from a session's creation on, however active it is. Default 2,592,000 (30 days). */
  readonly maxLifetimeSeconds?: number
  /**
   * How many seconds the expiry must have moved before a read-only request writes it. Default: a tenth of the session's
   * idle life, at most 3,600. A session may end this much before its idle life is over.
   */
  readonly touchAfterSeconds?: number
  /** Longest time in milliseconds that an operation may take, over all retries. Default 5,000. */
  readonly timeoutMilliseconds?: number
  /**
   * Name bound into every record: a record copied to a table of another logical name does not open. Set it when two
   * tables hold sessions of different meaning (customers, staff) under one key. Default `sessions`.
   */
  readonly logicalName?: string
  /** What becomes of a write that another request's came before. Default `merge`. */
  readonly conflict?: ConflictPolicy
  /**
   * Top-level keys that say who is signed in and what they may do: where either side changed one of them, `merge` does
   * not merge. Default `user`, `userId` and `passport`; a list of your own replaces it.
   */
  readonly guardKeys?: readonly string[]
  /**
   * The id of the user whose session it is, from the session's data; nothing while nobody is signed in. With it the
   * sessions of one user can be listed and ended, and `merge` never merges across two users. Must not change anything,
   * and give the same for the same data.
   */
  readonly userId?: (session: StoredSession) => string | number | null | undefined
  /** What `sessionsOf` shows of a session, from its data: a device, a browser. Nothing by default. */
  readonly label?: (session: StoredSession) => string | undefined
  /**
   * Whether sessions of version 1 in the same table count. Off by default. Needs a keyring of AWS KMS and a table of
   * DynamoDB, and makes every read one of two keys: take it away once its date has passed.
   */
  readonly version1?: Version1Options
  /** For tests. */
  readonly clock?: Clock
}

/** In seconds. Beyond, an expiry would leave what a Date and a safe integer of milliseconds can hold. */
const CENTURY = 3_155_760_000

/** In milliseconds. A longer `setTimeout` fires at once. */
const LONGEST_TIMER = 2_147_483_647

const policies: ReadonlySet<ConflictPolicy> = new Set(['merge', 'reject', 'lastWriteWins'])

/** Throws `ERR_WAXSEAL_ARGUMENT`, naming the option: a missing envelope, a duration that is no positive number, … */
export function checkOptions(options: SessionOptions): void {
  if (typeof options.envelope?.sealJson !== 'function') {
    fail('envelope must come from createEnvelope()')
  }
  checkDuration(options, 'ttlSeconds', CENTURY)
  checkDuration(options, 'maxLifetimeSeconds', CENTURY)
  checkDuration(options, 'timeoutMilliseconds', LONGEST_TIMER)
  if (options.touchAfterSeconds !== 0) checkDuration(options, 'touchAfterSeconds', CENTURY)
  const { conflict = 'merge', guardKeys = [], userId, label } = options
  if (!policies.has(conflict)) fail(`conflict must be one of ${[...policies].join(', ')}`)
  if (!(Array.isArray(guardKeys) && guardKeys.every((name) => typeof name === 'string'))) {
    fail('guardKeys must be a list of session keys')
  }
  if (userId !== undefined && typeof userId !== 'function') fail('userId must be a function of the session')
  if (label !== undefined && typeof label !== 'function') fail('label must be a function of the session')
}

function checkDuration(
  options: SessionOptions,
  name: 'ttlSeconds' | 'maxLifetimeSeconds' | 'timeoutMilliseconds' | 'touchAfterSeconds',
  most: number,
): void {
  const value = options[name]
  if (value !== undefined && !(value > 0 && value <= most)) {
    fail(`${name} must be a positive number, at most ${most}`)
  }
}

function fail(message: string): never {
  throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', message)
}
