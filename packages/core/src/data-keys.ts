/**
 * The life of data keys: which one seals, which ones open, and when the keyring is asked. Everything here holds for
 * one envelope and those derived from it. Ages are measured on the monotonic clock; there are no timers.
 */
import { createSecretKey, hash, type KeyObject } from 'node:crypto'
import type { Clock } from './clock.ts'
import { WaxsealError } from './errors.ts'
import type { KeyStanding, StandingRules } from './key-standing.ts'
import { KeyStandings } from './key-standings.ts'
import type { GeneratedDataKey, UnwrappedDataKey, WrappedKey } from './keyring.ts'
import type { KeyringCalls } from './keyring-calls.ts'
import { LruMap } from './lru-map.ts'
import { DATA_KEY_BYTES } from './payload.ts'
import { encodeHeader } from './record.ts'
import type { Scope } from './scope.ts'
import { hasCode } from './verdict.ts'

const SEAL_KEYS = 1_000
const OPEN_KEYS = 10_000
/** Items of version 1 have a data key each, and are upgraded when they are read: they must not crowd out the others. */
const VERSION1_KEYS = 1_000
const OPEN_KEY_MAX_AGE_MS = 24 * 60 * 60 * 1000
/** A new key is fetched in the background from this share of the age on … */
const RENEW_AT = 0.8
/** … and, when that failed, not again before this share of the age has passed: a failing service is not stormed. */
const RENEW_AGAIN_AFTER = 0.01
/** One record's fault is remembered this long, so that a planted row does not cost a call at every read. */
const REFUSAL_MS = 5 * 60 * 1000
/** A denial is remembered this long: a record under a disabled key is no reason to call at every read. */
const DENIAL_MS = 5 * 1000
const REFUSALS = 10_000

/** A data key as a sealer needs it. */
export interface SealKey {
  readonly key: KeyObject
  /** The header of every record under this key, its wrapped keys included. */
  readonly header: Uint8Array
}

interface SealEntry extends SealKey {
  readonly standing: KeyStanding
  readonly createdAt: number
  renewAt: number
  /** The end of its age; later once a renewal has failed: sealing outlasts an outage as opening does. */
  endsAt: number
}

interface OpenEntry {
  readonly key: KeyObject
  readonly standing: KeyStanding
  expiresAt: number
}

export interface DataKeysOptions extends StandingRules {
  readonly calls: KeyringCalls
  readonly maxAgeMs: number
  /** Without cache every seal has its own data key and every open asks the keyring. */
  readonly cache: boolean
  readonly clock: Clock
}

export class DataKeys {
  readonly #options: DataKeysOptions
  readonly #calls: KeyringCalls
  readonly #clock: Clock
  readonly #standings: KeyStandings
  readonly #sealKeys = new LruMap<SealEntry>(SEAL_KEYS)
  readonly #openKeys = { 1: new LruMap<OpenEntry>(VERSION1_KEYS), 2: new LruMap<OpenEntry>(OPEN_KEYS) }
  readonly #refusals = new LruMap<{ readonly error: unknown; readonly endsAt: number }>(REFUSALS)
  readonly #generations = new Map<string, Promise<SealEntry>>()
  readonly #openFlights = new Map<string, Promise<KeyObject>>()
  #disposed = false

