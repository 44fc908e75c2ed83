import { type Clock, WaxsealError } from '@waxseal/core'
import type { StopSignal } from './deadlines.ts'
import type { ReportEvent } from './events.ts'
import { type ExpiryRules, expiryOf, type SessionCookie, touchIsDue } from './expiry.ts'
import { type LoadedRow, LoadState, type LoadStates } from './load-state.ts'
import { isUnreadable, type SessionSealer } from './sealed-session.ts'
import { type SessionSnapshot, sameCookie } from './session-content.ts'
import type { SessionRow, WriteOutcome } from './session-row.ts'
import type { SessionTable } from './session-table.ts'

/** One session, and the app's object for it. */
export interface SessionTarget {
  readonly key: string
  readonly id: string
  /** Carries the load state, and gets one when it had none. */
  readonly session: object
}

/** Everything that a write of one session needs. */
export interface SessionWrite extends SessionTarget {
  readonly snapshot: SessionSnapshot
}

/** What a writer works with. */
export interface WriterParts {
  readonly table: SessionTable
  readonly sealer: SessionSealer
  readonly states: LoadStates
  readonly rules: ExpiryRules
  readonly clock: Clock
  readonly report: ReportEvent
}

/**
 * The rules of writing. A session that was loaded is written only while its row still exists, so that a logout is
 * final; a session that was not loaded is inserted, and over a live row the last write wins.
 */
export class SessionWriter {
  protected readonly table: SessionTable
  protected readonly rules: ExpiryRules
  protected readonly clock: Clock
  protected readonly report: ReportEvent
  readonly #sealer: SessionSealer
  readonly #states: LoadStates

  constructor({ table, sealer, states, rules, clock, report }: WriterParts) {
    this.table = table
    this.rules = rules
    this.clock = clock
    this.report = report
    this.#sealer = sealer
    this.#states = states
  }

  /** Whether the snapshot says what the row says, apart from the running expiry. */
  isSame(state: LoadState, { content, cookie }: SessionSnapshot): boolean {
    return content === state.row.snapshot?.content && !this.isOtherCookie(state, cookie)
  }

  /** Whether the app changed the cookie: one of its attributes, or its expiry to a nearer one. */
  isOtherCookie({ row }: LoadState, cookie: SessionSnapshot['cookie']): boolean {
    if (row.snapshot === undefined) return false
    if (!sameCookie(cookie, row.snapshot.cookie)) return true
    const now = this.clock.now()
    const expiresAt = expiryOf(cookie, row.absoluteExpiresAt, now, this.rules)
    // The clock of the server that wrote the row may be ahead of ours, by which one life from now ends sooner.
    const oneLife = expiryOf({ ...row.snapshot.cookie, expires: null }, row.absoluteExpiresAt, now, this.rules)
    return expiresAt < Math.min(row.expiresAt, oneLife) - TOLERANCE
  }

  /** The expiry to which the row should be moved, or `undefined` while the stored one is near enough. */
  dueExpiry(state: LoadState, cookie: SessionCookie | undefined): number | undefined {
    const now = this.clock.now()
    const expiresAt = expiryOf(cookie, state.row.absoluteExpiresAt, now, this.rules)
    return touchIsDue(state.row, expiresAt, now, this.rules) ? expiresAt : undefined
  }

  /** Postpones the expiry if that is due. */
  async touch(
    { key }: SessionTarget,
    state: LoadState,
    cookie: SessionSnapshot['cookie'],
    signal: StopSignal,
  ): Promise<void> {
    const expiresAt = this.dueExpiry(state, cookie)
    if (expiresAt === undefined) return
    const moved = await this.table.extend(key, expiresAt, this.clock.now(), signal)
    if (moved) state.update({ ...state.row, expiresAt })
  }

  /** Stores the snapshot over exactly the state that was loaded; `false` when the row has changed since or is gone. */
  async replace(write: SessionWrite, { row: loaded }: LoadState, signal: StopSignal): Promise<boolean> {
    const now = this.clock.now()
    const row = await this.seal(write, loaded, now)
    if (signal.aborted) return false
    const revision = loaded.revision + 1
    const outcome = await this.table.update({ ...row.stored, revision }, loaded, now, signal)
    return isStored(outcome, row) && this.remember(write, asLoaded(write, row, revision))
  }

  /** Stores the snapshot; `false` when the session was loaded (`state`) and its row is gone or has expired. */
  async write(write: SessionWrite, state: LoadState | undefined, signal: StopSignal): Promise<boolean> {
    if (state === undefined) return this.#insert(write, signal)
    try {
      return await this.#update(write, state.row, state.row.revision, signal)
    } catch (error) {
      // It may have been written all the same: no later set may be taken for unchanged.
      state.update({ ...state.row, snapshot: undefined })
      throw error
    }
  }

  /** Removes the row; not an error when there is none. */
  destroy(key: string, _id: string, signal: StopSignal): Promise<void> {
    return this.table.delete(key, signal)
  }

