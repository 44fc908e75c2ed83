import type { Envelope } from '@waxseal/core'
import type { Deadlines, StopSignal } from './deadlines.ts'
import { expiryOf, isPersistent } from './expiry.ts'
import type { LoadedRow, LoadState } from './load-state.ts'
import type { SessionSnapshot } from './session-content.ts'
import type { SessionRow, WriteOutcome } from './session-row.ts'
import {
  asLoaded,
  checkSize,
  FIRST_REVISION,
  isStored,
  type SealedRow,
  type SessionTarget,
  type SessionWrite,
  SessionWriter,
  type WriterParts,
} from './session-writer.ts'
import type { Version1Parts, Version1Policy } from './version1-options.ts'
import { isItemKey, toPlaintext } from './version1-session.ts'
import type { Removal, Version1Table } from './version1-table.ts'

/** What a promotion comes to: the new row, the row that another process made first, or nothing: signed out, or changed. */
type Promotion = { readonly stored: LoadedRow } | { readonly current: SessionRow } | undefined

/**
 * Writes sessions of both versions. Those that were read from an item of version 1 become rows of version 2, or, while
 * version 1 is still written, stay items; in either case only as long as the item was not taken away by a sign-out.
 */
export class Version1Writer extends SessionWriter {
  readonly #items: Version1Table
  readonly #envelope: Envelope
  readonly #policy: Version1Policy
  readonly #deadlines: Deadlines

  constructor(parts: WriterParts & Version1Parts, deadlines: Deadlines) {
    super(parts)
    this.#items = parts.items
    this.#envelope = parts.envelope
    this.#policy = parts.policy
    this.#deadlines = deadlines
  }

  override async write(write: SessionWrite, state: LoadState | undefined, signal: StopSignal): Promise<boolean> {
    if (state === undefined) return this.#writeAnew(write, signal)
    if (state.row.version1Tag === undefined) return super.write(write, state, signal)
    try {
      return await (this.#policy.writes
        ? this.#writeItemOver(write, state, signal)
        : this.#writeRowFor(write, state, signal))
    } catch (error) {
      // It may have been written all the same: no later set may be taken for unchanged.
      state.update({ ...state.row, snapshot: undefined })
      throw error
    }
  }

  override async replace(write: SessionWrite, state: LoadState, signal: StopSignal): Promise<boolean> {
    if (state.row.version1Tag === undefined) return super.replace(write, state, signal)
    const stored = await this.#replace(write, state, signal)
    return stored !== undefined && this.remember(write, stored)
  }

  override async touch(
    target: SessionTarget,
    state: LoadState,
    cookie: SessionSnapshot['cookie'],
    signal: StopSignal,
  ): Promise<void> {
    const { snapshot, version1Tag } = state.row
    if (version1Tag === undefined) return super.touch(target, state, cookie, signal)
    const expiresAt = this.dueExpiry(state, cookie)
    if (expiresAt === undefined) return
    // Older code under Fastify goes by the date in the cookie, so that moving `ttl` alone would sign the user out.
    if (this.#policy.writes && !(cookie !== undefined && isPersistent(cookie))) {
      const moved = await this.#items.extend(target.id, toTtl(expiresAt), this.clock.now(), signal)
      if (moved) state.update({ ...state.row, expiresAt })
    } else if (snapshot !== undefined) {
      const write = { ...target, snapshot: { content: snapshot.content, cookie } }
      const stored = await this.#replace(write, state, signal)
      if (stored !== undefined) state.update(stored)
    }
  }

  /** Makes the session that was read a row of version 2, with the same content and expiry. */
  async upgrade(target: SessionTarget, state: LoadState, signal: StopSignal): Promise<void> {
    const { expiresAt, snapshot } = state.row
    if (snapshot === undefined) return
    const promotion = await this.#promote({ ...target, snapshot }, state.row, true, signal, expiresAt)
    if (promotion === undefined) return
    if ('stored' in promotion) return state.update(promotion.stored)
    // Later writes are compared with what this process read, and counted as a conflict if that other one has gone on.
    const { version1Tag: _tag, ...row } = state.row
    const life = await this.lifeOf(promotion.current, this.clock.now())
    const newExpiry = Math.min(promotion.current.expiresAt, life.absoluteExpiresAt)
    state.update({ ...row, ...life, expiresAt: newExpiry, revision: FIRST_REVISION })
  }

  /** Removes both versions. */
  override async destroy(key: string, id: string, signal: StopSignal): Promise<void> {
    // The item first: without it no upgrade that is under way can succeed.
    if (isItemKey(id)) await this.#items.remove(id, undefined, signal)
    await super.destroy(key, id, signal)
  }

  /** A session that was not loaded: of version 1 while that is written, unless it has a row of version 2. */
  async #writeAnew(write: SessionWrite, signal: StopSignal): Promise<boolean> {
    if (this.#policy.writes && isItemKey(write.id)) {
      const { row } = await this.#items.get(write.key, write.id, signal)
      const stored = row === undefined ? await this.#put(write, undefined, false, signal) : undefined
      if (stored !== undefined) return this.remember(write, stored)
      if (signal.aborted) return false
    }
    return super.write(write, undefined, signal)
  }

