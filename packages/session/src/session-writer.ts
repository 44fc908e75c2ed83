import { type Clock, WaxsealError } from '@waxseal/core'
import type { ConflictRules } from './conflict.ts'
import type { StopSignal } from './deadlines.ts'
import type { ReportEvent } from './events.ts'
import { type ExpiryRules, expiryOf, touchIsDue } from './expiry.ts'
import { type LoadedRow, LoadState, type LoadStates, type UnsettledWrite } from './load-state.ts'
import { isUnreadable, type SessionSealer } from './sealed-session.ts'
import { beginAnew, type SessionSnapshot, sameCookie } from './session-content.ts'
import { asSnapshot, knownOf } from './session-reader.ts'
import { firstRevision, isSameLife } from './session-revision.ts'
import type { SessionRow, WriteOutcome } from './session-row.ts'
import type { SessionTable } from './session-table.ts'
import type { UserTags } from './user-tags.ts'

/** One session, and the app's object for it. */
export interface SessionTarget {
  readonly key: string
  readonly id: string
  /** Carries the load state, and gets one when it had none. */
  readonly session: object
}

/** Everything that a write of one session needs. */
export interface SessionWrite extends SessionTarget {
  readonly operation: 'set' | 'touch'
  readonly snapshot: SessionSnapshot
}

/** What a writer works with. */
export interface WriterParts {
  readonly table: SessionTable
  readonly sealer: SessionSealer
  readonly states: LoadStates
  readonly rules: ExpiryRules
  readonly conflicts: ConflictRules
  readonly clock: Clock
  readonly report: ReportEvent
  /** Where the store has the option `userId`. */
  readonly userTags?: UserTags | undefined
}

/**
 * The rules of writing. A session that was loaded is written only while its row still exists, so that a logout is
 * final, and over a newer state of it as the conflict policy says; a session that was not loaded is inserted, and over
 * a live row the last write wins.
 */
export class SessionWriter {
  protected readonly table: SessionTable
  protected readonly rules: ExpiryRules
  protected readonly conflicts: ConflictRules
  protected readonly clock: Clock
  protected readonly report: ReportEvent
  readonly #sealer: SessionSealer
  readonly #states: LoadStates
  readonly #userTags: UserTags | undefined

  constructor({ table, sealer, states, rules, conflicts, clock, report, userTags }: WriterParts) {
    this.table = table
    this.rules = rules
    this.conflicts = conflicts
    this.clock = clock
    this.report = report
    this.#sealer = sealer
    this.#states = states
    this.#userTags = userTags
  }

  /** Whether the app has changed nothing, and the row surely says so; the running expiry of the cookie is no change. */
  isSame(state: LoadState, { content, cookie }: SessionSnapshot): boolean {
    const { base, unsettled } = state.row
    return unsettled === undefined && content === base.content && !this.isOtherCookie(state, cookie)
  }

  /** Whether the app changed the cookie: one of its attributes, or its expiry to a nearer one. */
  isOtherCookie({ row }: LoadState, cookie: SessionSnapshot['cookie']): boolean {
    if (row.unsettled !== undefined) return false
    if (!sameCookie(cookie, row.base.cookie)) return true
    const now = this.clock.now()
    const expiresAt = expiryOf(cookie, row.absoluteExpiresAt, now, this.rules)
    // The clock of the server that wrote the row may be ahead of ours, by which one life from now ends sooner.
    const oneLife = expiryOf({ ...row.base.cookie, expires: null }, row.absoluteExpiresAt, now, this.rules)
    return expiresAt < Math.min(row.expiresAt, oneLife) - TOLERANCE
  }

  /** The expiry to which the row should be moved, or `undefined` while the stored one is near enough. */
  dueExpiry({ row }: LoadState, cookie: SessionSnapshot['cookie']): number | undefined {
    const now = this.clock.now()
    // Where another request has given the session another life, that counts, and not the one the app's object still has.
    const { base, stored } = row
    const inForce = sameCookie(base.cookie, stored.cookie) ? cookie : beginAnew(stored.cookie)
    const expiresAt = expiryOf(inForce, row.absoluteExpiresAt, now, this.rules)
    return touchIsDue(row, expiresAt, now, this.rules) ? expiresAt : undefined
  }

  /**
   * Postpones the expiry if that is due; by writing the row anew where the tag of its user is not there or is old.
   * `false` where the row is no longer as the state has it.
   */
  async touch(
    target: SessionTarget,
    state: LoadState,
    cookie: SessionSnapshot['cookie'],
    signal: StopSignal,
  ): Promise<boolean> {
    const expiresAt = this.dueExpiry(state, cookie)
    if (expiresAt === undefined) return true
    const { stored, userTag, unsettled } = state.row
    const userTags = unsettled === undefined ? this.#userTags : undefined
    if (userTags !== undefined && (await userTags.tagOf(stored, userTag, signal)) !== userTag) {
      return this.rewrite(target, state, cookie, signal)
    }
    const moved = await this.table.extend(target.key, expiresAt, state.row, this.clock.now(), signal)
    if (moved) state.update({ ...state.row, expiresAt })
    return moved
  }

