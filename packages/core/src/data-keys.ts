/**
 * The life of data keys: which one seals, which ones open, and when the keyring is asked. Everything here holds for
 * one envelope and those derived from it. Ages are measured on the monotonic clock; there are no timers.
 */
import { createSecretKey, hash, type KeyObject } from 'node:crypto'
import type { Clock } from './clock.ts'
import { WaxsealError } from './errors.ts'
import { isDenied, KeyStanding, type StandingRules } from './key-standing.ts'
import type { GeneratedDataKey, UnwrappedDataKey, WrappedKey } from './keyring.ts'
import type { KeyringCalls } from './keyring-calls.ts'
import { LruMap } from './lru-map.ts'
import { DATA_KEY_BYTES } from './payload.ts'
import { encodeHeader, wrappedKeysOfHeader } from './record.ts'
import type { Scope } from './scope.ts'

const SEAL_KEYS = 1_000
const OPEN_KEYS = 10_000
const OPEN_KEY_MAX_AGE_MS = 24 * 60 * 60 * 1000
/** A new key is fetched in the background from this share of the age on … */
const RENEW_AT = 0.8
/** … and, when that failed, not again before this share of the age has passed: a failing service is not stormed. */
const RENEW_AGAIN_AFTER = 0.01
/** One record's fault is remembered this long, so that a planted row does not cost a call at every read. */
const REFUSAL_MS = 5 * 60 * 1000

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
  readonly expiresAt: number
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
  readonly #sealKeys = new LruMap<SealEntry>(SEAL_KEYS)
  readonly #openKeys = new LruMap<OpenEntry>(OPEN_KEYS)
  readonly #standings = new LruMap<KeyStanding>(OPEN_KEYS)
  readonly #refusals = new LruMap<{ readonly error: WaxsealError; readonly endsAt: number }>(OPEN_KEYS)
  readonly #sealFlights = new Map<string, Promise<SealEntry>>()
  readonly #openFlights = new Map<string, Promise<KeyObject>>()
  #disposed = false

  constructor(options: DataKeysOptions) {
    this.#options = options
    this.#calls = options.calls
    this.#clock = options.clock
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
    return once(this.#sealFlights, scope.id, () => this.#confirmOrGenerate(scope))
  }

  /** The cached key that opens a record, if it may be used without waiting. */
  cachedOpenKey(id: string): KeyObject | undefined {
    const entry = this.#openKeys.get(id)
    if (entry === undefined) return undefined
    const now = this.#clock.monotonicNow()
    return now < entry.expiresAt && entry.standing.mayUse(now) ? entry.key : undefined
  }

  /** The key that opens a record, after asking the keyring; shared like {@link fetchSealKey}. */
  async fetchOpenKey(id: string, scope: Scope, wrappedKeys: readonly WrappedKey[]): Promise<KeyObject> {
    if (!this.#options.cache) return takeKey((await this.#calls.unwrap(scope, wrappedKeys)).plaintextKey)
    return once(this.#openFlights, id, () => this.#confirmOrUnwrap(id, scope, wrappedKeys))
  }

  /** Forgets every key. Calls under way still answer those who wait for them, and leave nothing behind. */
  dispose(): void {
    this.#disposed = true
    this.#sealKeys.clear()
    this.#openKeys.clear()
    this.#standings.clear()
  }

  async #confirmOrGenerate(scope: Scope): Promise<SealEntry> {
    const held = this.#sealKeys.get(scope.id)
    if (held !== undefined && this.#clock.monotonicNow() < held.endsAt) {
      await held.standing.confirm()
      return held
    }
    try {
      return await this.#generate(scope)
    } catch (error) {
      if (held !== undefined && this.#outlasts(held, error)) return held
      throw error
    }
  }

  async #confirmOrUnwrap(id: string, scope: Scope, wrappedKeys: readonly WrappedKey[]): Promise<KeyObject> {
    const now = this.#clock.monotonicNow()
    const held = this.#openKeys.get(id)
    if (held !== undefined && now < held.expiresAt) {
      try {
        await held.standing.confirm()
        return held.key
      } catch (error) {
        // Another key that the record is wrapped under, in another Region perhaps, may still be ours.
        if (wrappedKeys.length === 1) throw error
      }
    }
    const refusal = this.#refusals.get(id)
    if (refusal !== undefined && now < refusal.endsAt) throw refusal.error
    return this.#unwrap(id, scope, wrappedKeys)
  }

  #renew(scope: Scope, entry: SealEntry, now: number): void {
    entry.renewAt = now + this.#options.maxAgeMs * RENEW_AGAIN_AFTER
    // The failure is not lost: it is counted and on the channel.
    once(this.#sealFlights, scope.id, () => this.#generate(scope, 'renew')).catch((error) => {
      this.#outlasts(entry, error)
    })
  }

  /** After a failed renewal: whether the key of which the age has ended, or soon will, seals on for a while. */
  #outlasts(entry: SealEntry, error: unknown): boolean {
    const { maxAgeMs, staleIfErrorMs } = this.#options
    if (isDenied(error)) {
      // Not allowed to make new keys is not yet a word on those that exist: that is asked at their next use.
      entry.endsAt = 0
      entry.standing.doubt()
      return false
    }
    entry.endsAt = entry.createdAt + maxAgeMs + staleIfErrorMs
    const now = this.#clock.monotonicNow()
    return now < entry.endsAt && entry.standing.mayUse(now)
  }

  async #generate(scope: Scope, type: 'generate' | 'renew' = 'generate'): Promise<SealEntry> {
    const createdAt = this.#clock.monotonicNow()
    const dataKey = await this.#calls.generate(scope, type)
    const sealKey = sealKeyOf(dataKey)
    const standing = this.#standingOf(scope, dataKey.wrappedKeys[0] as WrappedKey, createdAt)
    const { maxAgeMs } = this.#options
    const endsAt = createdAt + maxAgeMs
    const entry = { ...sealKey, standing, createdAt, renewAt: createdAt + maxAgeMs * RENEW_AT, endsAt }
    if (!this.#disposed) {
      this.#sealKeys.set(scope.id, entry)
      // What it seals is often read soon after, by this very process.
      const id = openKeyId(scope, wrappedKeysOfHeader(sealKey.header))
      this.#openKeys.set(id, { key: entry.key, standing, expiresAt: createdAt + OPEN_KEY_MAX_AGE_MS })
    }
    return entry
  }

  async #unwrap(id: string, scope: Scope, wrappedKeys: readonly WrappedKey[]): Promise<KeyObject> {
    const askedAt = this.#clock.monotonicNow()
    let unwrapped: UnwrappedDataKey
    try {
      unwrapped = await this.#calls.unwrap(scope, wrappedKeys)
    } catch (error) {
      if (isDenied(error)) for (const wrappedKey of wrappedKeys) this.#purge(standingId(scope, wrappedKey))
      if (isRecordsFault(error)) this.#refusals.set(id, { error, endsAt: askedAt + REFUSAL_MS })
      throw error
    }
    const key = takeKey(unwrapped.plaintextKey)
    const standing = this.#standingOf(scope, unwrapped.wrappedKey, askedAt)
    standing.succeeded(askedAt)
    if (!this.#disposed) this.#openKeys.set(id, { key, standing, expiresAt: askedAt + OPEN_KEY_MAX_AGE_MS })
    return key
  }

  /** The standing that a data key has by this wrapping of it; a new one is as good as the call that it came from. */
  #standingOf(scope: Scope, wrappedKey: WrappedKey, askedAt: number): KeyStanding {
    const id = standingId(scope, wrappedKey)
    const known = this.#standings.get(id)
    if (known !== undefined) return known
    // A copy: the bytes given may be a part of a record of up to 1 MiB.
    const witness = [{ ...wrappedKey, wrapped: new Uint8Array(wrappedKey.wrapped) }]
    const { clock, revalidateMs, staleIfErrorMs } = this.#options
    const ask = () => this.#calls.probe(scope, witness)
    const onDenied = () => this.#purge(id)
    const standing = new KeyStanding({ clock, revalidateMs, staleIfErrorMs, ask, onDenied }, askedAt)
    if (!this.#disposed) this.#standings.set(id, standing)
    return standing
  }

  /** Drops every data key, of both sides, that this standing vouched for. */
  #purge(id: string): void {
    const standing = this.#standings.get(id)
    if (standing === undefined) return
    this.#standings.delete(id)
    this.#sealKeys.deleteWhere((entry) => entry.standing === standing)
    this.#openKeys.deleteWhere((entry) => entry.standing === standing)
  }
}

/** The name of a data key in the open cache: SHA-256 over scope and wrapped keys, both of unambiguous length. */
export function openKeyId(scope: Scope, wrappedKeysBytes: Uint8Array): string {
  return hash('sha256', Buffer.concat([scope.digest, wrappedKeysBytes]), 'base64')
}

function standingId(scope: Scope, { keyringId, kid }: WrappedKey): string {
  return `${scope.id} ${keyringId} ${kid}`
}

/** Bytes that do not unwrap, or a key that is not ours: no word about the key, and no better at the next read. */
function isRecordsFault(error: unknown): error is WaxsealError {
  return (
    error instanceof WaxsealError &&
    (error.code === 'ERR_WAXSEAL_INTEGRITY' || error.code === 'ERR_WAXSEAL_KEY_MISMATCH')
  )
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