  constructor(options: DataKeysOptions) {
    const { calls, clock, revalidateMs, staleIfErrorMs } = options
    this.#options = options
    this.#calls = calls
    this.#clock = clock
    this.#standings = new KeyStandings({
      clock,
      revalidateMs,
      staleIfErrorMs,
      ask: (scope, witness) => calls.probe(scope, [witness]),
      onDenied: (standing) => this.#purge(standing),
    })
  }

  /** The cached key to seal with, if it may be used without waiting; starts its renewal when that is due. */
  cachedSealKey(scope: Scope): SealKey | undefined {
    const entry = this.#sealKeys.get(scope.id)
    if (entry === undefined) return undefined
    const now = this.#clock.monotonicNow()
    if (now >= entry.endsAt || !entry.standing.mayUse(now)) return undefined
    if (now >= entry.renewAt) this.#renew(scope, entry, now)
    return entry
  }

  /** A key to seal with, after asking the keyring; everyone who asks while a call is under way shares its outcome. */
  async fetchSealKey(scope: Scope): Promise<SealKey> {
    if (!this.#options.cache) return sealKeyOf(await this.#calls.generate(scope))
    return this.#confirmOrGenerate(scope)
  }

  /** The cached key that opens a record, if it may be used without waiting. */
  cachedOpenKey(scope: Scope, wrappedKeys: readonly WrappedKey[]): KeyObject | undefined {
    for (const wrappedKey of wrappedKeys) {
      const entry = this.#openKeys[scope.version].get(openKeyId(scope, wrappedKey))
      if (entry === undefined) continue
      const now = this.#clock.monotonicNow()
      if (now < entry.expiresAt && entry.standing.mayUse(now)) return entry.key
    }
    return undefined
  }

  /** The key that opens a record, after asking the keyring; shared like {@link fetchSealKey}. */
  async fetchOpenKey(scope: Scope, wrappedKeys: readonly WrappedKey[]): Promise<KeyObject> {
    if (!this.#options.cache) return takeKey((await this.#calls.unwrap(scope, wrappedKeys)).plaintextKey)
    const id = wrappedKeys.map((wrappedKey) => openKeyId(scope, wrappedKey)).join()
    return once(this.#openFlights, id, () => this.#confirmOrUnwrap(id, scope, wrappedKeys))
  }

  /** Forgets every key. Calls under way still answer those who wait for them, and leave nothing behind. */
  dispose(): void {
    this.#disposed = true
    this.#sealKeys.clear()
    for (const version of [1, 2] as const) this.#openKeys[version].clear()
    this.#standings.clear()
    this.#refusals.clear()
  }

  async #confirmOrGenerate(scope: Scope): Promise<SealEntry> {
    const held = this.#sealKeys.get(scope.id)
    if (held !== undefined && this.#clock.monotonicNow() < held.endsAt) {
      await held.standing.confirm()
      return held
    }
    try {
      return await this.#generateOnce(scope, 'generate')
    } catch (error) {
      if (held !== undefined && this.#outlasts(held, error)) return held
      throw error
    }
  }

  #renew(scope: Scope, entry: SealEntry, now: number): void {
    entry.renewAt = now + this.#options.maxAgeMs * RENEW_AGAIN_AFTER
    // The failure is not lost: it is counted and on the channel.
    this.#generateOnce(scope, 'renew').catch((error) => {
      this.#outlasts(entry, error)
    })
  }

  /** After no new key could be had: whether the old one seals on, beyond its age as long as opening does in an outage. */
  #outlasts(entry: SealEntry, error: unknown): boolean {
    if (hasCode(error, 'ERR_WAXSEAL_KEY_DENIED')) {
      // Not allowed to make new keys is not yet a word on those that exist: that is asked at their next use.
      entry.standing.doubt()
      return false
    }
    const { maxAgeMs, staleIfErrorMs } = this.#options
    entry.endsAt = entry.createdAt + maxAgeMs + staleIfErrorMs
    const now = this.#clock.monotonicNow()
    return now < entry.endsAt && entry.standing.isGood(now)
  }

  #generateOnce(scope: Scope, type: 'generate' | 'renew'): Promise<SealEntry> {
    return once(this.#generations, scope.id, () => this.#generate(scope, type))
  }

  async #generate(scope: Scope, type: 'generate' | 'renew'): Promise<SealEntry> {
    const createdAt = this.#clock.monotonicNow()
    const dataKey = await this.#calls.generate(scope, type)
    const sealKey = sealKeyOf(dataKey)
    const first = dataKey.wrappedKeys[0] as WrappedKey
    const isKnown = this.#standings.find(scope, first) !== undefined
    const standing = this.#standings.witnessedBy(scope, first)
    // To make a key is not to be allowed to open: after a denial only that question counts.
    if (!isKnown) standing.succeeded(createdAt)
    else if (!standing.isGood(this.#clock.monotonicNow())) await standing.confirm()
    const { maxAgeMs } = this.#options
    const endsAt = createdAt + maxAgeMs
    const entry = { ...sealKey, standing, createdAt, renewAt: createdAt + maxAgeMs * RENEW_AT, endsAt }
    if (this.#disposed) return entry
    this.#sealKeys.set(scope.id, entry)
    // What it seals is often read soon after, by this very process.
    const openEntry = { key: entry.key, standing, expiresAt: createdAt + OPEN_KEY_MAX_AGE_MS }
    this.#openKeys[scope.version].set(openKeyId(scope, first), openEntry)
    return entry
  }

  async #confirmOrUnwrap(id: string, scope: Scope, wrappedKeys: readonly WrappedKey[]): Promise<KeyObject> {
    const now = this.#clock.monotonicNow()
    const held = this.#heldOpenKey(scope, wrappedKeys)
    if (held !== undefined && now < held.expiresAt) {
      try {
        await held.standing.confirm()
        return held.key
      } catch (error) {
        // Another key that the record is wrapped under may still be ours; and a witness may be lost alone.
        if (wrappedKeys.length === 1 && !isRecordsFault(error)) throw error
      }
    }
    const refusal = this.#refusals.get(id)
    if (refusal !== undefined && now < refusal.endsAt) throw refusal.error
    try {
      return await this.#unwrap(id, scope, wrappedKeys)
    } catch (error) {
      // That a held key would have been due for unwrapping again must not make an outage shorter.
      const isOutage = !hasCode(error, 'ERR_WAXSEAL_KEY_DENIED') && !isRecordsFault(error)
      if (held === undefined || !isOutage || !held.standing.isGood(this.#clock.monotonicNow())) throw error
      held.expiresAt = now + this.#options.revalidateMs
      return held.key
    }
  }

  #heldOpenKey(scope: Scope, wrappedKeys: readonly WrappedKey[]): OpenEntry | undefined {
    for (const wrappedKey of wrappedKeys) {
      const entry = this.#openKeys[scope.version].get(openKeyId(scope, wrappedKey))
      if (entry !== undefined) return entry
    }
    return undefined
  }

  async #unwrap(id: string, scope: Scope, wrappedKeys: readonly WrappedKey[]): Promise<KeyObject> {
    const askedAt = this.#clock.monotonicNow()
    let unwrapped: UnwrappedDataKey
    try {
      unwrapped = await this.#calls.unwrap(scope, wrappedKeys)
    } catch (error) {
      this.#refused(id, scope, wrappedKeys, askedAt, error)
      throw error
    }
    const key = takeKey(unwrapped.plaintextKey)
    const standing = this.#standings.witnessedBy(scope, unwrapped.wrappedKey)
    standing.succeeded(askedAt)
    const entry = { key, standing, expiresAt: askedAt + OPEN_KEY_MAX_AGE_MS }
    // Under the name that the record has for it, as it is looked for.
    const asWritten = wrappedKeys.find(({ wrapped }) => Buffer.compare(wrapped, unwrapped.wrappedKey.wrapped) === 0)
    if (asWritten !== undefined && !this.#disposed) {
      this.#openKeys[scope.version].set(openKeyId(scope, asWritten), entry)
    }
    return key
  }

  #refused(id: string, scope: Scope, wrappedKeys: readonly WrappedKey[], askedAt: number, error: unknown): void {
    const isDenied = hasCode(error, 'ERR_WAXSEAL_KEY_DENIED')
    // Of several keys it is not known which were asked; whoever can write the store can name any beside a denied one.
    if (isDenied && wrappedKeys.length === 1) this.#standings.find(scope, wrappedKeys[0] as WrappedKey)?.denied(askedAt)
    if (isDenied) this.#refusals.set(id, { error, endsAt: askedAt + DENIAL_MS })
    if (isRecordsFault(error)) this.#refusals.set(id, { error, endsAt: askedAt + REFUSAL_MS })
  }

  /** Drops every data key, of both sides, that this standing vouched for. */
  #purge(standing: KeyStanding): void {
    this.#sealKeys.deleteWhere((entry) => entry.standing === standing)
    for (const version of [1, 2] as const) this.#openKeys[version].deleteWhere((entry) => entry.standing === standing)
  }
}