  /** Stores the snapshot; `false` when the session was loaded (`state`) and its row is gone or has expired. */
  async write(write: SessionWrite, state: LoadState | undefined, signal: StopSignal): Promise<boolean> {
    return state === undefined ? this.#insert(write, signal) : this.update(write, state, undefined, signal)
  }

  /**
   * Writes the row anew with this cookie and the content that it has: a touch takes no content back. Not while an earlier
   * write is unsettled, since which content the row has is not known then.
   */
  async rewrite(
    target: SessionTarget,
    state: LoadState,
    cookie: SessionSnapshot['cookie'],
    signal: StopSignal,
  ): Promise<boolean> {
    const { content } = state.row.base
    return this.write({ ...target, operation: 'touch', snapshot: { content, cookie } }, state, signal)
  }

  /** Removes the row; not an error when there is none. */
  destroy(key: string, _id: string, signal: StopSignal): Promise<void> {
    return this.table.delete(key, signal)
  }

  /** Removes what may come to light once the session's row is removed. */
  async destroyBeside(_id: string, _signal: StopSignal): Promise<void> {}

  async #insert(write: SessionWrite, signal: StopSignal): Promise<boolean> {
    const { snapshot } = write
    let inTheWay: SessionRow | undefined
    for (;;) {
      const now = this.clock.now()
      const { revision, ...life } = (inTheWay && (await this.#nextOf(inTheWay, now))) ?? this.newLife(now)
      const row = await this.seal(write, life, now, signal)
      // The key service may have taken all the time there was.
      if (signal.aborted) return false
      const stored = { ...row.stored, revision }
      const outcome = await (inTheWay === undefined
        ? this.table.insert(stored, now, signal)
        : this.table.update(stored, inTheWay, now, signal))
      if (isStored(outcome, row)) {
        if (inTheWay !== undefined) this.report('overwritten', write.operation, write.key)
        return this.remember(write, asLoaded(row, revision, snapshot, snapshot))
      }
      if (outcome.signedOut) {
        // Frameworks save the object once more at the end of the request: by then it is a session that has ended.
        const nothing = { ...snapshot, content: '{}' }
        this.remember(write, asLoaded(row, revision, nothing, nothing))
        return false
      }
      if (signal.aborted) return false
      inTheWay = outcome.current !== undefined && outcome.current.expiresAt > now ? outcome.current : undefined
    }
  }

  /** Stores the app's changes over the row as it was loaded, or, as the policy has it, over the one that is `inTheWay`. */
  protected async update(
    write: SessionWrite,
    state: LoadState,
    inTheWay: SessionRow | undefined,
    signal: StopSignal,
  ): Promise<boolean> {
    let over = inTheWay === undefined ? state.row : await this.meet(inTheWay, state.row, write)
    for (;;) {
      const now = this.clock.now()
      const { snapshot, effect } = this.conflicts.resolve(over.base, write.snapshot, over.stored)
      const row = await this.seal({ ...write, snapshot }, over, now, signal)
      if (signal.aborted) return false
      const revision = over.revision + 1
      const after = asLoaded(row, revision, write.snapshot, snapshot)
      const call = () => this.table.update({ ...row.stored, revision }, over, now, signal)
      const outcome = await settling(state, { record: row.stored.record, after }, call)
      if (isStored(outcome, row)) {
        // What was merged once stays in later writes of the same object: these are not counted again.
        const isNews = effect === 'overwritten' || over !== state.row
        if (effect !== undefined && isNews) this.report(effect, write.operation, write.key)
        return this.remember(write, after)
      }
      const { current } = outcome
      if (current === undefined || current.expiresAt <= now || !isSameLife(current, over)) return false
      if (signal.aborted) return false
      over = await this.meet(current, over, write)
    }
  }

  /** As {@link goOn}, where a row of version 2 stands in the way. */
  protected meet(current: SessionRow, known: LoadedRow, write: SessionWrite): Promise<LoadedRow> {
    const { key, record, revision, userTag } = current
    const open = async () => {
      const sealed = await this.#sealer.open(key, record)
      return { ...knownOf(current, sealed), stored: asSnapshot(sealed.session) }
    }
    const isOwn = (unsettled: UnsettledWrite) =>
      unsettled.record !== undefined && isSameRecord(record, unsettled.record)
    return this.goOn(known, { isOwn, open, unopened: { revision, userTag } }, write)
  }

  /** What to go on from, now that something else stands where `known` was. */
  protected async goOn(
    known: LoadedRow,
    { isOwn, open, unopened }: Obstacle,
    { key, operation }: SessionWrite,
  ): Promise<LoadedRow> {
    const { base, unsettled } = known
    const own = unsettled?.find(isOwn)
    if (own !== undefined) return own.after
    const lastWins = this.conflicts.policy === 'lastWriteWins'
    if (unsettled !== undefined && !lastWins) {
      throw this.conflicts.conflict('another request has changed it, after a write whose answer was lost')
    }
    try {
      const theirs = await open()
      // What the app has changed since a write of unknown outcome cannot be told: the last write wins as a whole.
      return { ...theirs, base: unsettled === undefined ? base : theirs.stored }
    } catch (error) {
      if (!isUnreadable(error)) throw error
      this.report('unreadable', operation, key, { code: error.code })
      // Another process may be able to read it, under a key or a version that this one does not know.
      if (!lastWins) throw this.conflicts.conflict('another request has changed it, and what it stored cannot be read')
      return { ...known, ...unopened, unsettled: undefined }
    }
  }

  /** `expiresAt`: in milliseconds since the epoch, where it does not follow from the cookie. */
  protected async seal(
    { key, id, snapshot }: SessionWrite,
    { createdAt, absoluteExpiresAt, userTag: standing }: Life,
    now: number,
    signal: StopSignal,
    expiresAt: number = expiryOf(snapshot.cookie, absoluteExpiresAt, now, this.rules),
  ): Promise<SealedRow> {
    const limit = this.table.maxRecordBytes
    checkSize(Buffer.byteLength(snapshot.content) + JSON.stringify(snapshot.cookie ?? '').length, limit)
    const userTag = await this.#userTags?.tagOf(snapshot, standing, signal)
    const { record, kid } = await this.#sealer.seal(key, { id, createdAt, absoluteExpiresAt }, snapshot)
    checkSize(record.length, limit)
    const ofUser = userTag !== undefined && { userTag, absoluteExpiresAt }
    return { stored: { key, record, expiresAt, kid, ...ofUser }, createdAt, absoluteExpiresAt }
  }

  protected newLife(now: number): NextLife {
    const absoluteExpiresAt = Math.floor(now + this.rules.maxLifetimeSeconds * 1000)
    return { createdAt: now, absoluteExpiresAt, revision: firstRevision() }
  }

  /** How a live row goes on that is written without having been loaded: in the life that it has, if it has one. */
  async #nextOf({ key, record, revision, userTag }: SessionRow, now: number): Promise<NextLife | undefined> {
    try {
      const { createdAt, absoluteExpiresAt } = await this.#sealer.open(key, record)
      return absoluteExpiresAt > now ? { createdAt, absoluteExpiresAt, userTag, revision: revision + 1 } : undefined
    } catch (error) {
      if (!isUnreadable(error)) throw error
      return undefined
    }
  }

