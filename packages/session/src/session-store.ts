import { EventEmitter } from 'node:events'
import { type Callback, complete, deliver } from './callbacks.ts'
import { newCounts, type ReportEvent, reportTo, type SessionStats } from './events.ts'
import { ExpressSessions, type GenerateSession } from './express-sessions.ts'
import { checkOptions, type SessionOptions } from './options.ts'
import type { StoredSession } from './sealed-session.ts'
import type { ListedContent, ListingOptions } from './session-listing.ts'
import { SessionOperations } from './session-operations.ts'
import type { SessionTable } from './session-table.ts'
import { needUsers, type UserSession } from './user-sessions.ts'
import { checkVersion1 } from './version1-options.ts'

/** A listed session: its data and its real id. */
export type ListedSession = StoredSession & { id: string }

/**
 * An encrypted session store over any {@link SessionTable}, for express-session, @fastify/session and the app's own
 * code. Every operation returns a promise, or takes a Node callback last and then returns nothing.
 *
 * Errors: `ERR_WAXSEAL_SESSION_INVALID` and `_SESSION_TOO_LARGE` before any call; `_STORE_TIMEOUT`,
 * `_STORE_UNAVAILABLE`, `_TABLE_INVALID`, `_CONFIG`, `_KEY_DENIED`, `_KEY_UNAVAILABLE` from database and key service;
 * `_RECORD_MALFORMED` from a set over a row that is not of our layout.
 * `_SESSION_CONFLICT` from a set, or a touch, that the policy `conflict` does not allow.
 * A row that is missing, expired or unreadable is no session (`null`), never an error.
 *
 * Emits a {@link SessionEvent} under its type: `expired`, `unreadable`, `refused`, `overwritten`, `merged`, `conflict`,
 * `touch-failed`, `degraded`, `failed`, and with version 1 accepted `version1-read`, `version1-upgraded`. There is never an `error` event.
 */
export class SessionStore extends EventEmitter {
  /** Assigned by express-session. */
  generate: GenerateSession | undefined

  /** For adapters: emits a {@link SessionEvent} as the store itself does. */
  protected readonly report: ReportEvent
  readonly #counts = newCounts()
  readonly #operations: SessionOperations
  readonly #express = new ExpressSessions()

