import { channel } from 'node:diagnostics_channel'
import type { EventEmitter } from 'node:events'
import type { WaxsealErrorCode } from '@waxseal/core'

/** Why the store did something that its caller cannot see from the result. */
export type SessionEventType =
  /** A row had expired but was still in the table: no session. */
  | 'expired'
  /** A row is malformed or does not verify: no session, the row is kept. `code` says in which class it fell. */
  | 'unreadable'
  /** A write of a session that had been destroyed or had expired meanwhile: not stored, no error. */
  | 'refused'
  /** A write went over a newer state of the session: under `lastWriteWins`, or where it had not been loaded. */
  | 'overwritten'
  /** A write and an earlier one of another request were both kept (policy `merge`). */
  | 'merged'
  /** A write was rejected: another request had changed the session meanwhile. Its caller has the error. */
  | 'conflict'
  /** A postponed expiry could not be written; the session itself is as it was. */
  | 'touch-failed'
  /** A session was read from an item of version 1. */
  | 'version1-read'
  /** A session of version 1 has become a row of version 2; its old item is gone. */
  | 'version1-upgraded'
  /** The store goes on without something that its role or its server denies; `message` says what to do. */
  | 'degraded'
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
  /** Of `degraded`: for whoever runs the store; names no session. */
  readonly message?: string
}

/** How reader and writer tell the store what happened. */
export type ReportEvent = (
  type: SessionEventType,
  operation: string,
  key?: string,
  details?: Pick<SessionEvent, 'code' | 'message'>,
) => void

const sessionChannel: ReturnType<typeof channel> = channel('waxseal:session')

const levels: Readonly<Record<SessionEventType, SessionEvent['level']>> = {
  expired: 'debug',
  unreadable: 'warn',
  refused: 'debug',
  overwritten: 'debug',
  merged: 'debug',
  conflict: 'warn',
  'touch-failed': 'warn',
  'version1-read': 'debug',
  'version1-upgraded': 'debug',
  degraded: 'warn',
  failed: 'warn',
}

/** How often each event was emitted since the store was made. */
export type SessionStats = Readonly<Record<SessionEventType, number>>

/** Zero for each type. */
export function newCounts(): Record<SessionEventType, number> {
  return Object.fromEntries(Object.keys(levels).map((type) => [type, 0])) as Record<SessionEventType, number>
}

/** Counts, and reports to the channel and to the emitter's listeners. */
export function reportTo(emitter: EventEmitter, counts: Record<SessionEventType, number>): ReportEvent {
  return (type, operation, key, details) => {
    counts[type]++
    const event: SessionEvent = {
      type,
      level: levels[type],
      operation,
      ...(key !== undefined && { key }),
      ...details,
    }
    if (sessionChannel.hasSubscribers) sessionChannel.publish(event)
    try {
      emitter.emit(type, event)
    } catch (error) {
      // A listener must not decide what becomes of the operation: it throws on a tick of its own, as a channel's does.
      process.nextTick(() => {
        throw error
      })
    }
  }
}