  protected remember({ key, session }: SessionTarget, loaded: LoadedRow): true {
    const state = this.#states.find(session, key)
    if (state === undefined) this.#states.attach(session, new LoadState(key, loaded))
    else state.update(loaded)
    return true
  }
}

/** What stands in the way of a write. */
interface Obstacle {
  readonly isOwn: (unsettled: UnsettledWrite) => boolean
  readonly open: () => Promise<Omit<LoadedRow, 'base'>>
  /** What is known of it without opening it. */
  readonly unopened: Partial<LoadedRow>
}

/** In milliseconds. A nearer expiry is the app's doing, unless the cookie was dated when a long request began. */
const TOLERANCE = 60_000

export interface Life {
  readonly createdAt: number
  readonly absoluteExpiresAt: number
  /** What the row carries that is written over. */
  readonly userTag?: string | undefined
}

/** A life, and the revision of the next row in it. */
interface NextLife extends Life {
  readonly revision: number
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
export function isStored({ written, current }: WriteOutcome, { stored }: SealedRow): boolean {
  return written || (current !== undefined && isSameRecord(current.record, stored.record))
}

function isSameRecord(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

/** What is known of a row once it is stored. `base` is what the app's object held. */
export function asLoaded(
  { stored: { expiresAt, userTag }, createdAt, absoluteExpiresAt }: SealedRow,
  revision: number,
  base: SessionSnapshot,
  stored: SessionSnapshot,
): LoadedRow {
  return { revision, userTag, expiresAt, createdAt, absoluteExpiresAt, base, stored }
}

/** More would grow with an outage for as long as an app holds the object and tries again. */
const MOST_UNSETTLED = 10

/** Where a call fails that was to store something, the state says that this may have come about all the same. */
export async function settling<T>(
  state: LoadState | undefined,
  unsettled: UnsettledWrite,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call()
  } catch (error) {
    const before = state?.row.unsettled ?? []
    state?.update({ ...state.row, unsettled: [...before, unsettled].slice(-MOST_UNSETTLED) })
    throw error
  }
}