  constructor(table: SessionTable, options: SessionOptions) {
    super()
    checkOptions(options)
    checkVersion1(options, table)
    this.report = reportTo(this, this.#counts)
    this.#operations = new SessionOperations(table, options, this.report)
  }

  /** The session, or `null` when there is none (never was, expired, destroyed, unreadable). A fresh object each time. */
  get<S extends object = StoredSession>(sessionId: string): Promise<S | null>
  get<S extends object = StoredSession>(sessionId: string, callback: Callback<S | null>): void
  get<S extends object = StoredSession>(
    sessionId: string,
    callback?: Callback<S | null>,
  ): Promise<S | null> | undefined {
    return deliver(this.#operations.get(sessionId, callback !== undefined) as Promise<S | null>, callback)
  }

  /**
   * Stores the session as it is at this moment. Pass the object that {@link get} gave: a copy counts as not loaded, and
   * is inserted where there is no row. Resolves to `false`, and calls back without error, when the session was
   * loaded and has been destroyed or has expired meanwhile: it is not stored, and `refused` is emitted. When nothing
   * but the running expiry of the cookie changed, it only postpones the expiry, as {@link touch} does.
   * `ERR_WAXSEAL_SESSION_CONFLICT`, after a `conflict` event, where another request has changed the session since and the
   * policy keeps no two changes: load it again and repeat the change.
   */
  set(sessionId: string, session: object): Promise<boolean>
  set(sessionId: string, session: object, callback: Callback<boolean> | undefined): void
  set(sessionId: string, session: object, callback?: Callback<boolean>): Promise<boolean> | undefined {
    const stored = this.#operations.set(sessionId, session)
    return stored === true ? complete(true, callback) : deliver(stored, callback)
  }

  /** Removes the session, whether or not it was there. */
  destroy(sessionId: string): Promise<void>
  destroy(sessionId: string, callback: Callback | undefined): void
  destroy(sessionId: string, callback?: Callback): Promise<void> | undefined {
    return deliver(this.#operations.destroy(sessionId), callback)
  }

  /**
   * Postpones the expiry of a live session, never beyond its absolute end; writes only when it has moved by
   * `touchAfterSeconds`. Where the app changed the cookie itself, another `maxAge` for instance, that is stored. With a callback a failure is an event, not an error: express-session touches at the end of
   * a response and would cut it off. The promise rejects.
   */
  touch(sessionId: string, session: object): Promise<void>
  touch(sessionId: string, session: object, callback: Callback | undefined): void
  touch(sessionId: string, session: object, callback?: Callback): Promise<void> | undefined {
    const touched = this.#operations.touch(sessionId, session, callback !== undefined)
    return touched === undefined ? complete(undefined, callback) : deliver(touched, callback)
  }

  /**
   * All live sessions, each with its `id`, page by page: memory does not grow with their number. Opens every row;
   * unreadable ones are left out and emitted. Each session is given as it stood when its page was read, at most one
   * page (of each part) ahead. Leaving the loop ends the calls that are under way.
   *
   * @example
   * for await (const session of store.sessions({ signal })) console.log(session.id)
   */
  sessions<S extends object = ListedSession>(options?: ListingOptions): AsyncGenerator<S, void, undefined> {
    return this.#operations.listing.open<S>('sessions', options, asListed)
  }

  /** All live sessions at once, as {@link sessions} gives them. */
  all<S extends object = ListedSession>(callback: Callback<S[]>): void
  all<S extends object = ListedSession>(options?: ListingOptions): Promise<S[]>
  all<S extends object = ListedSession>(first?: Callback<S[]> | ListingOptions): Promise<S[]> | undefined {
    const { options, callback } = parted(first)
    return deliver(this.#operations.listing.collect<S>('all', options, asListed), callback)
  }

  /** The ids of all live sessions. Opens every row: the table itself holds only their hashes. */
  ids(callback: Callback<string[]>): void
  ids(options?: ListingOptions): Promise<string[]>
  ids(first?: Callback<string[]> | ListingOptions): Promise<string[]> | undefined {
    const { options, callback } = parted(first)
    return deliver(
      this.#operations.listing.collect('ids', options, ({ id }) => id),
      callback,
    )
  }

  /** How many sessions are live. Opens nothing; with version 1 accepted, one that is half upgraded may count twice. */
  length(callback: Callback<number>): void
  length(options?: ListingOptions): Promise<number>
  length(first?: Callback<number> | ListingOptions): Promise<number> | undefined {
    const { options, callback } = parted(first)
    return deliver(this.#operations.listing.count(options), callback)
  }

  /**
   * Removes every session of the table, whichever store wrote it; those of version 1 if the option is set. One that is
   * created meanwhile may stay. Ended half-way, by `signal` or a failure, it has removed what it came to.
   */
  clear(callback: Callback | undefined): void
  clear(options?: ListingOptions): Promise<void>
  clear(first?: Callback | ListingOptions): Promise<void> | undefined {
    const { options, callback } = parted(first)
    return deliver(this.#operations.listing.clear(options), callback)
  }

  /**
   * The live sessions of one user, last seen first. Needs the option `userId`, as the three methods below do; without it,
   * and for a user who is nobody, `ERR_WAXSEAL_ARGUMENT`. Opens every one of them. Whether they are found does not depend
   * on how lately they were stored.
   *
   * @param userId what the option gives; `5` and `'5'` are the same user
   * @example
   * const devices = await sessionStore.sessionsOf(user.id)
   */
  async sessionsOf(userId: string | number): Promise<UserSession[]> {
    return needUsers(this.#operations.users).list(userId)
  }

  /**
   * Ends all sessions of one user, and returns how many there were. None is left that had been stored when it was called;
   * one that is being stored meanwhile is either ended as well, and its `set` gives `false`, or stored afterwards.
   */
  async destroyAllOf(userId: string | number): Promise<number> {
    return needUsers(this.#operations.users).destroyAll('destroyAllOf', userId, [])
  }

  /**
   * As {@link destroyAllOf}, but for one session: that of the request, say, given by its id. Without one,
   * `ERR_WAXSEAL_SESSION_INVALID`, and none is ended.
   */
  async destroyOthersOf(userId: string | number, currentSessionId: string): Promise<number> {
    return needUsers(this.#operations.users).destroyAll('destroyOthersOf', userId, [currentSessionId])
  }

  /** Ends the session with the `key` from {@link sessionsOf}, if it is one of this user's; returns whether it was. */
  async destroyOneOf(userId: string | number, key: string): Promise<boolean> {
    return needUsers(this.#operations.users).destroyOne(userId, key)
  }

  /**
   * Replaces the key that hides the users' ids in the table, for when it may have leaked. All sessions stay and are found:
   * lookups ask for the old keys as well, so that each rotation adds to what {@link sessionsOf} and the others cost.
   */
  async rotateIndexKey(): Promise<void> {
    return needUsers(this.#operations.users).rotateIndexKey()
  }

  /** How often each event was emitted since this store was made: all types, also those that never were. */
  stats(): SessionStats {
    return { ...this.#counts }
  }

  /** For express-session: turns data from {@link get} into `request.session`. */
  createSession<S = object>(request: object, session: object): S {
    const { states } = this.#operations
    const state = states.carriedBy(session)
    const created = this.#express.create(this.generate, request, session)
    if (state !== undefined) states.attach(created, state)
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
}

function asListed<S>({ id, session }: ListedContent): S {
  return { ...session, id } as unknown as S
}

/** Either takes the place of the one argument: frameworks give a callback. */
function parted<T>(first: Callback<T> | ListingOptions | undefined) {
  return typeof first === 'function' ? { callback: first, options: undefined } : { callback: undefined, options: first }
}
