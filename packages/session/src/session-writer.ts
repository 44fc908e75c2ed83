import { type Clock, WaxsealError } from '@waxseal/core'
import type { StopSignal } from './deadlines.ts'
import type { ReportEvent } from './events.ts'
import { type ExpiryRules, expiryOf, type SessionCookie, touchIsDue } from './expiry.ts'
import { LoadState, type LoadStates } from './load-state.ts'
import { isUnreadable, type SessionSealer } from './sealed-session.ts'
import { type SessionSnapshot, sameCookie } from './session-content.ts'
import type { SessionRow, SessionTable, WriteOutcome } from './session-table.ts'

/** Everything that a write of one session needs. */
export interface SessionWrite {
  readonly key: string
  readonly id: string
  /** The app's object: carries the load state, and gets one when it had none. */
  readonly session: object
  readonly snapshot: SessionSnapshot
}

/**
 * The rules of writing. A session that was loaded is written only while its row still exists, so that a logout is
 * final; a session that was not loaded is inserted, and over a live row the last write wins.
 */
export class SessionWriter {
  readonly #table: SessionTable
  readonly #sealer: SessionSealer
  readonly #states: LoadStates
  readonly #rules: ExpiryRules
  readonly #clock: Clock
  readonly #report: ReportEvent

  constructor(
    table: SessionTable,
    sealer: SessionSealer,
    states: LoadStates,
    rules: ExpiryRules,
    clock: Clock,
    report: ReportEvent,
  ) {
    this.#table = table
    this.#sealer = sealer
    this.#states = states
    this.#rules = rules
    this.#clock = clock
    this.#report = report
  }

  /** Whether the snapshot says what the row says, apart from the running expiry. */
  isSame(state: LoadState, { content, cookie }: SessionSnapshot): boolean {
    return content === state.row.snapshot?.content && !this.isOtherCookie(state, cookie)
  }

  /** Whether the app changed the cookie: one of its attributes, or its expiry to a nearer one. */
  isOtherCookie({ row }: LoadState, cookie: SessionSnapshot['cookie']): boolean {
    if (row.snapshot === undefined) return false
    if (!sameCookie(cookie, row.snapshot.cookie)) return true
    const expiresAt = expiryOf(cookie, row.absoluteExpiresAt, this.#clock.now(), this.#rules)
    return expiresAt < row.expiresAt - CLOCK_TOLERANCE
  }

  /** The expiry to which the row should be moved, or `undefined` while the stored one is near enough. */
  dueExpiry(state: LoadState, cookie: SessionCookie | undefined): number | undefined {
    const now = this.#clock.now()
    const expiresAt = expiryOf(cookie, state.row.absoluteExpiresAt, now, this.#rules)
    return touchIsDue(state.row, expiresAt, now, this.#rules) ? expiresAt : undefined
  }

  /** Postpones the expiry if that is due. */
  async touch(state: LoadState, cookie: SessionCookie | undefined, signal: StopSignal): Promise<void> {
    const expiresAt = this.dueExpiry(state, cookie)
    if (expiresAt === undefined) return
    const moved = await this.#table.extend(state.key, expiresAt, this.#clock.now(), signal)
    if (moved) state.update({ ...state.row, expiresAt })
  }

  /** Stores the snapshot over exactly the state that was loaded; `false` when the row has changed since or is gone. */
  async replace(write: SessionWrite, { row: loaded }: LoadState, signal: StopSignal): Promise<boolean> {
    const now = this.#clock.now()
    const row = await this.#seal(write, loaded, now)
    if (signal.aborted) return false
    const revision = loaded.revision + 1
    const outcome = await this.#table.update({ ...row.stored, revision }, loaded.revision, now, signal)
    return isStored(outcome, row) && this.#remember(write, row, revision)
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

  async #insert(write: SessionWrite, signal: StopSignal): Promise<boolean> {
    const now = this.#clock.now()
    const row = await this.#seal(write, this.#newLife(now), now)
    // The key service may have taken all the time there was.
    if (signal.aborted) return false
    for (;;) {
      const outcome = await this.#table.insert({ ...row.stored, revision: 1 }, this.#clock.now(), signal)
      if (isStored(outcome, row)) return this.#remember(write, row, 1)
      if (outcome.current !== undefined) {
        const life = await this.#lifeOf(outcome.current, now)
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
    const now = this.#clock.now()
    const row = await this.#seal(write, life, now)
    if (signal.aborted) return false
    let revision = loadedRevision
    for (;;) {
      const outcome = await this.#table.update({ ...row.stored, revision: revision + 1 }, revision, now, signal)
      if (isStored(outcome, row)) {
        if (overwrites || revision !== loadedRevision) this.#report('overwritten', 'set', write.key)
        return this.#remember(write, row, revision + 1)
      }
      const { current } = outcome
      if (current === undefined || current.expiresAt <= now) return false
      revision = current.revision
      if (signal.aborted) return false
    }
  }

  async #seal({ key, id, snapshot }: SessionWrite, { createdAt, absoluteExpiresAt }: Life, now: number) {
    const expiresAt = expiryOf(snapshot.cookie, absoluteExpiresAt, now, this.#rules)
    this.#checkSize(Buffer.byteLength(snapshot.content) + JSON.stringify(snapshot.cookie ?? '').length)
    const { record, kid } = await this.#sealer.seal(key, { id, createdAt, absoluteExpiresAt }, snapshot)
    this.#checkSize(record.length)
    return { stored: { key, record, expiresAt, kid }, createdAt, absoluteExpiresAt }
  }

  #checkSize(bytes: number): void {
    const limit = this.#table.maxRecordBytes
    if (bytes <= limit) return
    const message = `The session takes ${bytes} bytes; a row of this table holds a record of at most ${limit}`
    throw new WaxsealError('ERR_WAXSEAL_SESSION_TOO_LARGE', message)
  }

  #newLife(now: number): Life {
    return { createdAt: now, absoluteExpiresAt: Math.floor(now + this.#rules.maxLifetimeSeconds * 1000) }
  }

  /** A live row that is written without having been loaded keeps its creation and its absolute expiry. */
  async #lifeOf({ key, record }: SessionRow, now: number): Promise<Life> {
    try {
      const life = await this.#sealer.open(key, record)
      if (life.absoluteExpiresAt > now) return life
    } catch (error) {
      if (!isUnreadable(error)) throw error
    }
    return this.#newLife(now)
  }

  #remember({ key, session, snapshot }: SessionWrite, row: SealedRow, revision: number): true {
    const { createdAt, absoluteExpiresAt, stored } = row
    const loaded = { revision, expiresAt: stored.expiresAt, createdAt, absoluteExpiresAt, snapshot }
    const state = this.#states.find(session, key)
    if (state === undefined) this.#states.attach(session, new LoadState(key, loaded))
    else state.update(loaded)
    return true
  }
}

/**
 * In milliseconds. The running expiry only moves away, so a nearer one is the app's doing, unless another server's clock
 * is ahead of ours.
 */
const CLOCK_TOLERANCE = 60_000

interface Life {
  readonly createdAt: number
  readonly absoluteExpiresAt: number
}

interface SealedRow extends Life {
  readonly stored: Omit<SessionRow, 'revision'>
}

/** True also when the row that stands in the way is our own: an answer was lost and the client repeated the write. */
function isStored(outcome: WriteOutcome, { stored }: SealedRow): boolean {
  if (outcome.written) return true
  return outcome.current !== undefined && Buffer.compare(outcome.current.record, stored.record) === 0
}
