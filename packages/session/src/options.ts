import { type Clock, type Envelope, WaxsealTypeError } from '@waxseal/core'

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
  /** For tests. */
  readonly clock?: Clock
}

/** Throws `ERR_WAXSEAL_ARGUMENT`, naming the option, for a duration that is not a positive number. */
export function checkDurations(options: SessionOptions): void {
  checkDuration(options, 'ttlSeconds')
  checkDuration(options, 'maxLifetimeSeconds')
  checkDuration(options, 'timeoutMilliseconds')
  if (options.touchAfterSeconds !== 0) checkDuration(options, 'touchAfterSeconds')
}

function checkDuration(
  options: SessionOptions,
  name: 'ttlSeconds' | 'maxLifetimeSeconds' | 'timeoutMilliseconds' | 'touchAfterSeconds',
): void {
  const value = options[name]
  if (value !== undefined && !(Number.isFinite(value) && value > 0)) {
    throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', `${name} must be a positive number`)
  }
}
