import { setMaxListeners } from 'node:events'
import { type Clock, WaxsealError, WaxsealTypeError } from '@waxseal/core'
import type { ReportEvent } from './events.ts'
import type { ExpiryRules } from './expiry.ts'
import type { IndexKeys } from './index-keys.ts'
import { mapInOrder } from './map-in-order.ts'
import type { SessionOptions } from './options.ts'
import type { SealedSession } from './sealed-session.ts'
import { sessionKey } from './session-id.ts'
import type { Attempt } from './session-listing.ts'
import type { SessionReader } from './session-reader.ts'
import type { RowPage, SessionRow } from './session-row.ts'
import type { SessionTable } from './session-table.ts'
import type { SessionWriter } from './session-writer.ts'
import { checkUserId, labelOf, type UserIdOption, userIdOf } from './user-id.ts'

/** One of a user's sessions, as `sessionsOf` shows it. */
export interface UserSession {
  /** The row's key, a hash of the session id: names the session to `destroyOneOf`, and is no session id. */
  readonly key: string
  readonly createdAt: Date
  /** When it was last seen, or up to `touchAfterSeconds` before; with a fixed expiry when it was created. */
  readonly lastSeenAt: Date
  readonly expiresAt: Date
  /** What the option `label` says of it. */
  readonly label?: string
}

export interface UserSessionsParts {
  readonly table: SessionTable
  readonly reader: SessionReader
  readonly writer: SessionWriter
  readonly indexKeys: IndexKeys
  readonly userId: UserIdOption
  readonly label: SessionOptions['label']
  readonly rules: ExpiryRules
  readonly clock: Clock
  readonly report: ReportEvent
  readonly attempt: Attempt
}

/** Rows opened at a time: each may have to wait for the key service. */
const OPENINGS = 16

/** A row of the user's tag. Its tag may be forged: what was sealed says whose it is, where it can be opened. */
interface FoundRow {
  readonly row: SessionRow
  readonly sealed: SealedSession | undefined
  readonly isForeign: boolean
}

/** The sessions of one user; each call of the table and each opening within a deadline of its own. */
export class UserSessions {
  readonly #parts: UserSessionsParts

  constructor(parts: UserSessionsParts) {
    this.#parts = parts
  }

  /** Those that are alive, last seen first. */
  async list(userId: unknown): Promise<UserSession[]> {
    const operation = 'sessionsOf'
    const user = checkUserId(userId)
    // By key: a session may move from one tag to the next in between.
    const found = new Map<string, UserSession>()
    for await (const tag of this.#tagsOf(user, operation)) {
      for await (const { row, sealed, isForeign } of this.#rows(tag, user, operation)) {
        if (sealed !== undefined && !isForeign) found.set(row.key, this.#describe(row, sealed))
      }
    }
    return [...found.values()].sort((a, b) => b.lastSeenAt.getTime() - a.lastSeenAt.getTime())
  }

  /** `except`: the ids of sessions that stay. */
  async destroyAll(operation: string, userId: unknown, except: readonly unknown[]): Promise<number> {
    const user = checkUserId(userId)
    const kept = except.map((id) => sessionKey(id))
    let removed = 0
    for await (const tag of this.#tagsOf(user, operation)) removed += await this.#destroy(tag, user, operation, kept)
    return removed
  }

  async destroyOne(userId: unknown, key: unknown): Promise<boolean> {
    const operation = 'destroyOneOf'
    const user = checkUserId(userId)
    const { table, clock, attempt } = this.#parts
    // Comes from a form, as a rule.
    if (typeof key !== 'string' || !/^[\w-]{43}$/.test(key)) return false
    const row = await attempt(operation, key, (signal) => table.get(key, signal))
    const found = row && (await this.#open(row, user, operation))
    if (found === undefined || found.isForeign) return false
    await this.#destroyBeside(found, operation)
    let removed = 0
    for await (const tag of this.#tagsOf(user, operation)) {
      removed += await attempt(operation, key, (signal) => table.deleteUser(tag, { only: [key] }, clock.now(), signal))
    }
    return removed > 0
  }

  rotateIndexKey(): Promise<void> {
    const { attempt, indexKeys } = this.#parts
    return attempt('rotateIndexKey', undefined, (signal) => indexKeys.rotate(signal))
  }

  /**
   * From the oldest key to the newest, the way in which rows move, so that each row is met. All of them once more where a
   * key has come meanwhile: a row may have moved to it before its turn. Logins alone do not prolong it.
   */
  async *#tagsOf(user: string, operation: string): AsyncGenerator<string, void, undefined> {
    const { attempt, indexKeys } = this.#parts
    let past: string[] = []
    for (;;) {
      const tags = await attempt(operation, undefined, (signal) => indexKeys.tagsOf(user, signal))
      if (tags.every((tag) => past.includes(tag))) return
      yield* tags
      past = tags
    }
  }

  /** Also where no row is found: a write that is under way must find out. */
  async #destroy(tag: string, user: string, operation: string, kept: readonly string[]): Promise<number> {
    const { table, clock, attempt } = this.#parts
    const except = [...kept]
    const destroyBeside = async (found: FoundRow, ending: AbortController) => {
      if (!found.isForeign && !kept.includes(found.row.key)) await this.#destroyBeside(found, operation, ending)
    }
    for await (const { row, isForeign } of this.#rows(tag, user, operation, destroyBeside)) {
      if (isForeign) except.push(row.key)
    }
    return attempt(operation, undefined, (signal) => table.deleteUser(tag, { except }, clock.now(), signal))
  }

  /** Before the row: an item of version 1 that was left beside it would be the session again. */
  async #destroyBeside({ row, sealed }: FoundRow, operation: string, ending?: AbortController): Promise<void> {
    const { writer, attempt } = this.#parts
    if (sealed === undefined) return
    await attempt(operation, row.key, (signal) => writer.destroyBeside(sealed.id, signal), ending)
  }