  async #insert(write: SessionWrite, signal: StopSignal): Promise<boolean> {
    const now = this.clock.now()
    const row = await this.seal(write, this.newLife(now), now)
    // The key service may have taken all the time there was.
    if (signal.aborted) return false
    for (;;) {
      const outcome = await this.table.insert({ ...row.stored, revision: FIRST_REVISION }, this.clock.now(), signal)
      if (isStored(outcome, row)) return this.remember(write, asLoaded(write, row, FIRST_REVISION))
      if (outcome.current !== undefined) {
        const life = await this.lifeOf(outcome.current, now)
        if (await this.#update(write, life, outcome.current.revision, signal, true)) return true
        // The row has gone or expired between the two calls: there is room for ours.
      }
      if (signal.aborted) return false
    }
  }

  async #update(
    write: SessionWrite,
    life: Life,
    loadedRevision: number,
    signal: StopSignal,
    overwrites = false,
  ): Promise<boolean> {
    const now = this.clock.now()
    const row = await this.seal(write, life, now)
    if (signal.aborted) return false
    let revision = loadedRevision
    for (;;) {
      const outcome = await this.table.update({ ...row.stored, revision: revision + 1 }, { revision }, now, signal)
      if (isStored(outcome, row)) {
        if (overwrites || revision !== loadedRevision) this.report('overwritten', 'set', write.key)
        return this.remember(write, asLoaded(write, row, revision + 1))
      }
      const { current } = outcome
      if (current === undefined || current.expiresAt <= now) return false
      revision = current.revision
      if (signal.aborted) return false
    }
  }

  /**
   * Stores the snapshot over a row that another process made of the loaded session: counted as a conflict only where
   * that process went on to write to it.
   */
  protected async overwrite(write: SessionWrite, current: SessionRow, signal: StopSignal): Promise<boolean> {
    const life = await this.lifeOf(current, this.clock.now())
    return this.#update(write, life, FIRST_REVISION, signal)
  }

  /** `expiresAt`: in milliseconds since the epoch, where it does not follow from the cookie. */
  protected async seal(
    { key, id, snapshot }: SessionWrite,
    { createdAt, absoluteExpiresAt }: Life,
    now: number,
    expiresAt: number = expiryOf(snapshot.cookie, absoluteExpiresAt, now, this.rules),
  ): Promise<SealedRow> {
    const limit = this.table.maxRecordBytes
    checkSize(Buffer.byteLength(snapshot.content) + JSON.stringify(snapshot.cookie ?? '').length, limit)
    const { record, kid } = await this.#sealer.seal(key, { id, createdAt, absoluteExpiresAt }, snapshot)
    checkSize(record.length, limit)
    return { stored: { key, record, expiresAt, kid }, createdAt, absoluteExpiresAt }
  }

  protected newLife(now: number): Life {
    return { createdAt: now, absoluteExpiresAt: Math.floor(now + this.rules.maxLifetimeSeconds * 1000) }
  }

  /** A live row that is written without having been loaded keeps its creation and its absolute expiry. */
  protected async lifeOf({ key, record }: SessionRow, now: number): Promise<Life> {
    try {
      const life = await this.#sealer.open(key, record)
      if (life.absoluteExpiresAt > now) return life
    } catch (error) {
      if (!isUnreadable(error)) throw error
    }
    return this.newLife(now)
  }

  protected remember({ key, session }: SessionTarget, loaded: LoadedRow): true {
    const state = this.#states.find(session, key)
    if (state === undefined) this.#states.attach(session, new LoadState(key, loaded))
    else state.update(loaded)
    return true
  }
}

export const FIRST_REVISION = 1

/** In milliseconds. A nearer expiry is the app's doing, unless the cookie was dated when a long request began. */
const TOLERANCE = 60_000

export interface Life {
  readonly createdAt: number
  readonly absoluteExpiresAt: number
}

export interface SealedRow extends Life {
  readonly stored: Omit<SessionRow, 'revision'>
}

/** Throws `ERR_WAXSEAL_SESSION_TOO_LARGE`. */
export function checkSize(bytes: number, limit: number): void {
  if (bytes <= limit) return
  const message = `The session takes ${bytes} bytes; a row of this table holds a record of at most ${limit}`
  throw new WaxsealError('ERR_WAXSEAL_SESSION_TOO_LARGE', message)
}

/** True also when the row that stands in the way is our own: an answer was lost and the client repeated the write. */
export function isStored(outcome: WriteOutcome, { stored }: SealedRow): boolean {
  if (outcome.written) return true
  return outcome.current !== undefined && Buffer.compare(outcome.current.record, stored.record) === 0
}

export function asLoaded({ snapshot }: SessionWrite, row: SealedRow, revision: number): LoadedRow {
  const { createdAt, absoluteExpiresAt, stored } = row
  return { revision, expiresAt: stored.expiresAt, createdAt, absoluteExpiresAt, snapshot }
}
