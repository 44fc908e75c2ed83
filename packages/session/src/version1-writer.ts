import type { Envelope } from '@waxseal/core'
import type { EncryptedSessionRecord } from '@waxseal/core/version1'
import type { Deadlines, StopSignal } from './deadlines.ts'
import { expiryOf, isPersistent } from './expiry.ts'
import type { LoadedRow, LoadState, UnsettledWrite } from './load-state.ts'
import type { SessionSnapshot } from './session-content.ts'
import { asSnapshot } from './session-reader.ts'
import { firstRevision } from './session-revision.ts'
import type { SessionRow, WriteOutcome } from './session-row.ts'
import {
  asLoaded,
  checkSize,
  isStored,
  type SessionTarget,
  type SessionWrite,
  SessionWriter,
  settling,
  type WriterParts,
} from './session-writer.ts'
import type { Version1Parts, Version1Policy } from './version1-options.ts'
import { isItemKey, openItem, toPlaintext } from './version1-session.ts'
import type { Removal, Version1Table } from './version1-table.ts'

/** A write of which something is known already: the item that it goes over, and what the app's object holds. */
interface ItemWrite extends SessionWrite {
  readonly over?: LoadedRow
  /** Only over what is known of the item; otherwise over whatever stands there. */
  readonly exactly?: boolean
  /** Where the app's object does not hold the whole snapshot. */
  readonly base?: SessionSnapshot
}

/** What a promotion is part of. */
interface Promotion {
  /** Of a write, whose outcome it keeps. */
  readonly state?: LoadState
  /** Where it does not follow from the cookie, in milliseconds since the epoch. */
  readonly expiresAt?: number
  /** For what must be done even where the caller's time is over. */
  readonly deadlines: Deadlines
}

/** What became of a write, and what is known of the session if it came about. */
interface Attempt {
  readonly written: boolean
  readonly after: LoadedRow
  /** The row that another process made first. */
  readonly current?: SessionRow | undefined
}

/**
 * Writes sessions of both versions. Those that were read from an item of version 1 become rows of version 2, or, while
 * version 1 is still written, stay items; in either case only as long as the item was not taken away by a sign-out.
 */
export class Version1Writer extends SessionWriter {
  readonly #items: Version1Table
  readonly #envelope: Envelope
  readonly #policy: Version1Policy
  readonly #deadlines: Deadlines
  readonly #upgradeDeadlines: Deadlines

  constructor(parts: WriterParts & Version1Parts, deadlines: Deadlines, upgradeDeadlines: Deadlines) {
    super(parts)
    this.#items = parts.items
    this.#envelope = parts.envelope
    this.#policy = parts.policy
    this.#deadlines = deadlines
    this.#upgradeDeadlines = upgradeDeadlines
  }

  override async write(write: SessionWrite, state: LoadState | undefined, signal: StopSignal): Promise<boolean> {
    if (state === undefined) return this.#writeAnew(write, signal)
    return state.row.version1Tag === undefined
      ? super.write(write, state, signal)
      : this.#writeLoaded(write, state, signal)
  }

  override async touch(
    target: SessionTarget,
    state: LoadState,
    cookie: SessionSnapshot['cookie'],
    signal: StopSignal,
  ): Promise<boolean> {
    const { unsettled, version1Tag } = state.row
    if (version1Tag === undefined) return super.touch(target, state, cookie, signal)
    const expiresAt = this.dueExpiry(state, cookie)
    if (expiresAt === undefined) return true
    // Older code under Fastify goes by the date in the cookie, so that moving `ttl` alone would sign the user out.
    if (this.#policy.writes && !(cookie !== undefined && isPersistent(cookie))) {
      const moved = await this.#items.extend(target.id, toTtl(expiresAt), this.clock.now(), signal)
      if (moved) state.update({ ...state.row, expiresAt })
    } else if (unsettled === undefined) {
      await this.rewrite(target, state, cookie, signal)
    }
    return true
  }

