import { channel } from 'node:diagnostics_channel'
import type { WaxsealErrorCode } from '@waxseal/core'

/** Why the store did something that its caller cannot see from the result. */
export type SessionEventType =
  /** A row had expired but was still in the table: no session. */
  | 'expired'
  /** A row is malformed or does not verify: no session, the row is kept. `code` says in which class it fell. */
  | 'unreadable'
  /** A write of a session that had been destroyed or had expired meanwhile: not stored, no error. */
  | 'refused'
  /** A write went over a newer state of the session (policy `lastWriteWins`). */
  | 'overwritten'
  /** A postponed expiry could not be written; the session itself is as it was. */
  | 'touch-failed'
  /** An operation failed with `code`. */
  | 'failed'

/** Emitted on the store under its type, and published on the diagnostics channel `waxseal:session`. */
export interface SessionEvent {
  readonly type: SessionEventType
  /** `debug` for the ordinary course of things, `warn` for what somebody may have to look at. */
  readonly level: 'debug' | 'warn'
  /** The row's key (a hash), never the session id; absent for operations over the whole table. */
  readonly key?: string
  readonly operation: string
  readonly code?: WaxsealErrorCode
}

/** How reader and writer tell the store what happened. */
export type ReportEvent = (type: SessionEventType, operation: string, key?: string, code?: WaxsealErrorCode) => void

export const sessionChannel: ReturnType<typeof channel> = channel('waxseal:session')

const debugTypes: ReadonlySet<SessionEventType> = new Set(['expired', 'refused', 'overwritten'])

export function levelOf(type: SessionEventType): SessionEvent['level'] {
  return debugTypes.has(type) ? 'debug' : 'warn'
}
