import { type Clock, type Envelope, WaxsealTypeError } from '@waxseal/core'
import type { Version1Options } from './version1-options.ts'

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

/** Throws `ERR_WAXSEAL_ARGUMENT`, naming the option: a missing envelope, a duration that is no positive number. */
export function checkOptions(options: SessionOptions): void {
  if (typeof options.envelope?.sealJson !== 'function') {
    throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', 'envelope must come from createEnvelope()')
  }
  checkDuration(options, 'ttlSeconds', CENTURY)
  checkDuration(options, 'maxLifetimeSeconds', CENTURY)
  checkDuration(options, 'timeoutMilliseconds', LONGEST_TIMER)
  if (options.touchAfterSeconds !== 0) checkDuration(options, 'touchAfterSeconds', CENTURY)
}

function checkDuration(
  options: SessionOptions,
  name: 'ttlSeconds' | 'maxLifetimeSeconds' | 'timeoutMilliseconds' | 'touchAfterSeconds',
  most: number,
): void {
  const value = options[name]
  if (value !== undefined && !(value > 0 && value <= most)) {
    throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', `${name} must be a positive number, at most ${most}`)
  }
}