  /** Makes the session that was read a row of version 2, with the same content and expiry. */
  async upgrade(target: SessionTarget, state: LoadState, signal: StopSignal): Promise<void> {
    const { row: over } = state
    if (over.unsettled !== undefined) return
    const write = { ...target, operation: 'touch', snapshot: over.base, over, exactly: true } as const
    const how = { expiresAt: over.expiresAt, deadlines: this.#upgradeDeadlines }
    const attempt = await this.#promote(write, signal, how)
    if (attempt === undefined) return
    if (attempt.written) return state.update(attempt.after)
    // Another process was faster: later writes are of what the app changes in what this one has read.
    if (attempt.current !== undefined) state.update(await this.meet(attempt.current, over, write))
  }

  /** Removes both versions. */
  override async destroy(key: string, id: string, signal: StopSignal): Promise<void> {
    // The item first: without it no upgrade that is under way can succeed.
    await this.destroyBeside(id, signal)
    await super.destroy(key, id, signal)
  }

  /** The item of version 1, beside a row where an upgrade stopped half-way. */
  override async destroyBeside(id: string, signal: StopSignal): Promise<void> {
    if (isItemKey(id)) await this.#items.remove(id, undefined, signal)
  }

  /** A session that was not loaded: of version 1 while that is written, unless it has a row of version 2. */
  async #writeAnew(write: SessionWrite, signal: StopSignal): Promise<boolean> {
    if (this.#policy.writes && isItemKey(write.id)) {
      const hasRow = async () => (await this.#items.get(write.key, write.id, signal)).row !== undefined
      const attempt = (await hasRow()) ? undefined : await this.#put(write, signal)
      // Looked for again: beside the row of an upgrade that came in between, an item is never read.
      if (attempt?.written && !(await hasRow())) return this.remember(write, attempt.after)
      if (signal.aborted) return false
    }
    return super.write(write, undefined, signal)
  }

  /** Over the item that was loaded or, as the policy has it, over what stands in its place by now. */
  async #writeLoaded(write: SessionWrite, state: LoadState, signal: StopSignal): Promise<boolean> {
    let over = state.row
    for (;;) {
      const { snapshot, effect } = this.conflicts.resolve(over.base, write.snapshot, over.stored)
      const lastWins = this.conflicts.policy === 'lastWriteWins' && snapshot.content !== over.stored.content
      const resolved = { ...write, snapshot, base: write.snapshot, over, exactly: !lastWins }
      const attempt = this.#policy.writes
        ? await this.#put(resolved, signal, state)
        : await this.#promote(resolved, signal, { state, deadlines: this.#deadlines })
      if (attempt?.written) {
        if (effect !== undefined && over !== state.row) this.report(effect, write.operation, write.key)
        return this.remember(write, attempt.after)
      }
      if (attempt === undefined || signal.aborted) return false
      const now = this.clock.now()
      const { current } = attempt
      const both = current === undefined ? await this.#items.get(write.key, write.id, signal) : undefined
      const { row = current, item } = both ?? {}
      if (row !== undefined) return row.expiresAt > now && this.update(write, state, row, signal)
      if (item === undefined || !this.#policy.accepts || item.ttl * 1000 <= now) return false
      // An answer was lost, and the client repeated the call.
      if (item.authTag === attempt.after.version1Tag) return this.remember(write, attempt.after)
      over = await this.#meetItem(item, over, write)
    }
  }

  #meetItem(item: EncryptedSessionRecord, known: LoadedRow, write: SessionWrite): Promise<LoadedRow> {
    const version1Tag = item.authTag
    const { createdAt, absoluteExpiresAt, revision } = known
    const expiresAt = Math.min(item.ttl * 1000, absoluteExpiresAt)
    const open = async () => {
      const stored = asSnapshot(await openItem(this.#envelope, item))
      return { revision, createdAt, absoluteExpiresAt, expiresAt, stored, version1Tag }
    }
    const isOwn = ({ after }: UnsettledWrite) => after.version1Tag === version1Tag
    return this.goOn(known, { isOwn, open, unopened: { version1Tag, expiresAt } }, write)
  }

  /** Writes an item: over the loaded one, if there is one. */
  async #put(write: ItemWrite, signal: StopSignal, state?: LoadState): Promise<Attempt | undefined> {
    const { id, key, snapshot, base = snapshot, over, exactly } = write
    const now = this.clock.now()
    const life = this.newLife(now)
    const expiresAt = expiryOf(snapshot.cookie, life.absoluteExpiresAt, now, this.rules)
    const plaintext = toPlaintext(snapshot)
    checkSize(Buffer.byteLength(plaintext), this.#items.maxPlaintextBytes)
    const encrypted = await this.#envelope.sealVersion1(plaintext)
    if (signal.aborted) return undefined
    const item = { sessionId: id, ...encrypted, ttl: toTtl(expiresAt), version: 1 } as const
    const loaded = over && { aliveAt: now, authTag: exactly ? over.version1Tag : undefined }
    const after = { ...life, revision: 0, expiresAt, base, stored: snapshot, version1Tag: item.authTag }
    const { written, replaced } = await settling(state, { after }, () => this.#items.put(item, loaded, signal))
    const expected: readonly unknown[] = [undefined, over?.version1Tag, item.authTag]
    if (written && !expected.includes(replaced)) this.report('overwritten', write.operation, key)
    return { written, after }
  }

  /**
   * Inserts the row, then removes the item. In this order a crash in between loses nothing. An item that is gone by then
   * was taken away by a sign-out, and the row goes as well, whatever has been written to it since; so it does, as it was
   * inserted, if `exactly` is asked for and the item is another.
   */
  async #promote(
    write: ItemWrite & { readonly over: LoadedRow },
    signal: StopSignal,
    { state, expiresAt, deadlines }: Promotion,
  ): Promise<Attempt | undefined> {
    const { snapshot, base = snapshot, over, exactly } = write
    const now = this.clock.now()
    // The insert knows nothing of the item: it would give a session that has ended meanwhile a new life.
    if (over.expiresAt <= now) return undefined
    const row = await this.seal(write, over, now, signal, expiresAt)
    if (signal.aborted) return undefined
    const revision = firstRevision()
    const after = asLoaded(row, revision, base, snapshot)
    return settling(state, { record: row.stored.record, after }, async () => {
      const outcome = await this.#insertRow(write, { ...row.stored, revision }, now, signal, deadlines)
      // The user's sessions were ended while it was under way: the item is one of them.
      if (outcome.signedOut) {
        await deadlines.run((ownSignal) => this.#items.remove(write.id, undefined, ownSignal))
        return undefined
      }
      if (!isStored(outcome, row)) return { written: false, after, current: outcome.current }
      // Within a time of its own: the caller's may be over, and a session that was signed out must not come back.
      const written = await deadlines.run(async (ownSignal) => {
        const removal = await this.#removeItem(write, over.version1Tag, exactly, ownSignal)
        if (removal === 'absent') await this.table.delete(write.key, ownSignal)
        if (removal === 'changed') await this.#items.removeRow(row.stored, ownSignal)
        return removal === 'removed' || removal === 'unknown'
      })
      if (written) this.report('version1-upgraded', 'upgrade', write.key)
      return { written, after }
    })
  }

  async #insertRow(
    write: SessionWrite,
    row: SessionRow,
    now: number,
    signal: StopSignal,
    deadlines: Deadlines,
  ): Promise<WriteOutcome> {
    try {
      return await this.table.insert(row, now, signal)
    } catch (error) {
      // It may have come about all the same. Beside no item it would be a session that was signed out.
      const takeBack = async (ownSignal: StopSignal) => {
        if (!(await this.#isThere(write, ownSignal))) await this.#items.removeRow(row, ownSignal)
      }
      await deadlines.run(takeBack).catch(() => {})
      throw error
    }
  }

  async #removeItem(
    target: SessionTarget,
    tag: string | undefined,
    exactly: boolean | undefined,
    signal: StopSignal,
  ): Promise<Removal> {
    // Once it is seen beside the row, a sign-out takes the row as well, so that it does not matter who has removed it.
    if (!(await this.#isThere(target, signal))) return 'absent'
    const removal = await this.#items.remove(target.id, tag, signal)
    if (removal !== 'changed' || exactly) return removal
    this.report('overwritten', 'set', target.key)
    return this.#items.remove(target.id, undefined, signal)
  }

  async #isThere({ key, id }: SessionTarget, signal: StopSignal): Promise<boolean> {
    const { item } = await this.#items.get(key, id, signal)
    return item !== undefined
  }
}

/** Whole seconds, never before the expiry itself. */
function toTtl(expiresAt: number): number {
  return Math.ceil(expiresAt / 1000)
}