/**
 * The name of a data key in the open cache: SHA-256 over scope and wrapped key, both of unambiguous length. Not over the
 * wrapped keys beside it in a record: with them, one data key could be made to take any number of places.
 */
function openKeyId(scope: Scope, { keyringId, kid, wrapped }: WrappedKey): string {
  const name = Buffer.from(kid, 'latin1')
  return hash('sha256', Buffer.concat([scope.digest, Uint8Array.of(keyringId, name.length), name, wrapped]), 'base64')
}

/** Bytes that do not unwrap, or a key that is not ours: no word about the key, and no better at the next read. */
function isRecordsFault(error: unknown): boolean {
  return hasCode(error, 'ERR_WAXSEAL_INTEGRITY') || hasCode(error, 'ERR_WAXSEAL_KEY_MISMATCH')
}

/** Joins a call under way of that name or starts one. A call that failed is forgotten, so that the next one asks anew. */
function once<Result>(
  flights: Map<string, Promise<Result>>,
  id: string,
  start: () => Promise<Result>,
): Promise<Result> {
  const underWay = flights.get(id)
  if (underWay !== undefined) return underWay
  const flight = start().finally(() => flights.delete(id))
  flights.set(id, flight)
  return flight
}

function sealKeyOf({ plaintextKey, wrappedKeys }: GeneratedDataKey): SealKey {
  return { key: takeKey(plaintextKey), header: encodeHeader(wrappedKeys) }
}

/**
 * Moves key bytes out of reach of JavaScript: into a KeyObject, and zeros over the buffer they came in. By way of an
 * ArrayBuffer: V8 keeps the bytes of a small array in its heap, and leaves them there when a KeyObject asks for them.
 */
export function takeKey(bytes: Uint8Array): KeyObject {
  const own = new Uint8Array(new ArrayBuffer(DATA_KEY_BYTES))
  try {
    if (bytes.length !== DATA_KEY_BYTES) {
      throw new WaxsealError(
        'ERR_WAXSEAL_INTEGRITY',
        'Waxseal: a keyring returned a data key that is not 32 bytes long',
      )
    }
    own.set(bytes)
    return createSecretKey(own)
  } finally {
    own.fill(0)
    bytes.fill(0)
  }
}