  async #writeItemOver(write: SessionWrite, state: LoadState, signal: StopSignal): Promise<boolean> {
    const stored = await this.#put(write, state.row, false, signal)
    if (stored !== undefined) return this.remember(write, stored)
    if (signal.aborted) return false
    // Signed out, or upgraded by a process that does not write version 1.
    const current = await this.table.get(write.key, signal)
    return current !== undefined && this.overwrite(write, current, signal)
  }

  async #writeRowFor(write: SessionWrite, state: LoadState, signal: StopSignal): Promise<boolean> {
    const promotion = await this.#promote(write, state.row, false, signal)
    if (promotion === undefined) return false
    if ('stored' in promotion) return this.remember(write, promotion.stored)
    return this.overwrite(write, promotion.current, signal)
  }

  /** Stores the snapshot over exactly the item that was loaded; `undefined` when that has changed since or is gone. */
  async #replace(write: SessionWrite, { row }: LoadState, signal: StopSignal): Promise<LoadedRow | undefined> {
    if (this.#policy.writes) return this.#put(write, row, true, signal)
    const promotion = await this.#promote(write, row, true, signal)
    return promotion !== undefined && 'stored' in promotion ? promotion.stored : undefined
  }

  /** Writes an item; only over the loaded one, if there is one, and `exactly` only over what was read of it. */
  async #put(
    write: SessionWrite,
    loaded: LoadedRow | undefined,
    exactly: boolean,
    signal: StopSignal,
  ): Promise<LoadedRow | undefined> {
    const now = this.clock.now()
    const life = this.newLife(now)
    const expiresAt = expiryOf(write.snapshot.cookie, life.absoluteExpiresAt, now, this.rules)
    const plaintext = toPlaintext(write.snapshot)
    checkSize(Buffer.byteLength(plaintext), this.#items.maxPlaintextBytes)
    const encrypted = await this.#envelope.sealVersion1(plaintext)
    if (signal.aborted) return undefined
    const item = { sessionId: write.id, ...encrypted, ttl: toTtl(expiresAt), version: 1 } as const
    const over = loaded && { aliveAt: now, authTag: exactly ? loaded.version1Tag : undefined }
    const { written, replaced } = await this.#items.put(item, over, signal)
    if (!written) return undefined
    const expected: readonly unknown[] = [undefined, loaded?.version1Tag, item.authTag]
    if (!expected.includes(replaced)) this.report('overwritten', 'set', write.key)
    return { ...life, revision: 0, expiresAt, snapshot: write.snapshot, version1Tag: item.authTag }
  }

  /**
   * Inserts the row, then removes the item. In this order a crash in between loses nothing. An item that is gone by then
   * was taken away by a sign-out, and the row goes as well, whatever has been written to it since; so it does, as it was
   * inserted, if `exactly` is asked for and the item is another.
   */
  async #promote(
    write: SessionWrite,
    loaded: LoadedRow,
    exactly: boolean,
    signal: StopSignal,
    expiresAt?: number,
  ): Promise<Promotion> {
    const now = this.clock.now()
    // The insert knows nothing of the item: it would give a session that has ended meanwhile a new life.
    if (loaded.expiresAt <= now) return undefined
    const row = await this.seal(write, loaded, now, expiresAt)
    if (signal.aborted) return undefined
    const outcome = await this.#insertRow(write, row, now, signal)
    if (!isStored(outcome, row)) return outcome.current && { current: outcome.current }
    // Within a time of its own: the caller's may be over, and a session that was signed out must not come back.
    const upgraded = await this.#deadlines.run(async (ownSignal) => {
      const removal = await this.#removeItem(write, loaded.version1Tag, exactly, ownSignal)
      if (removal === 'absent') await this.table.delete(write.key, ownSignal)
      if (removal === 'changed') await this.#items.removeRow(row.stored, ownSignal)
      return removal === 'removed' || removal === 'unknown'
    })
    if (!upgraded) return undefined
    this.report('version1-upgraded', 'upgrade', write.key)
    return { stored: asLoaded(write, row, FIRST_REVISION) }
  }

  async #insertRow(write: SessionWrite, row: SealedRow, now: number, signal: StopSignal): Promise<WriteOutcome> {
    try {
      return await this.table.insert({ ...row.stored, revision: FIRST_REVISION }, now, signal)
    } catch (error) {
      // It may have come about all the same. Beside no item it would be a session that was signed out.
      const takeBack = async (ownSignal: StopSignal) => {
        if (!(await this.#isThere(write, ownSignal))) await this.#items.removeRow(row.stored, ownSignal)
      }
      await this.#deadlines.run(takeBack).catch(() => {})
      throw error
    }
  }

  async #removeItem(
    target: SessionTarget,
    tag: string | undefined,
    exactly: boolean,
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
