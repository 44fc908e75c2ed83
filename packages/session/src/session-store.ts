import { EventEmitter } from 'node:events'
import { systemClock, WaxsealError, type WaxsealErrorCode } from '@waxseal/core'
import { type Callback, complete, deliver } from './callbacks.ts'
import { Deadlines, type StopSignal } from './deadlines.ts'
import { levelOf, type SessionEvent, type SessionEventType, sessionChannel } from './events.ts'
import { ExpressSessions, type GenerateSession } from './express-sessions.ts'
import { KeyQueue } from './key-queue.ts'
import { type LoadState, LoadStates } from './load-state.ts'
import { checkOptions, type SessionOptions } from './options.ts'
import { type SealedSession, SessionSealer } from './sealed-session.ts'
import { cookieOf, type SessionSnapshot, snapshotOf } from './session-content.ts'
import { sessionKey } from './session-id.ts'
import { SessionListing } from './session-listing.ts'
import { SessionReader } from './session-reader.ts'
import type { SessionTable } from './session-table.ts'
import { type SessionWrite, SessionWriter } from './session-writer.ts'

/** A session as the store hands it out: the app's data and, where a framework wrote it, its cookie as JSON data. */
export type StoredSession = SealedSession['session']

/** A listed session: its data and its real id. */
export type ListedSession = StoredSession & { id: string }

/**
 * An encrypted session store over any {@link SessionTable}, for express-session, @fastify/session and the app's own
 * code. Every operation returns a promise, or takes a Node callback last and then returns nothing.
 *
 * Errors: `ERR_WAXSEAL_SESSION_INVALID` and `_SESSION_TOO_LARGE` before any call; `_STORE_TIMEOUT`,
 * `_STORE_UNAVAILABLE`, `_TABLE_INVALID`, `_CONFIG`, `_KEY_DENIED`, `_KEY_UNAVAILABLE` from database and key service;
 * `_RECORD_MALFORMED` from a set over a row that is not of our layout.
 * A row that is missing, expired or unreadable is no session (`null`), never an error.
 *
 * Emits a {@link SessionEvent} under its type: `expired`, `unreadable`, `refused`, `overwritten`, `touch-failed`,
 * `failed`. There is never an `error` event.
 */
export class SessionStore extends EventEmitter {
  /** Assigned by express-session. */
  generate: GenerateSession | undefined

  readonly #table: SessionTable
  readonly #reader: SessionReader
  readonly #writer: SessionWriter
  readonly #listing: SessionListing
  readonly #states = new LoadStates()
  readonly #writes = new KeyQueue()
  readonly #express = new ExpressSessions()
  readonly #deadlines: Deadlines

  constructor(table: SessionTable, options: SessionOptions) {
    super()
    checkOptions(options)
    const { envelope, logicalName = 'sessions', ttlSeconds = 604_800, maxLifetimeSeconds = 2_592_000 } = options
    const { touchAfterSeconds, timeoutMilliseconds = 5000, clock = systemClock } = options
    const rules = { ttlSeconds, maxLifetimeSeconds, touchAfterSeconds }
    const sealer = new SessionSealer(envelope, logicalName)
    const report = this.#report.bind(this)
    this.#table = table
    this.#reader = new SessionReader(table, sealer, clock, report)
    this.#writer = new SessionWriter(table, sealer, this.#states, rules, clock, report)
    this.#deadlines = new Deadlines(timeoutMilliseconds)
    this.#listing = new SessionListing(table, this.#reader, (...rest) => this.#attempt(...rest))
  }

