import { setImmediate as answered } from 'node:timers/promises'
import { type Clock, systemClock, WaxsealError, type WaxsealErrorCode } from '@waxseal/core'
import { ConflictRules } from './conflict.ts'
import { Deadlines, type StopSignal } from './deadlines.ts'
import type { ReportEvent, SessionEventType } from './events.ts'
import { IndexKeys } from './index-keys.ts'
import { KeyQueue } from './key-queue.ts'
import { type LoadState, LoadStates } from './load-state.ts'
import type { SessionOptions } from './options.ts'
import { type SealedSession, SessionSealer } from './sealed-session.ts'
import { beginAnew, cookieOf, type SessionSnapshot, snapshotOf } from './session-content.ts'
import { sessionKey } from './session-id.ts'
import { type Attempt, SessionListing } from './session-listing.ts'
import { SessionReader } from './session-reader.ts'
import { isSameLife } from './session-revision.ts'
import type { SessionTable } from './session-table.ts'
import { type SessionTarget, type SessionWrite, SessionWriter } from './session-writer.ts'
import { UserSessions } from './user-sessions.ts'
import { UserTags } from './user-tags.ts'
import { Version1Listing } from './version1-listing.ts'
import { version1Parts } from './version1-options.ts'
import { Version1Reader } from './version1-reader.ts'
import { Version1Writer } from './version1-writer.ts'

/**
 * What the operations of a store do, one session at a time: in order, within a deadline, every failure reported. The
 * store itself is what callers and frameworks see of it.
 */
export class SessionOperations {
  readonly states: LoadStates = new LoadStates()
  readonly listing: SessionListing
  /** Absent where the store has no option `userId`. */
  readonly users: UserSessions | undefined
  readonly #reader: SessionReader
  readonly #writer: SessionWriter
  readonly #writes = new KeyQueue()
  readonly #deadlines: Deadlines
  /** Later writes of the session wait for an upgrade: a silent database must leave them most of their time. */
  readonly #upgradeDeadlines: Deadlines
  readonly #report: ReportEvent