  async *#rows(
    tag: string,
    user: string,
    operation: string,
    each: (found: FoundRow, ending: AbortController) => Promise<void> = async () => {},
  ): AsyncGenerator<FoundRow, void, undefined> {
    const { table, attempt } = this.#parts
    const ending = new AbortController()
    // As many as are opened at a time, which Node takes for a leak.
    setMaxListeners(0, ending.signal)
    let next: unknown
    do {
      const page: RowPage = await attempt(operation, undefined, (signal) => table.listUser(tag, next, signal))
      yield* mapInOrder(page.rows, OPENINGS, async (row) => {
        const found = await this.#open(row, user, operation, ending)
        await each(found, ending)
        return found
      })
      next = page.next
    } while (next !== undefined)
  }

  async #open(row: SessionRow, user: string, operation: string, ending?: AbortController): Promise<FoundRow> {
    const { userId, attempt } = this.#parts
    const sealed = await attempt(operation, row.key, () => this.#contentOf(row, operation), ending)
    return { row, sealed, isForeign: sealed !== undefined && !mayBeOf(user, sealed, userId) }
  }

  /** A row whose key is denied goes by its tag, as any that cannot be read: it must not keep the others from being ended. */
  async #contentOf(row: SessionRow, operation: string): Promise<SealedSession | undefined> {
    const { reader, report } = this.#parts
    try {
      return await reader.open(row, operation)
    } catch (error) {
      // An outage passes, and is an error: the call can be repeated.
      if (!(error instanceof WaxsealError) || error.code !== 'ERR_WAXSEAL_KEY_DENIED') throw error
      report('unreadable', operation, row.key, { code: error.code })
      return undefined
    }
  }

  #describe({ key, expiresAt }: SessionRow, sealed: SealedSession): UserSession {
    const { label: option, rules, clock } = this.#parts
    const { session, createdAt, absoluteExpiresAt } = sealed
    const end = Math.min(expiresAt, absoluteExpiresAt)
    const { originalMaxAge, expires } = session.cookie ?? {}
    // Express keeps the life that the app gave the cookie; a date without one does not move.
    const idleLife = originalMaxAge ?? (expires ? end - createdAt : rules.ttlSeconds * 1000)
    const lastSeen = Math.max(createdAt, Math.min(end - idleLife, clock.now()))
    const label = option && labelOf(session, option)
    return {
      key,
      createdAt: new Date(createdAt),
      lastSeenAt: new Date(lastSeen),
      expiresAt: new Date(end),
      ...(label !== undefined && { label }),
    }
  }
}

/** A session that the option can no longer tell is still the user's, as it could when the row got its tag. */
function mayBeOf(user: string, { session }: SealedSession, userId: UserIdOption): boolean {
  try {
    return userIdOf(session, userId) === user
  } catch {
    return true
  }
}

/** Throws `ERR_WAXSEAL_ARGUMENT` where the store has no option `userId`. */
export function needUsers(users: UserSessions | undefined): UserSessions {
  if (users !== undefined) return users
  throw new WaxsealTypeError('ERR_WAXSEAL_ARGUMENT', 'The sessions of a user are found by the option userId: set it')
}
