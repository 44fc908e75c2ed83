import type { Clock } from '@waxseal/core'
import type { StopSignal } from './deadlines.ts'
import type { ReportEvent } from './events.ts'
import { isPersistent } from './expiry.ts'
import { type LoadedRow, LoadState } from './load-state.ts'
import { isUnreadable, type SealedSession, type SessionSealer } from './sealed-session.ts'
import type { SessionSnapshot } from './session-content.ts'
import type { SessionRow } from './session-row.ts'
import type { SessionTable } from './session-table.ts'

/** What reading one session gives: the data for the caller, and the state for later writes. */
export interface LoadedSession {
  readonly session: SealedSession['session']
  readonly state: LoadState
  /** What remains to be done once the read has been answered; may fail without harm. */
  readonly afterwards?: (signal: StopSignal) => Promise<void>
}

/** What a reader works with. */
export interface ReaderParts {
  readonly table: SessionTable
  readonly sealer: SessionSealer
  readonly clock: Clock
  readonly report: ReportEvent
}

/** The rules of reading: what is expired or unreadable is no session; everything else that fails is an error. */
export class SessionReader {
  protected readonly clock: Clock
  protected readonly report: ReportEvent
  readonly #table: SessionTable
  readonly #sealer: SessionSealer

  constructor({ table, sealer, clock, report }: ReaderParts) {
    this.clock = clock
    this.report = report
    this.#table = table
    this.#sealer = sealer
  }

  /** `key` is the key of `id`. */
  async load(key: string, _id: string, operation: string, signal: StopSignal): Promise<LoadedSession | undefined> {
    const row = await this.readable(key, operation, () => this.#table.get(key, signal))
    const sealed = row && (await this.open(row, operation))
    return row && sealed && loadedFrom(row, sealed)
  }

  /** The row's content, or `undefined` when it has expired or cannot be read. */
  async open(row: SessionRow, operation: string): Promise<SealedSession | undefined> {
    if (this.isExpired(row)) {
      this.report('expired', operation, row.key)
      return undefined
    }
    const sealed = await this.readable(row.key, operation, () => this.#sealer.open(row.key, row.record))
    if (sealed !== undefined && sealed.absoluteExpiresAt <= this.clock.now()) {
      this.report('expired', operation, row.key)
      return undefined
    }
    // The row's expiry is the authority: Fastify destroys a session whose stored cookie has expired, even when a touch
    // has kept the row alive. A cookie that ends with the browser must stay one.
    const cookie = sealed?.session.cookie
    if (cookie && isPersistent(cookie)) cookie.expires = new Date(expiryOfRow(row, sealed)).toISOString()
    return sealed
  }

  isExpired(row: SessionRow): boolean {
    return row.expiresAt <= this.clock.now()
  }

  protected async readable<T>(key: string, operation: string, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read()
    } catch (error) {
      if (!isUnreadable(error)) throw error
      this.report('unreadable', operation, key, { code: error.code })
      return undefined
    }
  }
}

function expiryOfRow(row: SessionRow, { absoluteExpiresAt }: SealedSession): number {
  return Math.min(row.expiresAt, absoluteExpiresAt)
}

export function loadedFrom(row: SessionRow, sealed: SealedSession): LoadedSession {
  const { session } = sealed
  const base = asSnapshot(session)
  return { session, state: new LoadState(row.key, { ...knownOf(row, sealed), base, stored: base }) }
}

/** What a row says beside its content. */
export function knownOf(row: SessionRow, sealed: SealedSession): Omit<LoadedRow, 'base' | 'stored'> {
  const { revision, userTag } = row
  const { createdAt, absoluteExpiresAt } = sealed
  return { revision, userTag, createdAt, absoluteExpiresAt, expiresAt: expiryOfRow(row, sealed) }
}

/** A copy: the app changes the session that it gets. */
export function asSnapshot({ cookie, ...content }: SealedSession['session']): SessionSnapshot {
  return { content: JSON.stringify(content), cookie: cookie && { ...cookie } }
}