  constructor(table: SessionTable, options: SessionOptions, report: ReportEvent) {
    const { envelope, logicalName = 'sessions', ttlSeconds = 604_800, maxLifetimeSeconds = 2_592_000 } = options
    const { touchAfterSeconds, timeoutMilliseconds = 5000 } = options
    const clock: Clock = options.clock ?? systemClock
    const rules = { ttlSeconds, maxLifetimeSeconds, touchAfterSeconds }
    const sealer = new SessionSealer(envelope, logicalName)
    const deadlines = new Deadlines(timeoutMilliseconds)
    const conflicts = new ConflictRules(options)
    const { userId, label } = options
    const keyParts = { table, envelope, logicalName, clock, report }
    const users = userId && { userId, label, indexKeys: new IndexKeys(keyParts) }
    const userTags = users && new UserTags(users.indexKeys, users.userId)
    const parts = { table, sealer, states: this.states, rules, conflicts, clock, report, userTags }
    const version1 = version1Parts(table, options, clock)
    this.#report = report
    this.#deadlines = deadlines
    this.#upgradeDeadlines = new Deadlines(timeoutMilliseconds / 4)
    const attempt: Attempt = (operation, key, task, ending) => this.#attempt(operation, key, task, undefined, ending)
    if (version1 === undefined) {
      this.#reader = new SessionReader(parts)
      this.#writer = new SessionWriter(parts)
      this.listing = new SessionListing(table, this.#reader, attempt)
    } else {
      const writer = new Version1Writer({ ...parts, ...version1 }, deadlines, this.#upgradeDeadlines)
      const reader = new Version1Reader({ ...parts, ...version1 }, writer, maxLifetimeSeconds)
      this.#reader = reader
      this.#writer = writer
      this.listing = new Version1Listing(table, reader, attempt, version1)
    }
    const access = { table, reader: this.#reader, writer: this.#writer }
    this.users = users && new UserSessions({ ...users, ...access, rules, clock, report, attempt })
  }

  /** `withCarrier`: the load state travels among the session's keys, for a caller that copies them. */
  async get(sessionId: string, withCarrier: boolean): Promise<SealedSession['session'] | null> {
    const key = this.#key('get', sessionId)
    const loaded = await this.#attempt('get', key, (signal) => this.#reader.load(key, sessionId, 'get', signal))
    if (loaded === undefined) return null
    const { session, state, afterwards } = loaded
    if (afterwards !== undefined) this.#inBackground(key, afterwards)
    if (withCarrier) this.states.carry(session, state)
    else this.states.attach(session, state)
    return session
  }

  /** `true` at once where nothing is to be written. */
  set(sessionId: string, session: object): Promise<boolean> | true {
    let write: SessionWrite
    try {
      write = { key: sessionKey(sessionId), id: sessionId, session, operation: 'set', snapshot: snapshotOf(session) }
      const same = this.#writes.isBusy(write.key) ? undefined : this.#stateIfSame(write)
      if (same !== undefined && this.#writer.dueExpiry(same, write.snapshot.cookie) === undefined) return true
    } catch (error) {
      return this.#invalid('set', error)
    }
    return this.#set(write)
  }

  async destroy(sessionId: string): Promise<void> {
    const key = this.#key('destroy', sessionId)
    await this.#inOrder('destroy', key, (signal) => this.#writer.destroy(key, sessionId, signal))
  }

  /** `undefined` where nothing is to be written. `softly`: a failure is an event alone. */
  touch(sessionId: string, session: object, softly: boolean): Promise<void> | undefined {
    let key: string
    let cookie: SessionSnapshot['cookie']
    try {
      key = sessionKey(sessionId)
      cookie = cookieOf(session)
      const state = this.states.find(session, key)
      const nothingDue =
        state !== undefined &&
        !this.#writer.isOtherCookie(state, cookie) &&
        this.#writer.dueExpiry(state, cookie) === undefined
      if (nothingDue) return undefined
    } catch (error) {
      return this.#invalid('touch', error)
    }
    return this.#touch({ key, id: sessionId, session }, cookie, softly)
  }

  /** The state of a session in which nothing but the running expiry was changed; else `undefined`. */
  #stateIfSame({ key, session, snapshot }: SessionWrite): LoadState | undefined {
    const state = this.states.find(session, key)
    return state !== undefined && this.#writer.isSame(state, snapshot) ? state : undefined
  }

  async #set(write: SessionWrite): Promise<boolean> {
    const { key, session, snapshot } = write
    const failure = () => (this.#stateIfSame(write) === undefined ? 'failed' : 'touch-failed')
    const task = async (signal: StopSignal) => {
      const same = this.#stateIfSame(write)
      if (same === undefined) return this.#writer.write(write, this.states.find(session, key), signal)
      await this.#postpone(write, same, snapshot.cookie, signal)
      return true
    }
    try {
      const stored = await this.#inOrder('set', key, task, failure)
      if (!stored) this.#report('refused', 'set', key)
      return stored
    } catch (error) {
      // @fastify/session sets on every request; failing one that changed nothing would help nobody.
      if (failure() === 'touch-failed') return true
      throw error
    }
  }

  async #touch(target: SessionTarget, cookie: SessionSnapshot['cookie'], softly: boolean): Promise<void> {
    const { key, id, session } = target
    const task = async (signal: StopSignal) => {
      const own = this.states.find(session, key)
      // express-session leaves the cookie out of what it compares: a changed `maxAge` reaches the store only here.
      if (own !== undefined && this.#writer.isOtherCookie(own, cookie)) {
        const stored = await this.#writer.rewrite(target, own, cookie, signal)
        return stored ? undefined : this.#report('refused', 'touch', key)
      }
      const state = own ?? (await this.#reader.load(key, id, 'touch', signal))?.state
      if (state !== undefined) await this.#postpone(target, state, cookie, signal)
    }
    try {
      await this.#inOrder('touch', key, task, () => 'touch-failed')
    } catch (error) {
      if (!softly) throw error
    }
  }

  /** A row that another request has written since has the life that it was given then: it goes on by that one. */
  async #postpone(
    target: SessionTarget,
    state: LoadState,
    cookie: SessionSnapshot['cookie'],
    signal: StopSignal,
  ): Promise<void> {
    if (await this.#writer.touch(target, state, cookie, signal)) return
    const newer = (await this.#reader.load(target.key, target.id, 'touch', signal))?.state
    if (newer === undefined || !isSameLife(newer.row, state.row)) return
    await this.#writer.touch(target, newer, beginAnew(newer.row.stored.cookie), signal)
    state.update({ ...state.row, expiresAt: newer.row.expiresAt })
  }

  /** Runs after the writes of the same session that were asked for before; waiting for them counts as time. */
  #inOrder<T>(
    operation: string,
    key: string,
    task: (signal: StopSignal) => Promise<T>,
    failure?: () => SessionEventType,
  ): Promise<T> {
    const inTurn = (signal: StopSignal) =>
      this.#writes.run(key, () => {
        // The caller has been told of a time-out: what it asked for must not happen after all.
        if (signal.aborted) throw new WaxsealError('ERR_WAXSEAL_STORE_TIMEOUT', 'Its time was over before its turn')
        return task(signal)
      })
    return this.#attempt(operation, key, inTurn, failure)
  }

  /** Runs before any later write of the session, but not before the read that asked for it has been answered. */
  #inBackground(key: string, task: (signal: StopSignal) => Promise<void>): void {
    const inTurn = (signal: StopSignal) =>
      this.#writes.runIfIdle(key, async () => {
        await answered()
        await task(signal)
      })
    // A failure has been reported; the next read tries again.
    this.#attempt('upgrade', key, () => this.#upgradeDeadlines.run(inTurn)).catch(() => {})
  }

  async #attempt<T>(
    operation: string,
    key: string | undefined,
    task: (signal: StopSignal) => Promise<T>,
    failure: () => SessionEventType = () => 'failed',
    ending?: AbortController,
  ): Promise<T> {
    try {
      return await this.#deadlines.run(task, ending?.signal)
    } catch (error) {
      ending?.signal.throwIfAborted()
      this.#report(isConflict(error) ? 'conflict' : failure(), operation, key, codeIn(error))
      // At once: others of the same operation may be about to fail in this turn of the event loop.
      ending?.abort(error)
      throw error
    }
  }

  #key(operation: string, sessionId: string): string {
    try {
      return sessionKey(sessionId)
    } catch (error) {
      this.#report('failed', operation, undefined, codeIn(error))
      throw error
    }
  }

  /** An operation that could not begin; reported as well, since nobody may hold the promise. */
  #invalid(operation: string, error: unknown): Promise<never> {
    this.#report('failed', operation, undefined, codeIn(error))
    return Promise.reject(error)
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof WaxsealError && error.code === 'ERR_WAXSEAL_SESSION_CONFLICT'
}

function codeIn(error: unknown): { code?: WaxsealErrorCode } {
  return error instanceof WaxsealError ? { code: error.code } : {}
}
