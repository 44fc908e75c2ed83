import type { Envelope } from '@waxseal/core'
import type { EncryptedSessionRecord } from '@waxseal/core/version1'
import type { StopSignal } from './deadlines.ts'
import { isPersistent } from './expiry.ts'
import { LoadState } from './load-state.ts'
import type { SealedSession } from './sealed-session.ts'
import { asSnapshot, type LoadedSession, loadedFrom, type ReaderParts, SessionReader } from './session-reader.ts'
import type { Version1Parts, Version1Policy } from './version1-options.ts'
import { isItemKey, openItem } from './version1-session.ts'
import type { Version1Table } from './version1-table.ts'
import type { Version1Writer } from './version1-writer.ts'

/**
 * How old an upgraded row must be before an item left beside it is removed, in milliseconds. An upgrade that finds its
 * item gone takes that for a sign-out, so nobody may remove the item of one that is still under way, not even a process
 * whose clock is ten minutes ahead.
 */
const UPGRADE_IS_OVER = 900_000

/** Reads sessions of both versions. A row of version 2 always wins, whatever stands in it. */
export class Version1Reader extends SessionReader {
  readonly #items: Version1Table
  readonly #envelope: Envelope
  readonly #policy: Version1Policy
  readonly #writer: Version1Writer
  readonly #maxLifetime: number

  constructor(parts: ReaderParts & Version1Parts, writer: Version1Writer, maxLifetimeSeconds: number) {
    super(parts)
    this.#items = parts.items
    this.#envelope = parts.envelope
    this.#policy = parts.policy
    this.#writer = writer
    this.#maxLifetime = maxLifetimeSeconds * 1000
  }

  override async load(
    key: string,
    id: string,
    operation: string,
    signal: StopSignal,
  ): Promise<LoadedSession | undefined> {
    if (!isItemKey(id)) return super.load(key, id, operation, signal)
    const both = await this.readable(key, operation, () => this.#items.get(key, id, signal))
    if (both?.row === undefined) return both?.item && this.#loadItem(key, both.item, operation)
    const sealed = await this.open(both.row, operation)
    if (sealed === undefined) return undefined
    const loaded = loadedFrom(both.row, sealed)
    const isLeftOver = both.item !== undefined && sealed.createdAt + UPGRADE_IS_OVER < this.clock.now()
    if (!isLeftOver || this.#policy.writes) return loaded
    const afterwards = async (signal: StopSignal) => {
      await this.#items.remove(id, undefined, signal)
    }
    return { ...loaded, afterwards }
  }

  /** What a listing says of an item; `undefined` also where a row of version 2 has taken its place. */
  async openItem(
    key: string,
    id: string,
    operation: string,
    signal: StopSignal,
  ): Promise<Pick<SealedSession, 'id' | 'session'> | undefined> {
    const loaded = await this.load(key, id, operation, signal)
    return loaded?.state.row.version1Tag === undefined ? undefined : { id, session: loaded.session }
  }

  isItemExpired({ ttl }: Pick<EncryptedSessionRecord, 'ttl'>): boolean {
    return ttl * 1000 <= this.clock.now()
  }

  async #loadItem(key: string, item: EncryptedSessionRecord, operation: string): Promise<LoadedSession | undefined> {
    const now = this.clock.now()
    if (this.isItemExpired(item)) {
      this.report('expired', operation, key)
      return undefined
    }
    if (!this.#policy.accepts) {
      this.report('unreadable', operation, key, { code: 'ERR_WAXSEAL_LEGACY_REFUSED' })
      return undefined
    }
    const session = await this.readable(key, operation, () => openItem(this.#envelope, item))
    if (session === undefined) return undefined
    this.report('version1-read', operation, key)
    // Version 1 did not say when a session began: its longest life begins with the upgrade.
    const absoluteExpiresAt = Math.floor(now + this.#maxLifetime)
    const expiresAt = Math.min(expiryOfItem(item, session, now), absoluteExpiresAt)
    // Older code under Express moved `ttl` alone: a date that has passed would end the session at its next write.
    const { cookie } = session
    if (cookie && isPersistent(cookie)) cookie.expires = new Date(expiresAt).toISOString()
    const base = asSnapshot(session)
    const version1Tag = item.authTag
    const state = new LoadState(key, {
      revision: 0,
      expiresAt,
      createdAt: now,
      absoluteExpiresAt,
      base,
      stored: base,
      version1Tag,
    })
    if (this.#policy.writes) return { session, state }
    const target = { key, id: item.sessionId, session }
    return { session, state, afterwards: (signal) => this.#writer.upgrade(target, state, signal) }
  }
}

/**
 * `ttl`, or what the cookie says where that comes sooner: older code under Fastify went by the cookie. One that has
 * passed does not count: older code under Express went by `ttl` alone, and left an old date in the cookie.
 */
function expiryOfItem({ ttl }: EncryptedSessionRecord, { cookie }: SealedSession['session'], now: number): number {
  const expires = typeof cookie?.expires === 'string' ? Date.parse(cookie.expires) : Number.NaN
  return expires > now ? Math.min(expires, ttl * 1000) : ttl * 1000
}