  /** The session, or `null` when there is none (never was, expired, destroyed, unreadable). A fresh object each time. */
  get<S extends object = StoredSession>(sessionId: string): Promise<S | null>
  get<S extends object = StoredSession>(sessionId: string, callback: Callback<S | null>): void
  get<S extends object = StoredSession>(
    sessionId: string,
    callback?: Callback<S | null>,
  ): Promise<S | null> | undefined {
    return deliver(this.#get(sessionId, callback !== undefined) as Promise<S | null>, callback)
  }

  /**
   * Stores the session as it is at this moment. Pass the object that {@link get} gave: a copy counts as not loaded, and
   * is inserted where there is no row. Resolves to `false`, and calls back without error, when the session was
   * loaded and has been destroyed or has expired meanwhile: it is not stored, and `refused` is emitted. When nothing
   * but the running expiry of the cookie changed, it only postpones the expiry, as {@link touch} does.
   */
  set(sessionId: string, session: object): Promise<boolean>
  set(sessionId: string, session: object, callback: Callback<boolean> | undefined): void
  set(sessionId: string, session: object, callback?: Callback<boolean>): Promise<boolean> | undefined {
    let write: SessionWrite
    let nothingDue: boolean
    try {
      write = { key: sessionKey(sessionId), id: sessionId, session, snapshot: snapshotOf(session) }
      const same = this.#writes.isBusy(write.key) ? undefined : this.#stateIfSame(write)
      nothingDue = same !== undefined && this.#writer.dueExpiry(same, write.snapshot.cookie) === undefined
    } catch (error) {
      return deliver(this.#invalid('set', error), callback)
    }
    return nothingDue ? complete(true, callback) : deliver(this.#set(write), callback)
  }

  /** Removes the session, whether or not it was there. */
  destroy(sessionId: string): Promise<void>
  destroy(sessionId: string, callback: Callback | undefined): void
  destroy(sessionId: string, callback?: Callback): Promise<void> | undefined {
    return deliver(this.#destroy(sessionId), callback)
  }

  /**
   * Postpones the expiry of a live session, never beyond its absolute end; writes only when it has moved by
   * `touchAfterSeconds`. Where the app changed the cookie itself, another `maxAge` for instance, that is stored. With a callback a failure is an event, not an error: express-session touches at the end of
   * a response and would cut it off. The promise rejects.
   */
  touch(sessionId: string, session: object): Promise<void>
  touch(sessionId: string, session: object, callback: Callback | undefined): void
  touch(sessionId: string, session: object, callback?: Callback): Promise<void> | undefined {
    let key: string
    let cookie: SessionSnapshot['cookie']
    let nothingDue: boolean
    try {
      key = sessionKey(sessionId)
      cookie = cookieOf(session)
      const state = this.#states.find(session, key)
      nothingDue =
        state !== undefined &&
        !this.#writer.isOtherCookie(state, cookie) &&
        this.#writer.dueExpiry(state, cookie) === undefined
    } catch (error) {
      return deliver(this.#invalid('touch', error), callback)
    }
    if (nothingDue) return complete(undefined, callback)
    return deliver(this.#touch({ key, id: sessionId, session }, cookie, callback !== undefined), callback)
  }

  /** All live sessions, each with its `id`. Opens every row; unreadable ones are left out and emitted. */
  all<S extends object = ListedSession>(): Promise<S[]>
  all<S extends object = ListedSession>(callback: Callback<S[]>): void
  all<S extends object = ListedSession>(callback?: Callback<S[]>): Promise<S[]> | undefined {
    return deliver(
      this.#listing.open('all', ({ id, session }) => ({ ...session, id }) as unknown as S),
      callback,
    )
  }

  /** The ids of all live sessions. Opens every row: the table itself holds only their hashes. */
  ids(): Promise<string[]>
  ids(callback: Callback<string[]>): void
  ids(callback?: Callback<string[]>): Promise<string[]> | undefined {
    return deliver(
      this.#listing.open('ids', ({ id }) => id),
      callback,
    )
  }

  /** How many sessions are live. Opens nothing. */
  length(): Promise<number>
  length(callback: Callback<number>): void
  length(callback?: Callback<number>): Promise<number> | undefined {
    return deliver(this.#listing.count(), callback)
  }

  /** Removes every session of the table, whichever store wrote it. */
  clear(): Promise<void>
  clear(callback: Callback | undefined): void
  clear(callback?: Callback): Promise<void> | undefined {
    return deliver(this.#listing.clear(), callback)
  }

  /** For express-session: turns data from {@link get} into `request.session`. */
  createSession<S = object>(request: object, session: object): S {
    const state = this.#states.carriedBy(session)
    const created = this.#express.create(this.generate, request, session)
    if (state !== undefined) this.#states.attach(created, state)
    return created as S
  }

  /** For express-session: destroys the request's session and generates a new one. */
  regenerate(request: { sessionID?: string }, callback: (error?: unknown) => void): void {
    this.destroy(request.sessionID ?? '', (error) => {
      this.generate?.(request as never)
      callback(error)
    })
  }

  /** For express-session: the session of an id as a Session object, outside a request. */
  load<S = object>(sessionId: string, callback: (error?: unknown, session?: S) => void): void {
    this.get(sessionId, (error, session) => {
      if (error || !session) return callback(error ?? undefined)
      let created: S
      try {
        created = this.createSession<S>({ sessionID: sessionId, sessionStore: this, headers: {} }, session)
      } catch (failure) {
        return callback(failure)
      }
      callback(null, created)
    })
  }

  async #get(sessionId: string, withCarrier: boolean): Promise<StoredSession | null> {
    const key = this.#key('get', sessionId)
    const loaded = await this.#attempt('get', key, (signal) => this.#reader.load(key, 'get', signal))
    if (loaded === undefined) return null
    const { session, state } = loaded
    if (withCarrier) this.#states.carry(session, state)
    else this.#states.attach(session, state)
    return session
  }

  /** The state of a session of which only the running expiry differs from its row; else `undefined`. */
  #stateIfSame({ key, session, snapshot }: SessionWrite): LoadState | undefined {
    const state = this.#states.find(session, key)
    return state !== undefined && this.#writer.isSame(state, snapshot) ? state : undefined
  }

  async #set(write: SessionWrite): Promise<boolean> {
    const { key, session, snapshot } = write
    const failure = () => (this.#stateIfSame(write) === undefined ? 'failed' : 'touch-failed')
    const task = async (signal: StopSignal) => {
      const same = this.#stateIfSame(write)
      if (same === undefined) return this.#writer.write(write, this.#states.find(session, key), signal)
      await this.#writer.touch(same, snapshot.cookie, signal)
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

  async #destroy(sessionId: string): Promise<void> {
    const key = this.#key('destroy', sessionId)
    await this.#inOrder('destroy', key, (signal) => this.#table.delete(key, signal))
  }

  async #touch(
    target: Omit<SessionWrite, 'snapshot'>,
    cookie: SessionSnapshot['cookie'],
    softly: boolean,
  ): Promise<void> {
    const { key, session } = target
    const task = async (signal: StopSignal) => {
      const own = this.#states.find(session, key)
      // express-session leaves the cookie out of what it compares: a changed `maxAge` reaches the store only here.
      if (own !== undefined && this.#writer.isOtherCookie(own, cookie)) return this.#setCookie(target, cookie, signal)
      const state = own ?? (await this.#reader.load(key, 'touch', signal))?.state
      if (state !== undefined) await this.#writer.touch(state, cookie, signal)
    }
    try {
      await this.#inOrder('touch', key, task, () => 'touch-failed')
    } catch (error) {
      if (!softly) throw error
    }
  }

  /** Writes another cookie beside the content that the row has now: a touch must not take a newer content back. */
  async #setCookie(target: Omit<SessionWrite, 'snapshot'>, cookie: SessionSnapshot['cookie'], signal: StopSignal) {
    while (!signal.aborted) {
      const state = (await this.#reader.load(target.key, 'touch', signal))?.state
      if (state?.row.snapshot === undefined) return this.#report('refused', 'touch', target.key)
      const snapshot = { content: state.row.snapshot.content, cookie }
      if (await this.#writer.replace({ ...target, snapshot }, state, signal)) return
    }
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

  async #attempt<T>(
    operation: string,
    key: string | undefined,
    task: (signal: StopSignal) => Promise<T>,
    failure: () => SessionEventType = () => 'failed',
  ): Promise<T> {
    try {
      return await this.#deadlines.run(task)
    } catch (error) {
      this.#report(failure(), operation, key, codeOf(error))
      throw error
    }
  }

  #key(operation: string, sessionId: string): string {
    try {
      return sessionKey(sessionId)
    } catch (error) {
      this.#report('failed', operation, undefined, codeOf(error))
      throw error
    }
  }

  /** An operation that could not begin; reported as well, since nobody may hold the promise. */
  #invalid(operation: string, error: unknown): Promise<never> {
    this.#report('failed', operation, undefined, codeOf(error))
    return Promise.reject(error)
  }

  #report(type: SessionEventType, operation: string, key?: string, code?: WaxsealErrorCode): void {
    const event: SessionEvent = {
      type,
      level: levelOf(type),
      operation,
      ...(key !== undefined && { key }),
      ...(code !== undefined && { code }),
    }
    if (sessionChannel.hasSubscribers) sessionChannel.publish(event)
    try {
      this.emit(type, event)
    } catch (error) {
      // A listener must not decide what becomes of the operation: it throws on a tick of its own, as a channel's does.
      process.nextTick(() => {
        throw error
      })
    }
  }
}

function codeOf(error: unknown): WaxsealErrorCode | undefined {
  return error instanceof WaxsealError ? error.code : undefined
}
